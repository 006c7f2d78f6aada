"""Applies the X-Forwarded headers of trusted proxies to requests.

https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/X-Forwarded-For
"""

from ipaddress import ip_address, ip_network

from serving.config import PATH
from serving.errors import ServiceError
from serving.http.messages import Request
from suite.errors import UsageError

ANYBODY = "*"


class TrustedProxies:
    """Addresses and networks, separated by commas, whose X-Forwarded headers are trusted; `*` for any."""

    def __init__(self, text: str) -> None:
        names = [name.strip() for name in text.split(",") if name.strip()]
        self._anybody = ANYBODY in names
        try:
            self._networks = [ip_network(name) for name in names if name != ANYBODY]
        except ValueError as error:
            raise UsageError(
                f"'{text}' names no proxies ({error}): give addresses like 127.0.0.1,10.0.0.0/8"
            ) from error

    def trusts(self, address: str) -> bool:
        """Return whether the headers of a request from this address are trusted."""
        if self._anybody:
            return True
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def apply(self, request: Request) -> None:
        """Set scheme, path prefix and client from the headers of a trusted proxy; raise ServiceError 400."""
        headers = request.headers
        if not any(name in headers for name in ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-prefix")):
            return
        if not self.trusts(request.client):
            return
        scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if scheme in ("http", "https"):
            request.scheme = scheme
        prefix = headers.get("x-forwarded-prefix", "").strip().rstrip("/")
        if not PATH.fullmatch(prefix):
            raise ServiceError(400, f"X-Forwarded-Prefix is '{prefix[:50]}': give a path like /ml")
        request.root_path = prefix or request.root_path
        for address in reversed(headers.get("x-forwarded-for", "").split(",")):
            if not address.strip() or not self.trusts(request.client):
                break
            request.client = _without_port(address.strip())


def _without_port(address: str) -> str:
    """Return the address in `203.0.113.5:1234` or `[2001:db8::1]:1234`; empty if there is none."""
    text = address[1:].partition("]")[0] if address.startswith("[") else address
    if text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
