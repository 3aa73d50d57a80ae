"""Transfer: a file from Slack's file host into S3, in the ways that people would take, and as fast as it can go."""

import hashlib
import os
import shutil
import time
import zlib
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench import payloads, prepare
from bench.loopback import Stubs
from bench.measured import Run, pipe, run
from bench.stub import BLOCK, SECRETS

MB, GB = 1024**2, 1024**3
SIZES = {"1 MB": MB, "64 MB": 64 * MB, "1 GiB": GB}
ROUNDS = {("TLS", "1 MB"): 5, ("TLS", "64 MB"): 5, ("TLS", "1 GiB"): 3}
ROUNDS |= {("HTTP", "1 MB"): 5, ("HTTP", "64 MB"): 3, ("HTTP", "1 GiB"): 1}
QUICK = {("TLS", "1 MB"): 1, ("TLS", "64 MB"): 1}
OURS, LIMIT = "ours", "curl, curl: the limit"
STEPS = ("read", "hashed", "parted", "sent")
"""What bench/steps.py has."""
PROFILED = 3
OUT_OF_SLACK, INTO_S3 = "out of Slack, with TLS", "into S3, with TLS"
CALLS = {"1 MB": 9}
"""Calls for the figure of a call alone, where one is short; else one."""


@dataclass(frozen=True)
class Handler:
    """A Lambda function. It moves a file of one byte first, so that the next call is a warm function's."""

    title: str
    package: str
    handler: str

    def run(self, stubs: Stubs, size: int, calls: int) -> Run:
        """Move *calls* files of *size* bytes."""
        events = [payloads.transfer(stubs.file_url(each), each) for each in (1, *[size] * calls)]
        moved = run(prepare.package(self.package), self.handler, events, stubs, expect="archived")
        _check(self.title, stubs, [1, *[size] * calls])
        return moved


@dataclass(frozen=True)
class Pipe:
    """curl out of Slack, and a command that takes it into S3."""

    title: str
    program: str
    arguments: tuple[str, ...]

    def run(self, stubs: Stubs, size: int, calls: int) -> Run:
        """Move one file of *size* bytes."""
        environ = stubs.environ()
        # A flag of rclone and this variable exclude each other.
        environ.update(_rclone(stubs, environ.pop("AWS_CA_BUNDLE", "")) if self.program == "rclone" else {})
        target = [argument.format(url=stubs.aws.url) for argument in self.arguments]
        moved = pipe([_download(stubs, size), [self.program, *target]], environ)
        _check(self.title, stubs, [size])
        return moved


@dataclass(frozen=True)
class Half:
    """One half of the way, by curl: what the stub itself can send, or take."""

    title: str
    upload: bool

    def run(self, stubs: Stubs, size: int, calls: int) -> Run:
        """Move one file of *size* bytes, out of Slack or into S3."""
        if not self.upload:
            return pipe([_download(stubs, size)], stubs.environ())
        file = prepare.HOME / "zeros"
        file.touch()
        os.truncate(file, size)
        moved = pipe(
            [["curl", "-sS", "-T", str(file), f"{stubs.aws.url}/archive/documents/large.bin"]], stubs.environ()
        )
        _check(self.title, stubs, [size])
        return moved


def _download(stubs: Stubs, size: int) -> list[str]:
    """Return the command that writes a file of Slack's to standard output."""
    command = ["curl", "-sS", "-H", f"Authorization: Bearer {SECRETS['ACCESS_TOKEN']}", stubs.file_url(size)]
    for host, port in stubs.hosts.items():
        command += ["--connect-to", f"{host}:443:127.0.0.1:{port}"]
    return command


AWS = str(prepare.VENV / "bin" / "aws")
CONTENDERS: tuple[Handler | Pipe | Half, ...] = (
    Handler(OURS, "ours", "app.fetch_file"),
    Handler("requests, upload_fileobj", "upload_fileobj", "upload_fileobj.handler"),
    Handler("requests.content, put_object", "put_object", "put_object.handler"),
    Pipe("curl, aws s3 cp -", AWS, ("s3", "cp", "-", "s3://archive/documents/large.bin")),
    Pipe("curl, rclone rcat", "rclone", ("rcat", ":s3:archive/documents/large.bin")),
    Pipe(LIMIT, "curl", ("-sS", "-T", "-", "{url}/archive/documents/large.bin")),
    Half("curl, out of Slack alone", upload=False),
    Half("curl, into S3 alone", upload=True),
)
RIVALS = tuple(one.title for one in CONTENDERS[1:] if one.title != LIMIT and not isinstance(one, Half))


