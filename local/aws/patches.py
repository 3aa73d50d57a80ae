"""Changes to other people's objects that can be taken back."""

from collections.abc import Callable, MutableMapping
from contextlib import ExitStack
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

    def later(self, undo: Callable[[], object]) -> None:
        """Call *undo* with the others."""
        self._undo.callback(undo)

    def undo(self) -> None:
        """Put everything back."""
        self._undo.close()
