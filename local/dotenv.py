"""`.env`: what the laptop needs to reach a real workspace. It is never committed; the environment wins over it."""

import os
from pathlib import Path

from dotenv import dotenv_values

PATH = Path(__file__).parent.parent / ".env"


def environment(path: Path = PATH) -> dict[str, str]:
    """The variables of *path*, if it exists, with the environment's own over them."""
    variables = {name: value for name, value in dotenv_values(path).items() if value is not None}
    return variables | dict(os.environ)
