"""The TLS certificate of the service. The master reads it, so that all workers use the same one if the files change."""

import ssl
from pathlib import Path
from typing import NoReturn

from serving.config import Config
from suite import files
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
    if not (config.certificate or config.private_key):
        return None
    if not (config.certificate and config.private_key):
        # Without this, who gave a private key alone would be served without TLS.
        missing = "SUITE_PRIVATE_KEY" if config.certificate else "SUITE_CERTIFICATE"
        raise UsageError(f"TLS needs a certificate and its private key, and {missing} is not set: set both or none")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        for file in (config.certificate, config.private_key):
            # OpenSSL would wait at a named pipe, and the master with it.
            files.read_small(Path(file))
        context.load_cert_chain(config.certificate, config.private_key, lambda: _refuse_password(config))
    except OSError as error:
        names, reason = f"{config.certificate} and {config.private_key}", files.explain(error)
        raise UsageError(
            f"{names} are no certificate with its key ({reason}): give the two files that belong together"
        ) from error
    return context


def _refuse_password(config: Config) -> NoReturn:
    """Raise UsageError. OpenSSL would ask for the password at the terminal, and the master would wait for it."""
    key = config.private_key
    raise UsageError(f"{key} is encrypted with a password: write it without one ('openssl pkey -in {key} -out NEW')")
