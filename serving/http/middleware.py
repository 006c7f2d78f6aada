"""Wraps every request: request id, authentication, deadline, metrics, access log and trace."""

import os
import re
from datetime import UTC, datetime
from random import getrandbits
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from serving.context import RequestContext
from serving.errors import ServiceError
from serving.http.auth import Access
from serving.http.forwarding import TrustedProxies
from serving.http.messages import Request, Response
from serving.observability.metrics import GAUGE, Histogram, Metrics, label
from serving.observability.request_log import RequestLog

if TYPE_CHECKING:
    from serving.observability.tracing import Tracer

# Beginnings of paths that need no key, because they are about the health of the service. They end at a slash, and are
# compared with paths that have one more slash at their end, so that "/docs" is not taken for the beginning of "/docsx".
HEALTH_PATHS = ("/healthz/", "/readyz/", "/metrics/", "/v2/health/")
# Also without a key: the page on which users enter their key, and administration, which has a token of its own.
KEYLESS_PATHS = ("/docs/", "/v2/repository/models/")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
TIMEOUT_HEADER = "x-request-timeout-ms"
PROTOCOLS = {"predict": "suite", "v1": "tfserving", "v2": "v2"}
SECURITY_HEADERS = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))
SHED = (499, 503, 504)


class Middleware:
    """What happens before and after every request, whichever handler answers it."""

    def __init__(
        self, metrics: Metrics, access: Access, proxies: TrustedProxies, log: RequestLog | None = None,
        tracer: "Tracer | None" = None,
    ) -> None:  # fmt: skip
        self._metrics, self._access, self._proxies = metrics, access, proxies
        self._log, self._tracer = log, tracer
        self._series: dict[tuple[str, str, int], tuple[str, Histogram]] = {}

    def scope(self, request: Request) -> "RequestScope":
        """Return a context manager for the duration of a request."""
        return RequestScope(self, request)

    def begin(self, request: Request) -> tuple[RequestContext, ServiceError | None]:
        """Return the context of a request, and the error if it must be refused."""
        given = request.headers.get("x-request-id", "")
        number = given if REQUEST_ID.fullmatch(given) else f"{getrandbits(64):016x}"
        context = RequestContext(number, request.deadline)
        path = f"{request.path}/"
        if path.startswith(HEALTH_PATHS):
            context.may_ask = self._access.may_see(request.headers)
            return context, None
        try:
            self._proxies.apply(request)
            if TIMEOUT_HEADER in request.headers:
                request.deadline.expires_at = request.deadline.received_at + _seconds(request.headers[TIMEOUT_HEADER])
            key = None if path.startswith(KEYLESS_PATHS) else self._access.key(request.headers)
            if key:
                context.may_ask = key.allows
        except ServiceError as error:
            return context, error
        return context, None

    def count(self, request: Request, context: RequestContext, status: int) -> None:
        """Count a finished request, and log it if there is an access log."""
        seconds = monotonic() - request.deadline.received_at
        key = context.model, PROTOCOLS.get(request.path[1:].partition("/")[0], "other"), status
        counter, histogram = self._series.get(key) or self._new_series(*key)
        self._metrics.add(counter)
        histogram.observe(seconds)
        if status in SHED:
            self._metrics.add(f'suite_shed_total{{status="{status}"}}')
        if self._log:
            self._log.put(_line(request, context, status, seconds))

    def _new_series(self, model: str, protocol: str, status: int) -> tuple[str, Histogram]:
        labels = f'model={label(model)},protocol="{protocol}"'
        counter = f'suite_requests_total{{{labels},status="{status}"}}'
        histogram = Histogram(self._metrics, "suite_request_seconds", labels)
        self._series[model, protocol, status] = counter, histogram
        return counter, histogram


class RequestScope:
    """Context manager for the duration of a request. If `refusal` is set, the request must be answered with it."""

    __slots__ = ("_middleware", "_request", "_status", "_trace", "context", "refusal")

    def __init__(self, middleware: Middleware, request: Request) -> None:
        self._middleware, self._request, self._status = middleware, request, 0

    def __enter__(self) -> Self:
        middleware, request = self._middleware, self._request
        middleware._metrics.add(GAUGE)
        self.context, self.refusal = middleware.begin(request)
        self._trace = None
        if middleware._tracer and not f"{request.path}/".startswith(HEALTH_PATHS):
            self._trace = middleware._tracer.begin(
                self.context, request.method, request.path, request.scheme, request.headers
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # There is no response if the client has left or the service is ending.
        status = self._status or 499
        self._middleware._metrics.add(GAUGE, -1.0)
        self._middleware.count(self._request, self.context, status)
        if self._trace:
            self._trace.end(status)

    def finish(self, response: Response) -> Response:
        """Note the status, and return the response with the headers that every response has."""
        self._status = response.status
        response.headers = (*response.headers, *SECURITY_HEADERS, ("X-Request-Id", self.context.request_id))
        return response


def _seconds(text: str) -> float:
    """Parse the milliseconds of X-Request-Timeout-Ms into seconds; raise ServiceError 400."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ServiceError(400, f"X-Request-Timeout-Ms is '{text[:20]}': give whole milliseconds")
    return int(text) / 1000


def _line(request: Request, context: RequestContext, status: int, seconds: float) -> dict[str, Any]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request": context.request_id,
        "client": request.client,
        "method": request.method,
        "path": request.path,
        "model": context.model,
        "status": status,
        "milliseconds": round(1000 * seconds, 3),
        "bytes": request.headers.get("content-length", ""),
        "worker": os.getpid(),
    }
