"""The folder .bench/: the packages to measure, laid out as on Lambda, the runtime's modules, and a certificate.

Lambda's own modules (boto3 and its dependencies) come with bytecode. A package made by `chalice package` has
none, and its folder is read-only on Lambda: Python compiles its modules at every cold start. `make deploy` adds the
bytecode of ours.
"""

import compileall
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import certifi

from operations import bytecode

BENCH = Path(__file__).parent
PROJECT = BENCH.parent
HOME = PROJECT / ".bench"
RUNTIME = HOME / "runtime"
VENV = HOME / "venv"
PYTHON = Path(sys.executable).resolve()
"""Python without the virtual environment around it."""
CERTIFICATE, KEY, AUTHORITIES = HOME / "certificate.pem", HOME / "key.pem", HOME / "authorities.pem"

TOOLS = {"curl": "curl", "rclone": "rclone", "openssl": "openssl"}
"""Programs and the Debian packages that they come in."""
OPTIONAL = {"rclone"}
"""Programs that may be missing: the tables then say "not installed". The bench needs all the others."""


def prepare() -> None:
    """Make everything that is missing. The app itself is packaged again each time."""
    HOME.mkdir(exist_ok=True)
    _certify()
    _once("venv", BENCH.joinpath("requirements.txt").read_text(), _make_venv)
    _once("runtime", f"boto3=={_pinned('boto3')}", _install_runtime)
    _package_app()
    requests = PROJECT.joinpath("requirements.txt").read_text()
    _once("bolt_chalice", f"slack-bolt=={_pinned('slack-bolt', BENCH / 'requirements.txt')}", _install)
    _once("put_object", requests, _install)
    _once("upload_fileobj", requests, _install)
    for name in ("bare_botocore", "bare_signed", "bolt_chalice", "put_object", "upload_fileobj"):
        package(name).mkdir(exist_ok=True)
        shutil.copy(BENCH / "contenders" / f"{name}.py", package(name))
    runtime, skip = package("ours") / "chalice", shutil.ignore_patterns("__pycache__")
    shutil.copytree(runtime, package("bolt_chalice") / "chalice", ignore=skip, dirs_exist_ok=True)
    for name in ("ours", "bare_botocore", "bare_signed", "bolt_chalice"):
        _compile(name)
    shutil.copytree(package("ours"), package("steps"), dirs_exist_ok=True)
    shutil.copy(BENCH / "steps.py", package("steps"))


def package(name: str, *, compiled: bool = False) -> Path:
    """Return the folder of the package *name*, as it is unpacked on Lambda; *compiled*: with bytecode."""
    return HOME / (f"{name}-compiled" if compiled else name)


def size(name: str) -> int:
    """Return the bytes of the package *name*, unpacked, without pip's notes about its contents."""
    files = (file for file in package(name).rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files if not file.parent.name.endswith(".dist-info"))


def missing() -> dict[str, str]:
    """Return the programs that are not installed, with the command that installs them on Debian."""
    return {name: f"apt install {package_name}" for name, package_name in TOOLS.items() if not shutil.which(name)}


def _pinned(name: str, file: Path = PROJECT / "requirements-dev.in") -> str:
    lines = (line.partition("==") for line in file.read_text().splitlines())
    return next(version for package, _, version in lines if package == name)


def _once(name: str, requirements: str, make: Callable[[Path, str], None]) -> None:
    """Let *make* fill the folder *name*, unless it was filled with the same *requirements* before."""
    mark, seal = HOME / f"{name}.made", hashlib.sha256(f"{sys.version} {requirements}".encode()).hexdigest()
    if mark.exists() and mark.read_text() == seal:
        return
    print(f"Preparing .bench/{name} (once) ...", file=sys.stderr)
    shutil.rmtree(HOME / name, ignore_errors=True)
    make(HOME / name, requirements)
    mark.write_text(seal)


def _install(folder: Path, requirements: str) -> None:
    """Install *requirements* into *folder* without bytecode, as in a deployed package."""
    file = folder.with_suffix(".txt")
    file.write_text(requirements)
    _run(sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--target", folder, "-r", file)
    shutil.rmtree(folder / "bin", ignore_errors=True)


def _install_runtime(folder: Path, requirements: str) -> None:
    _install(folder, requirements)
    compileall.compile_dir(folder, quiet=2)


def _make_venv(folder: Path, requirements: str) -> None:
    """Install the aws command, with bytecode, as everybody runs it."""
    _run(sys.executable, "-m", "venv", folder)
    lines = [line for line in requirements.splitlines() if line.startswith("awscli")]
    _run(folder / "bin" / "python", "-m", "pip", "install", "-q", "--compile", *lines)


def _package_app() -> None:
    """Package a clean copy of the app as `make deploy` does, and unpack it."""
    source, out, folder = HOME / "source", HOME / "out", package("ours")
    for old in (source, out, folder):
        shutil.rmtree(old, ignore_errors=True)
    skip = shutil.ignore_patterns("__pycache__", "deployed", "deployments")
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(PROJECT / name, source / name, ignore=skip)
    for name in ("app.py", "requirements.txt"):
        shutil.copy(PROJECT / name, source)
    bytecode.add(source)
    chalice = Path(sys.executable).with_name("chalice")
    _run(chalice, "package", "--stage", "local", out, cwd=source)
    with zipfile.ZipFile(out / "deployment.zip") as archive:
        archive.extractall(folder)


def _compile(name: str) -> None:
    folder = package(name, compiled=True)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(package(name), folder)
    compileall.compile_dir(folder, quiet=2)


def _certify() -> None:
    """Make a certificate for Slack's names and this machine, and add it to the usual authorities."""
    if AUTHORITIES.exists():
        return
    names = "subjectAltName=DNS:slack.com,DNS:*.slack.com,DNS:localhost,IP:127.0.0.1"
    kind = "req -x509 -nodes -days 3650 -subj /CN=bench -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
    _run("openssl", *kind.split(), "-keyout", KEY, "-out", CERTIFICATE, "-addext", names)
    AUTHORITIES.write_text(Path(certifi.where()).read_text() + CERTIFICATE.read_text())


_CHALICE = {"AWS_DEFAULT_REGION": "us-east-1", "CHALICE_UNCHECKED": "1"}


def _run(*command: object, cwd: Path | None = None) -> None:
    words, environ = [str(part) for part in command], {**os.environ, **_CHALICE}
    completed = subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    if completed.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{completed.stdout}{completed.stderr}")
