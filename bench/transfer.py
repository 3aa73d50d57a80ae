"""Transfer: a file from Slack's file host into S3, by our function, by the usual ways, and at the stubs' limit."""

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
"""The functions of bench/steps.py."""
PROFILED = 3
OUT_OF_SLACK, INTO_S3 = "out of Slack, with TLS", "into S3, with TLS"
CALLS = {"1 MB": 9}
"""Number of calls behind the figure of one call alone. A short call needs several; for other sizes it is 1."""


@dataclass(frozen=True)
class Handler:
    """A Lambda function. It first moves a file of one byte, so that the calls after it are warm."""

    title: str
    package: str
    handler: str

    def run(self, stubs: Stubs, size: int, calls: int) -> Run:
        """Move *calls* files of *size* bytes."""
        events = [payloads.transfer(stubs.file_url(each), each) for each in (1, *[size] * calls)]
        result = run(prepare.package(self.package), self.handler, events, stubs, expect="archived")
        _check(self.title, stubs, [1, *[size] * calls])
        return result


@dataclass(frozen=True)
class Pipe:
    """A pipe: curl reads from Slack, and *program* writes to S3."""

    title: str
    program: str
    arguments: tuple[str, ...]

    def run(self, stubs: Stubs, size: int, calls: int) -> Run:
        """Move one file of *size* bytes."""
        environ = stubs.environ()
        # A flag of rclone and this variable exclude each other.
        environ.update(_rclone(stubs, environ.pop("AWS_CA_BUNDLE", "")) if self.program == "rclone" else {})
        target = [argument.format(url=stubs.aws.url) for argument in self.arguments]
        result = pipe([_download(stubs, size), [self.program, *target]], environ)
        _check(self.title, stubs, [size])
        return result


@dataclass(frozen=True)
class Half:
    """One half of the way, by curl: how fast the stub can send, or receive."""

    title: str
    upload: bool

    def run(self, stubs: Stubs, size: int, calls: int) -> Run:
        """Move one file of *size* bytes, out of Slack or into S3."""
        if not self.upload:
            return pipe([_download(stubs, size)], stubs.environ())
        file = prepare.HOME / "zeros"
        file.touch()
        os.truncate(file, size)
        result = pipe(
            [["curl", "-sS", "-T", str(file), f"{stubs.aws.url}/archive/documents/large.bin"]], stubs.environ()
        )
        _check(self.title, stubs, [size])
        return result


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
RIVALS = tuple(
    contender.title for contender in CONTENDERS[1:] if contender.title != LIMIT and not isinstance(contender, Half)
)


def _rclone(stubs: Stubs, authorities: str) -> dict[str, str]:
    options = {"PROVIDER": "Other", "ENV_AUTH": "true", "REGION": "us-east-1", "NO_CHECK_BUCKET": "true"}
    environ = {f"RCLONE_S3_{name}": value for name, value in options.items()}
    environ |= {"RCLONE_S3_ENDPOINT": stubs.aws.url, "RCLONE_CONFIG": os.devnull, "RCLONE_LOG_LEVEL": "ERROR"}
    return environ | ({"RCLONE_CA_CERT": authorities} if authorities else {})


def _check(title: str, stubs: Stubs, sizes: list[int]) -> None:
    """Fail unless files of exactly *sizes* arrived. A contender that loses bytes would be fast."""
    arrived = [size for name, size in stubs.aws.sizes().items() if "/documents/" in name]
    if sorted(arrived) != sorted(sizes):
        raise RuntimeError(f"{title}: {arrived} bytes arrived, not {sizes}")


def measure(*, quick: bool) -> dict[str, Any]:
    """Return, by way and size, the figures of each contender; None for a program that is not installed."""
    rounds = QUICK if quick else ROUNDS
    contenders = [
        contender for contender in CONTENDERS if not isinstance(contender, Pipe) or shutil.which(contender.program)
    ]
    ways: dict[str, Any] = {}
    for (way, size), count in rounds.items():
        runs: dict[str, list[Run]] = {contender.title: [] for contender in contenders}
        with Stubs(tls=way == "TLS") as stubs:
            for _ in range(count):
                for contender in contenders:
                    runs[contender.title].append(contender.run(stubs, SIZES[size], CALLS.get(size, 1)))
        figures = {title: _figures(those, SIZES[size]) for title, those in runs.items()}
        ways.setdefault(way, {})[size] = {contender.title: figures.get(contender.title) for contender in CONTENDERS}
    counts = {f"{way}, {size}": count for (way, size), count in rounds.items()}
    return {"ways": ways, "hashes": _hashes(), "rounds": counts, "steps": {} if quick else _profile()}


def _profile() -> dict[str, float]:
    """Return the CPU seconds per GB of each step when our function moves 1 GiB over TLS."""
    handlers = {"all": ("ours", "app.fetch_file"), **{name: ("steps", f"steps.{name}") for name in STEPS}}
    seconds: dict[str, list[float]] = {name: [] for name in handlers}
    starts = []
    with Stubs(tls=True) as stubs:
        for _ in range(PROFILED):
            for name, (package, handler) in handlers.items():
                events = [payloads.transfer(stubs.file_url(size), size) for size in (1, GB)]
                figures = run(prepare.package(package), handler, events, stubs, expect="archived")
                seconds[name].append(figures.spent[1] / (GB / 1e9))
                if name == "all":
                    starts.append((figures.cpu - figures.spent[1]) / (GB / 1e9))
    return shares(median(starts), {name: median(those) for name, those in seconds.items()}, _hashes()["CRC-32"])


def shares(start: float, seconds: dict[str, float], crc: float) -> dict[str, float]:
    """Return the CPU seconds of each step; *seconds* has those of each step together with the steps before it."""
    return {
        "Python, modules and clients, once per process": start,
        OUT_OF_SLACK: seconds["read"],
        "SHA-256, for the record": seconds["hashed"] - seconds["read"],
        "CRC-32, for S3": crc,
        "copied together to parts": seconds["parted"] - seconds["hashed"] - crc,
        INTO_S3: seconds["sent"],
        "both at once: threads and caches": seconds["all"] - seconds["parted"] - seconds["sent"],
    }


def _hashes() -> dict[str, float]:
    """Return the CPU seconds per GB of SHA-256 and of CRC-32."""
    seconds = {}
    for name, update in (("SHA-256", hashlib.sha256().update), ("CRC-32", zlib.crc32)):
        start = time.process_time()
        for _ in range(64):
            update(BLOCK)
        seconds[name] = (time.process_time() - start) / (64 * len(BLOCK) / 1e9)
    return seconds


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
