"""Around every request: an id, how long it took, what came of it; and a refusal before it is read where that is due."""

import os
import re
from datetime import UTC, datetime
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any

from serving import context as arrival
from serving.errors import REQUEST_ID, Answer, ServiceError
from serving.http.auth import Access
from serving.observability.metrics import GAUGE, Histogram, Metrics, label
from serving.observability.request_log import RequestLog
from serving.scheduling import deadline as patience

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from serving.observability.tracing import Trace, Tracer

BUSY = "{} requests wait for this worker, which is all that may: ask again in a moment"
# Whether the service is well is always told.
ALWAYS = ("/healthz", "/readyz", "/metrics", "/v2/health")
# The page that asks for a key says nothing about any model; administrators have a token of their own.
OPEN = ("/docs", "/v2/repository/models/")
ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
PROTOCOLS = {"predict": "suite", "v1": "tfserving", "v2": "v2"}
SAFE = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))
SHED = (499, 503, 504)


class Observing:
    """Watches requests; `most_waiting` may wait for a thread of this worker."""

    def __init__(
        self, metrics: Metrics, access: Access, most_waiting: int, log: RequestLog | None = None,
        tracer: "Tracer | None" = None,
    ) -> None:  # fmt: skip
        self._metrics, self._access = metrics, access
        self._most_waiting, self._log, self._tracer = most_waiting, log, tracer
        self._series: dict[tuple[str, str, int], tuple[str, Histogram]] = {}

    def watch(self, environ: "WSGIEnvironment") -> "Watched":
        """For a block: the whole of a request."""
        return Watched(self, environ)

    def begin(self, environ: "WSGIEnvironment") -> "Trace | None":
        """A request that begins is counted; its trace, where it has one."""
        arrived = arrival.begin(environ)
        self._metrics.add(GAUGE)
        if self._tracer is None or environ["PATH_INFO"].startswith(ALWAYS):
            return None
        return self._tracer.begin(environ, arrived.since)

    def end(self, environ: "WSGIEnvironment", status: int, trace: "Trace | None") -> None:
        """It has ended; with a status of 0 without an answer."""
        self._metrics.add(GAUGE, -1.0)
        self._count(environ, status)
        if trace:
            trace.end(status)

    def refusal(self, environ: "WSGIEnvironment") -> ServiceError | None:
        """Why it is not read, if it is not."""
        try:
            if arrival.of(environ).refusal:
                return arrival.of(environ).refusal
            if not environ["PATH_INFO"].startswith(ALWAYS):
                self._check(environ)
        except ServiceError as error:
            return error
        return None

    def crowded(self, ahead: int) -> ServiceError | None:
        """A refusal where so many before a request are too many."""
        return ServiceError(503, BUSY.format(ahead), retry_after=1) if ahead > self._most_waiting else None

    def _check(self, environ: "WSGIEnvironment") -> None:
        """ServiceError where too many wait, or its sender may not ask."""
        arrived = arrival.of(environ)
        crowded = self.crowded(arrived.ahead)
        if crowded:
            raise crowded
        if arrived.ahead:
            patience.of_request(environ).check()
        key = None if environ["PATH_INFO"].startswith(OPEN) else self._access.key(environ)
        if key:
            arrived.may_ask = key.allows

    def _count(self, environ: "WSGIEnvironment", status: int) -> None:
        arrived = arrival.of(environ)
        seconds = monotonic() - arrived.since
        path, model = environ["PATH_INFO"], arrived.model
        key = model, PROTOCOLS.get(path[1:].partition("/")[0], "other"), status
        counter, histogram = self._series.get(key) or self._begin(*key)
        self._metrics.add(counter)
        histogram.observe(seconds)
        if status in SHED:
            self._metrics.add(f'suite_shed_total{{status="{status}"}}')
        if self._log:
            self._log.put(self._line(environ, status, seconds, model))

    def _begin(self, model: str, protocol: str, status: int) -> tuple[str, Histogram]:
        labels = f'model={label(model)},protocol="{protocol}"'
        counter = f'suite_requests_total{{{labels},status="{status}"}}'
        histogram = Histogram(self._metrics, "suite_request_seconds", labels)
        self._series[model, protocol, status] = counter, histogram
        return counter, histogram

    def _line(self, environ: "WSGIEnvironment", status: int, seconds: float, model: str) -> dict[str, Any]:
        return {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "request": environ[REQUEST_ID],
            "client": environ.get("REMOTE_ADDR", ""),
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "model": model,
            "status": status,
            "milliseconds": round(1000 * seconds, 3),
            "bytes": environ.get("CONTENT_LENGTH", ""),
            "worker": os.getpid(),
        }


class Watched:
    """A request, from where its block begins to where it ends; with a `refusal` it is not to be read."""

    def __init__(self, observing: Observing, environ: "WSGIEnvironment") -> None:
        self._observing, self._environ, self._status = observing, environ, 0
        given = environ.get("HTTP_X_REQUEST_ID", "")
        environ[REQUEST_ID] = given if ID.fullmatch(given) else token_hex(8)

    def __enter__(self) -> "Watched":
        self._trace = self._observing.begin(self._environ)
        self.refusal = self._observing.refusal(self._environ)
        return self

    def __exit__(self, *_: object) -> None:
        self._observing.end(self._environ, self._status, self._trace)

    def answered(self, answer: Answer) -> Answer:
        """Its answer, with what every one has."""
        status, headers, body = answer
        return status, self._noted(status, headers), body

    def starting(self, start_response: "StartResponse") -> Any:
        """How an application starts its answer."""

        def start(status: str, headers: list[tuple[str, str]], *exception: Any) -> Any:
            return start_response(status, self._noted(status, headers), *exception)

        return start

    def _noted(self, status: str, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        self._status = int(status[:3])
        return [*headers, *SAFE, ("X-Request-Id", self._environ[REQUEST_ID])]
