"""The tests; doubles are those of `local/`. Where what they need is not installed, that is said at once."""

from importlib.util import find_spec

import pytest

MISSING = [name for name in ("boto3", "moto", "hypothesis") if not find_spec(name)]
if MISSING:
    pytest.exit(f"Not installed: {', '.join(MISSING)}. `make test` installs it and runs the tests.", returncode=4)
