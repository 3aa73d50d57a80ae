"""Bytecode for the package. Lambda's folders are read-only: without it, every cold start compiles all modules.

Chalice packs all that is in chalicelib/ and in vendor/. Each file of bytecode holds the hash of its source, so that
Python compiles a source that has changed since (https://peps.python.org/pep-0552/). The functions get the minor
version of Python that deploys them, for which this bytecode is.
"""

import importlib.util
import py_compile
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import chalice.app

CHALICELIB, VENDOR = "chalicelib", "vendor"
_CHECKED_HASH = b"\x03\0\0\0"
"""The flags of bytecode that is valid for one source only, whose hash follows."""


def add(project: Path) -> int:
    """Put the bytecode of all that the package of *project* contains where Chalice packs it; return the modules.

    What is up to date is left as it is, and the bytecode of former modules is removed.
    """
    modules = dict(_modules(project))
    targets = {module: project / _place(module) for module in modules}
    for old in {*(project / VENDOR).rglob("__pycache__/*.pyc")} - {*targets.values()}:
        old.unlink()
    for module, source in modules.items():
        _compile(source, module, targets[module])
    return len(modules)


def _modules(project: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the path of each module in the package, and that of its source here."""
    for source in [project / "app.py", *sorted((project / CHALICELIB).rglob("*.py"))]:
        yield source.relative_to(project), source
    for name in ("__init__.py", "app.py"):  # all that Chalice packs of itself
        yield Path("chalice", name), Path(chalice.app.__file__).with_name(name)
    for distribution in _requirements(project):
        for file in distribution.files or []:
            if file.suffix == ".py" and ".." not in file.parts:
                yield Path(file), Path(str(distribution.locate_file(file)))


def _requirements(project: Path) -> Iterator[metadata.Distribution]:
    """Yield the requirements; one that is not installed on this machine comes without bytecode."""
    text = project.joinpath("requirements.txt").read_text(encoding="utf-8")
    for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE):
        yield from metadata.distributions(name=name)


def _place(module: Path) -> Path:
    cached = module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}.pyc"
    return cached if module.parts[0] == CHALICELIB else VENDOR / cached


def _compile(source: Path, module: Path, target: Path) -> None:
    """Compile *source* for Lambda, unless that is done; what cannot be compiled is printed, and Chalice refuses it.

    The bytecode names the *module*, not the path of the source, which is of this machine.
    """
    is_done = importlib.util.MAGIC_NUMBER + _CHECKED_HASH + importlib.util.source_hash(source.read_bytes())
    if not (target.exists() and target.read_bytes().startswith(is_done)):
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        py_compile.compile(str(source), str(target), str(module), optimize=0, invalidation_mode=mode)
