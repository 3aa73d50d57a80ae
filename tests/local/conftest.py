import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns between any two steps."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
