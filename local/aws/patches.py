"""Changes to other people's objects that can be taken back."""

import threading
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import AbstractContextManager, ExitStack
from functools import wraps
from typing import Any


class Patches:
    """Remembers what it replaced, and puts it back in the opposite order."""

    def __init__(self) -> None:
        self._undo = ExitStack()

    def attribute(self, target: object, name: str, value: object) -> Any:
        """Let *target*'s attribute be *value*, and return what it was."""
        before = getattr(target, name)
        self._undo.callback(setattr, target, name, before)
        setattr(target, name, value)
        return before

    def add(self, target: type, name: str, method: Callable[..., Any]) -> None:
        """Let *target* have a *method* that it lacks."""
        self._undo.callback(delattr, target, name)
        setattr(target, name, method)

    def item(self, target: MutableMapping[str, Any], name: str, value: object) -> None:
        """Let *target*'s item be *value*; it may be a new one."""
        if name in target:
            self._undo.callback(target.__setitem__, name, target[name])
        else:
            self._undo.callback(target.pop, name, None)
        target[name] = value

    def one_at_a_time(self, methods: Iterable[tuple[type, str]]) -> None:
        """Let no two calls of *methods* overlap; one of them may call another."""
        lock = threading.RLock()
        for target, name in methods:
            self.attribute(target, name, _alone(getattr(target, name), lock))

    def later(self, undo: Callable[[], object]) -> None:
        """Call *undo* with the others."""
        self._undo.callback(undo)

    def undo(self) -> None:
        """Put everything back."""
        self._undo.close()


def _alone(method: Callable[..., Any], lock: AbstractContextManager[bool]) -> Callable[..., Any]:
    @wraps(method)
    def alone(*arguments: Any, **options: Any) -> Any:
        with lock:
            return method(*arguments, **options)

    return alone
