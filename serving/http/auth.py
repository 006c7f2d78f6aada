"""Who may ask: keys, of which only hashes are kept, each for some models and so many requests a second."""

import hashlib
import hmac
import json
import threading
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from serving.errors import ServiceError
from suite.errors import UsageError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

EVERY = "*"
SCHEME = "Bearer "
UNKNOWN = "0.0.0.0"
NEEDED = "this service answers who has a key: send it as 'Authorization: Bearer KEY'"


@dataclass
class Key:
    """Whom a key was given to, the models it is for, and how many requests a second (0: any number)."""

    name: str
    sha256: str
    models: tuple[str, ...] = (EVERY,)
    per_second: float = 0.0
    _left: float = field(default=0.0, repr=False)
    _at: float = field(default=0.0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, share: float) -> None:
        """Use up one request of this worker's share of them; ServiceError 429 where there is none left."""
        rate = self.per_second * share
        if not rate:
            return
        most = max(1.0, rate)
        with self._lock:
            now = monotonic()
            self._left = min(most, self._left + (now - self._at) * rate) if self._at else most
            self._at = now
            if self._left < 1:
                raise ServiceError(
                    429, f"the key of '{self.name}' may ask {self.per_second:g} times a second: wait", retry_after=1
                )
            self._left -= 1

    def allows(self, model: str) -> bool:
        """Whether it is for this model."""
        return EVERY in self.models or model in self.models


class Access:
    """The keys of a file; without a file everybody may ask. A worker hands out `share` of what a key may ask."""

    def __init__(self, file: Path | None, share: float = 1.0) -> None:
        self._keys = None if file is None else read(file)
        self._share = share

    def key(self, environ: "WSGIEnvironment") -> Key | None:
        """The key that a request came with; ServiceError 401 or 429."""
        if self._keys is None:
            return None
        text = environ.get("HTTP_AUTHORIZATION", "")
        given = text.removeprefix(SCHEME) if text.startswith(SCHEME) else environ.get("HTTP_X_API_KEY", "")
        digest = fingerprint(given)
        # All are compared, each in the same time, so that how long it takes tells nothing.
        found = [key for key in self._keys if hmac.compare_digest(key.sha256, digest)]
        if not found:
            raise ServiceError(401, NEEDED, headers={"WWW-Authenticate": "Bearer"})
        found[0].take(self._share)
        return found[0]


def check_admin(token: str, environ: "WSGIEnvironment") -> None:
    """ServiceError 401 or 403 for who is not on this machine or has not the administrator's token."""
    if not token:
        raise ServiceError(403, "models are loaded and unloaded by who has a token: start the service with one")
    if not ip_address(environ.get("REMOTE_ADDR") or UNKNOWN).is_loopback:
        raise ServiceError(403, "models are loaded and unloaded from the service's own machine only")
    if not hmac.compare_digest(fingerprint(environ.get("HTTP_AUTHORIZATION", "")), fingerprint(SCHEME + token)):
        raise ServiceError(401, "send the administrator's token as 'Authorization: Bearer TOKEN'")


def fingerprint(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read(file: Path) -> list[Key]:
    """The keys of a file {NAME: {"sha256", "models"?, "per_second"?}}; UsageError where it cannot be used."""
    try:
        found = json.loads(file.read_bytes())
        return [_key(name, one) for name, one in found.items()]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{file} holds no keys that can be read ({error}): write it with 'suite keys'") from error


def _key(name: str, one: dict[str, Any]) -> Key:
    sha256, models = one["sha256"], one.get("models", [EVERY])
    if not (isinstance(sha256, str) and len(sha256) == 64 and isinstance(models, list)):
        raise ValueError(f"the key of '{name}' has no sha256, or no list of models")
    return Key(name, sha256, tuple(map(str, models)), float(one.get("per_second", 0.0)))
