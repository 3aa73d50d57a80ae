"""Requests that end when their time is up, whatever the other side sends until then.

The time-outs of requests begin anew with every byte: whoever drips the bytes of a handshake, of headers or of a
body could hold the app for hours. Here a timer shuts the connection down, which wakes whoever reads from it.
"""

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import socket

    from requests import Session

_of_thread = threading.local()


class TimeLimit:
    """A context: what its thread requests within, by a `session`, ends after *seconds* at the latest.

    `keep` keeps the limit for a body that is read later, until `end`.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._timer = threading.Timer(max(0.0, seconds), self._shut_down)
        self._timer.daemon = True
        self._connections: dict[socket.socket, socket.socket] = {}
        self._is_kept = False

    def __enter__(self) -> Self:
        self._timer.start()
        _of_thread.limit = self
        return self

    def __exit__(self, *exception: object) -> None:
        _of_thread.limit = None
        if exception[0] is not None or not self._is_kept:
            self.end()

    @property
    def is_up(self) -> bool:
        """True when the time is up."""
        return time.monotonic() >= self._end

    def keep(self) -> None:
        """Stay after the context."""
        self._is_kept = True

    def end(self) -> None:
        """Limit nothing any more."""
        self._timer.cancel()
        for connection in self._connections.values():
            connection.close()

    def add(self, connection: "socket.socket") -> None:
        """Shut *connection*, too, down when the time is up.

        By a duplicate: http.client closes a connection as soon as it has the headers, where the body has no length.
        """
        if connection not in self._connections:
            self._connections[connection] = connection.dup()
        if self.is_up:
            self._shut_down()

    def _shut_down(self) -> None:
        import socket

        for connection in list(self._connections.values()):
            with suppress(OSError):  # closed since
                connection.shutdown(socket.SHUT_RDWR)


def session() -> "Session":
    """Return a session of requests that heeds time limits."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Limited:
        """A connection that tells the thread's limit of its socket: a duplicate, which TLS does not replace."""

        _socket: "socket.socket | None" = None

        def _new_conn(self) -> "socket.socket":
            connection: socket.socket = super()._new_conn()  # type: ignore[misc]
            self._socket = connection.dup()
            self._tell()
            return connection

        def putrequest(self, *arguments: Any, **options: Any) -> None:
            self._tell()
            super().putrequest(*arguments, **options)  # type: ignore[misc]

        def close(self) -> None:
            connection, self._socket = self._socket, None
            if connection:
                connection.close()
            super().close()  # type: ignore[misc]

        def _tell(self) -> None:
            limit = getattr(_of_thread, "limit", None)
            if limit and self._socket:
                limit.add(self._socket)

    plain = type("Plain", (HTTPConnectionPool,), {"ConnectionCls": type("C", (Limited, HTTPConnection), {})})
    tls = type("Tls", (HTTPSConnectionPool,), {"ConnectionCls": type("C", (Limited, HTTPSConnection), {})})

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **options)
            self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": tls}

    new_session = requests.Session()
    new_session.mount("http://", Adapter())
    new_session.mount("https://", Adapter())
    return new_session
