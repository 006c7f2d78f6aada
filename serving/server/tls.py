"""The TLS certificate of the service. The master reads it, so that all workers use the same one if the files change."""

import ssl

from serving.config import Config
from suite.errors import UsageError

_context: ssl.SSLContext | None = None


def context() -> ssl.SSLContext | None:
    """Return the SSL context for connections; None for a service without TLS."""
    return _context


def use(context: ssl.SSLContext | None) -> None:
    """Use this SSL context for connections, in this process and in workers that are forked from it."""
    global _context
    _context = context


def create_context(config: Config) -> ssl.SSLContext | None:
    """Return an SSL context for the certificate in the files, None without one; raise UsageError if it is invalid."""
    if not config.certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(config.certificate, config.private_key or None)
    except OSError as error:
        files = f"{config.certificate} and {config.private_key}"
        raise UsageError(f"{files} are no certificate with its key ({error}): mend them") from error
    return context
