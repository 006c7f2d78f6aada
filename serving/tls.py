"""Connections over TLS, which an event loop reads as it does others."""

import socket
import ssl
from contextlib import suppress

# Nothing is there to be read or no room to write: later there will be.
LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_BODY = b'{"error": "this port speaks TLS: ask https://"}\n'
_NOT_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    % (len(_BODY), _BODY)
)


def wrapped(connection: socket.socket, context: ssl.SSLContext | None) -> socket.socket:
    """The connection over TLS, where there is a context; the first that is read of it is the handshake. OSError."""
    if context is None or isinstance(connection, ssl.SSLSocket):
        return connection
    return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)


def explain(connection: socket.socket, error: OSError) -> None:
    """Tell who speaks plain HTTP on a connection over TLS, if that is the error, in plain HTTP."""
    if getattr(error, "reason", "") == "HTTP_REQUEST":
        with suppress(OSError):
            socket.socket.send(connection, _NOT_TLS)
