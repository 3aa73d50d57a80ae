"""One JSON line a step, with the ids by which a document's story is found again.

Nothing here or elsewhere logs a token, a header, a body, a file name, what people wrote or the environment: a step
has ids and sizes.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

_log = logging.getLogger("slack-integrator")
_about: ContextVar[Mapping[str, Any]] = ContextVar("about", default=MappingProxyType({}))


class JsonLine(logging.Formatter):
    """A record as one JSON object: time, level, step, the fields in force, the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname,
            "step": record.getMessage(),
            **_about.get(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=repr)


def configure(environ: Mapping[str, str]) -> None:
    """Give the root logger one handler: DEBUG=1 adds each call, ERROR=1 leaves errors only, neither means INFO.

    Lambda's runtime puts a handler of its own on the root logger, which would print each line twice.
    """
    level = logging.INFO
    if environ.get("ERROR"):
        level = logging.ERROR
    if environ.get("DEBUG"):
        level = logging.DEBUG
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLine())
    logging.getLogger().handlers[:] = [handler]
    logging.getLogger().setLevel(logging.WARNING)  # libraries: botocore's DEBUG lines hold headers and bodies
    _log.setLevel(level)


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Put *fields* on every line written inside."""
    token = _about.set({**_about.get(), **fields})
    try:
        yield
    finally:
        _about.reset(token)


def debug(step: str, **fields: Any) -> None:
    """Write *step* when DEBUG=1."""
    _log.debug(step, extra={"fields": fields})


def call(service: str, operation: str, status: int | str, start: float) -> None:
    """Write, when DEBUG=1, a call of AWS or Slack that began at *start* (time.monotonic): what, how it ended, when.

    *status* is the HTTP status, or an error's name. Never the arguments: they hold what people wrote.
    """
    milliseconds = round((time.monotonic() - start) * 1000)
    debug("called", service=service, operation=operation, status=status, milliseconds=milliseconds)


def is_debug() -> bool:
    """Return True when DEBUG=1."""
    return _log.isEnabledFor(logging.DEBUG)


def info(step: str, **fields: Any) -> None:
    """Write *step*."""
    _log.info(step, extra={"fields": fields})


def warning(step: str, **fields: Any) -> None:
    """Write *step*: something went wrong that will be tried again or does no harm."""
    _log.warning(step, extra={"fields": fields})


def error(step: str, *, traceback: bool = False, **fields: Any) -> None:
    """Write *step*: somebody has to look. *traceback* adds the one of the exception being handled."""
    _log.error(step, extra={"fields": fields}, exc_info=traceback)
