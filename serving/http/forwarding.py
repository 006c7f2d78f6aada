"""Applies the X-Forwarded headers of trusted proxies to requests.

https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/X-Forwarded-For
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from serving.config import PATH
from serving.errors import ServiceError
from serving.http.messages import Request
from suite.errors import UsageError

ANYBODY = "*"
# The bits of an IPv6 address before the IPv4 address in it.
MAPPED_BITS = 96


def read_address(text: str) -> IPv4Address | IPv6Address:
    """Return an address; raise ValueError. One like ::ffff:127.0.0.1 is the IPv4 address in it.

    So the kernel writes the addresses of IPv4 clients on a socket that listens on IPv6.
    """
    found = ip_address(text)
    return getattr(found, "ipv4_mapped", None) or found


def plain(address: str) -> str:
    """Return the address of a client in its usual form; unchanged if it is none."""
    try:
        return str(read_address(address))
    except ValueError:
        return address


def _read_network(text: str) -> IPv4Network | IPv6Network:
    """Return a network; raise ValueError. One like ::ffff:10.0.0.0/104 is the IPv4 network in it."""
    found = ip_network(text)
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is None or found.prefixlen < MAPPED_BITS:
        return found
    return IPv4Network((mapped, found.prefixlen - MAPPED_BITS))


class TrustedProxies:
    """Addresses and networks, separated by commas, whose X-Forwarded headers are trusted; `*` for any."""

    def __init__(self, text: str) -> None:
        names = [name.strip() for name in text.split(",") if name.strip()]
        self._anybody = ANYBODY in names
        try:
            self._networks = [_read_network(name) for name in names if name != ANYBODY]
        except ValueError as error:
            raise UsageError(
                f"'{text}' names no proxies ({error}): give addresses like 127.0.0.1,10.0.0.0/8"
            ) from error

    def trusts(self, address: str) -> bool:
        """Return whether the headers of a request from this address are trusted."""
        if self._anybody:
            return True
        try:
            found = read_address(address)
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
        return str(read_address(text))
    except ValueError:
        return ""
