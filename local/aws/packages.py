"""Functions as they were deployed: each from its own zip.

What runs them is AWS's runtime client (ric.py) in an environment that holds nothing but what Lambda's runtime
brings, so that a module which was not packed is missed here too.
"""

import io
import threading
import zipfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from moto.awslambda.utils import get_backend

from local.aws.sandbox import FunctionSpec

BROUGHT = ("boto3", "awslambdaric")
"""What Lambda's Python runtime has installed (docs.aws.amazon.com/lambda/latest/dg/lambda-python.html)."""


class Packages:
    """Unpacks into *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def prepared(self, function: FunctionSpec) -> FunctionSpec:
        """Return *function* with the folder of its code, and the path on which its modules are looked for."""
        account, region = function.arn.split(":")[4], function.arn.split(":")[3]
        lambda_function: Any = get_backend(account, region).get_function(function.arn)
        with self._lock:
            root = self._unpack(lambda_function)
            runtime = self._runtime()
        return replace(function, root=root, environ={"PYTHONPATH": f"{root}:{runtime}", **function.environ})

    def _unpack(self, lambda_function: Any) -> Path:
        root: Path = self._folder / "code" / lambda_function.code_sha_256.replace("/", "_")
        if not root.exists():
            zipfile.ZipFile(io.BytesIO(lambda_function.code_bytes)).extractall(root)
        return root

    def _runtime(self) -> Path:
        """A folder of links to what the runtime brings, and to nothing else that is installed here."""
        folder = self._folder / "runtime"
        if not folder.exists():
            folder.mkdir(parents=True)
            for name in _with_requirements(set(BROUGHT)):
                files = metadata.distribution(name).files or []
                for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
                    folder.joinpath(top).symlink_to(str(metadata.distribution(name).locate_file(top)))
        return folder


def _with_requirements(names: set[str]) -> set[str]:
    """*names* and all that they require, extras left out."""
    required = {
        line.replace("(", " ").replace(">", " ").replace("<", " ").replace("=", " ").split(";")[0].split()[0]
        for name in names
        for line in metadata.requires(name) or []
        if "extra ==" not in line and "python_version <" not in line
    }
    return names if required <= names else _with_requirements(names | required)
