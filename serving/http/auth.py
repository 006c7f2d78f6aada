"""API keys: which models each may use, and how many requests a second. Only hashes of the keys are stored."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.context import MayAsk, allow_all, allow_none
from serving.errors import ServiceError
from serving.http.forwarding import read_address
from serving.http.rate_limit import RateLimiter
from suite import files
from suite.errors import UsageError, shortened

ALL_MODELS = "*"
FIELDS = ("sha256", "models", "per_second")
SHA256 = re.compile("[0-9A-Fa-f]{64}")
HIGHEST_RATE = 1_000_000_000
SHOWN = 40
LARGEST_FILE = 64 * files.MEBIBYTE
UNKNOWN_ADDRESS = "0.0.0.0"
KEY_NEEDED = "this service answers who has a key: send it as 'Authorization: Bearer KEY'"
CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True)
class Key:
    """A key: the name of its holder, the models it allows and the requests a second (0: unlimited)."""

    name: str
    sha256: str
    models: tuple[str, ...] = (ALL_MODELS,)
    per_second: float = 0.0

    def allows(self, model: str) -> bool:
        """Return whether the key allows this model."""
        return ALL_MODELS in self.models or model in self.models


# The keys that the master has read; None outside of a worker.
_inherited: list[Key] | None = None


def use(keys: list[Key] | None) -> None:
    """Have workers that are forked from this process use these keys instead of reading the file again.

    All workers then have the same keys, and a damaged file does not keep a worker from starting in place of another.
    """
    global _inherited
    _inherited = keys


class Access:
    """Checks keys against those in `file`, and their rates with `limiter`. Without a file everybody has access."""

    def __init__(self, file: Path | None, limiter: RateLimiter) -> None:
        self._keys = None if file is None else read(file) if _inherited is None else _inherited
        self._limiter = limiter

    def may_see(self, headers: Mapping[str, str]) -> MayAsk:
        """Return which models may be named in the response to a request that needs no key."""
        if self._keys is None:
            return allow_all
        key = self._find(headers)
        return key.allows if key else allow_none

    def key(self, headers: Mapping[str, str]) -> Key | None:
        """Return the key of a request, None if no keys are needed; raise ServiceError 401 or 429."""
        if self._keys is None:
            return None
        key = self._find(headers)
        if key is None:
            raise ServiceError(401, KEY_NEEDED, headers=CHALLENGE)
        if key.per_second and not self._limiter.take(key.sha256, key.per_second):
            message = f"the key of '{key.name}' may ask {key.per_second:g} times a second: wait"
            raise ServiceError(429, message, retry_after=1)
        return key

    def _find(self, headers: Mapping[str, str]) -> Key | None:
        digest = fingerprint(_token(headers) or headers.get("x-api-key", ""))
        # Compare all keys, each in constant time, so that the time taken reveals nothing.
        found = [key for key in self._keys or () if hmac.compare_digest(key.sha256, digest)]
        return found[0] if found else None


def check_admin(token: str, client: str, headers: Mapping[str, str]) -> None:
    """Raise ServiceError 401 or 403 unless the request is from this machine and has the administrator's token."""
    if not token:
        raise ServiceError(403, "models are loaded and unloaded by who has a token: start the service with one")
    if not read_address(client or UNKNOWN_ADDRESS).is_loopback:
        raise ServiceError(403, "models are loaded and unloaded from the service's own machine only")
    if not hmac.compare_digest(fingerprint(_token(headers) or ""), fingerprint(token)):
        raise ServiceError(401, "send the administrator's token as 'Authorization: Bearer TOKEN'")


def _token(headers: Mapping[str, str]) -> str | None:
    """Return the bearer token of a request. https://www.rfc-editor.org/rfc/rfc6750#section-2.1"""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else None


def fingerprint(key: str) -> str:
    """Return the hash that is stored for a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read(file: Path) -> list[Key]:
    """Read the keys of a file {NAME: {"sha256", "models"?, "per_second"?}}; raise UsageError if it is invalid."""
    try:
        found = json.loads(files.read_small(file, LARGEST_FILE), object_pairs_hook=_unique)
        return [parse(name, one) for name, one in found.items()]
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        reason = files.explain(error)
        raise UsageError(f"{file} holds no keys that can be read ({reason}): write it with 'suite keys'") from error


def parse(name: str, one: Any) -> Key:
    """Return the key of a file's entry; raise ValueError if it is invalid.

    A field with a slip of the pen in its name would otherwise allow every model, or any rate.
    """
    if not (name.isprintable() and isinstance(one, dict)):
        raise ValueError(f"{name[:SHOWN]!r} is no name with an object of {', '.join(FIELDS)}")
    for field in one:
        if field not in FIELDS:
            raise ValueError(f"'{shortened(name)}' has {field[:SHOWN]!r}, and a key has {', '.join(FIELDS)} alone")
    sha256, models, rate = one.get("sha256"), one.get("models", [ALL_MODELS]), one.get("per_second", 0)
    if not (isinstance(sha256, str) and SHA256.fullmatch(sha256)):
        raise ValueError(f"the sha256 of '{shortened(name)}' is not 64 hexadecimal digits")
    if not (isinstance(models, list) and all(isinstance(model, str) for model in models)):
        raise ValueError(f"the models of '{shortened(name)}' are no list of names")
    if type(rate) not in (int, float) or not 0 <= rate <= HIGHEST_RATE:
        found = shortened(str(rate))
        raise ValueError(f"per_second of '{shortened(name)}' is {found}, and no number from 0 to {HIGHEST_RATE:,}")
    return Key(name, sha256.lower(), tuple(models), float(rate))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; raise ValueError for a repeated name, as nobody could tell which one holds."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice")
    return found
