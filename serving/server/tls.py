"""Connections over TLS, for an event loop that reads a bounded part of what comes in at a time."""

import ssl
from contextlib import suppress
from socket import socket

# Bytes of a record; and as many as are received at a time, so that with a part of a record before they fit into PART.
RECORD, PART = 2**14, 2**16
RECEIVED = PART - RECORD
PLAIN_HTTP = ("HTTP_REQUEST", "HTTPS_PROXY_REQUEST")
BODY = b'{"error": "this port speaks TLS: ask https://"}\n'
REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
NOT_TLS = b"%s%d\r\n\r\n%s" % (REFUSAL, len(BODY), BODY)


class Secured:
    """A socket over TLS, as far as a worker needs one.

    `ssl.SSLSocket` would read on as long as more came in, though all of it were messages of TLS itself.
    https://www.rfc-editor.org/rfc/rfc8446#section-4.6.3
    """

    def __init__(self, connection: socket, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        # Of what is being sent: what is not out yet, and for how much of the data that stands.
        self._unsent, self._sending = memoryview(b""), 0
        self._is_down = False
        self.fileno, self.close = connection.fileno, connection.close
        self.setblocking, self.settimeout = connection.setblocking, connection.settimeout
        self.gettimeout = connection.gettimeout

    def recv_into(self, buffer: memoryview) -> int:
        """Into a buffer of PART bytes; BlockingIOError also where something came in, but no data."""
        if self._is_down:
            return self._connection.recv_into(buffer)
        part = self._connection.recv(RECEIVED)
        if not part:
            return 0
        self._incoming.write(part)
        size, is_open = 0, True
        try:
            while is_open:
                read: int = self._tls.read(RECORD, buffer[size:])  # type: ignore[assignment]
                size, is_open = size + read, read > 0
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            with suppress(OSError):
                self._connection.send(NOT_TLS if error.reason in PLAIN_HTTP else self._outgoing.read())
            raise
        self._reply()
        if is_open and not size:
            raise BlockingIOError
        return size

    def recv(self, size: int) -> bytes:
        """What comes next, of any size."""
        buffer = memoryview(bytearray(PART))
        while True:
            try:
                return bytes(buffer[: self.recv_into(buffer)])
            except BlockingIOError:
                if self.gettimeout() == 0:
                    raise

    def send(self, data: bytes | memoryview) -> int:
        """As a socket does; after a BlockingIOError it is to be given the same data again."""
        if not self._unsent:
            self._sending = self._tls.write(memoryview(data)[:RECORD])
            self._unsent = memoryview(self._outgoing.read())
        while self._unsent:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        return self._sending

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest) :]

    def shutdown(self, how: int) -> None:
        """Say so over TLS too; what still comes in is not read as TLS any longer."""
        with suppress(OSError):
            self._tls.unwrap()
        with suppress(OSError):
            self._connection.send(self._outgoing.read())
        self._is_down = True
        self._connection.shutdown(how)

    def _reply(self) -> None:
        """Send what TLS itself has to say; who does not read so little will read no answer: ConnectionResetError."""
        said = self._outgoing.read()
        try:
            if said and self._connection.send(said) < len(said):
                raise ConnectionResetError
        except BlockingIOError:
            raise ConnectionResetError from None
