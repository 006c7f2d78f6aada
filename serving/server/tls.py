"""The certificate of the service: read in the master, so that all workers have the same, however the files change."""

import ssl

from serving.config import Config
from suite.errors import UsageError

_context: ssl.SSLContext | None = None


def context() -> ssl.SSLContext | None:
    """What connections are opened with; None for a service without TLS."""
    return _context


def read(config: Config) -> None:
    """Read the certificate anew; UsageError where that cannot be done: then everything stays as it was."""
    global _context
    _context = made(config)


def made(config: Config) -> ssl.SSLContext | None:
    """A context of the certificate that is there now; UsageError."""
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