def _rclone(stubs: Stubs, authorities: str) -> dict[str, str]:
    options = {"PROVIDER": "Other", "ENV_AUTH": "true", "REGION": "us-east-1", "NO_CHECK_BUCKET": "true"}
    environ = {f"RCLONE_S3_{name}": value for name, value in options.items()}
    environ |= {"RCLONE_S3_ENDPOINT": stubs.aws.url, "RCLONE_CONFIG": os.devnull, "RCLONE_LOG_LEVEL": "ERROR"}
    return environ | ({"RCLONE_CA_CERT": authorities} if authorities else {})


def _check(title: str, stubs: Stubs, sizes: list[int]) -> None:
    """Fail unless exactly files of *sizes* arrived: what loses bytes is quick."""
    arrived = [size for name, size in stubs.aws.sizes().items() if "/documents/" in name]
    if sorted(arrived) != sorted(sizes):
        raise RuntimeError(f"{title}: {arrived} bytes arrived, not {sizes}")


def measure(*, quick: bool) -> dict[str, Any]:
    """Return, by way and size, what each contender took; None for one that is not installed."""
    rounds = QUICK if quick else ROUNDS
    there = [one for one in CONTENDERS if not isinstance(one, Pipe) or shutil.which(one.program)]
    ways: dict[str, Any] = {}
    for (way, size), count in rounds.items():
        found: dict[str, list[Run]] = {one.title: [] for one in there}
        with Stubs(tls=way == "TLS") as stubs:
            for _ in range(count):
                for one in there:
                    found[one.title].append(one.run(stubs, SIZES[size], CALLS.get(size, 1)))
        figures = {title: _figures(those, SIZES[size]) for title, those in found.items()}
        ways.setdefault(way, {})[size] = {one.title: figures.get(one.title) for one in CONTENDERS}
    named = {f"{way}, {size}": count for (way, size), count in rounds.items()}
    return {"ways": ways, "hashes": _hashes(), "rounds": named, "steps": {} if quick else _profile()}


def _profile() -> dict[str, float]:
    """Return where the CPU seconds of a GB go when ours moves 1 GiB over TLS."""
    handlers = {"all": ("ours", "app.fetch_file"), **{name: ("steps", f"steps.{name}") for name in STEPS}}
    spent: dict[str, list[float]] = {name: [] for name in handlers}
    started = []
    with Stubs(tls=True) as stubs:
        for _ in range(PROFILED):
            for name, (package, handler) in handlers.items():
                events = [payloads.transfer(stubs.file_url(size), size) for size in (1, GB)]
                done = run(prepare.package(package), handler, events, stubs, expect="archived")
                spent[name].append(done.spent[1] / (GB / 1e9))
                if name == "all":
                    started.append((done.cpu - done.spent[1]) / (GB / 1e9))
    return shares(median(started), {name: median(those) for name, those in spent.items()}, _hashes()["CRC-32"])


def shares(start: float, spent: dict[str, float], crc: float) -> dict[str, float]:
    """Return what each step takes, given what it takes together with those before it."""
    return {
        "Python, modules and clients, once per process": start,
        OUT_OF_SLACK: spent["read"],
        "SHA-256, for the record": spent["hashed"] - spent["read"],
        "CRC-32, for S3": crc,
        "copied together to parts": spent["parted"] - spent["hashed"] - crc,
        INTO_S3: spent["sent"],
        "both at once: threads and caches": spent["all"] - spent["parted"] - spent["sent"],
    }


def _hashes() -> dict[str, float]:
    """Return the CPU seconds per GB of what a document's content is checked with."""
    found = {}
    for name, update in (("SHA-256", hashlib.sha256().update), ("CRC-32", zlib.crc32)):
        begun = time.process_time()
        for _ in range(64):
            update(BLOCK)
        found[name] = (time.process_time() - begun) / (64 * len(BLOCK) / 1e9)
    return found


def _figures(runs: list[Run], size: int) -> dict[str, float | None]:
    """Return the medians: seconds and MB/s of the process, MB/s of a call, CPU seconds per GB, MB of memory."""
    is_handler = bool(runs[0].imported)
    process = median(run.calls[1 if is_handler else 0][1] for run in runs)
    call = median(seconds for run in runs for seconds in run.durations[1:]) if is_handler else None
    calls = len(runs[0].calls) - 1 if is_handler else 1
    return {
        "seconds": process,
        "rate": size / 1e6 / process,
        "call": size / 1e6 / call if call else None,
        "cpu": median(run.cpu for run in runs) / (calls * size / 1e9),
        "peak": median(run.peak for run in runs) / 1e6,
    }
