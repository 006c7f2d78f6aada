"""Around every request: an id, how long it took, what came of it; and a refusal before it is read where that is due."""

import json
import os
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any

from serving import arrival, patience
from serving.access import Access
from serving.errors import REQUEST_ID, ServiceError, answer
from serving.metrics import GAUGE, Histogram, Metrics, label

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from serving.tracing import Tracer

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
    """The application, watched; `most_waiting` requests may wait for a thread of this worker."""

    def __init__(
        self,
        application: "WSGIApplication",
        metrics: Metrics,
        access: Access,
        most_waiting: int,
        access_log: bool,
        tracer: "Tracer | None" = None,
    ) -> None:
        self._application, self._metrics, self._access = application, metrics, access
        self._most_waiting, self._access_log, self._tracer = most_waiting, access_log, tracer
        self._series: dict[tuple[str, str, int], tuple[str, Histogram]] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        number = environ[REQUEST_ID] = given if ID.fullmatch(given) else token_hex(8)
        begun = arrival.begin()
        found = [0]
        traced = self._tracer and not environ["PATH_INFO"].startswith(ALWAYS)
        trace = self._tracer.begin(environ, begun) if self._tracer and traced else None

        def start(status: str, headers: list[tuple[str, str]], *exception: Any) -> Any:
            found[0] = int(status[:3])
            return start_response(status, [*headers, *SAFE, ("X-Request-Id", number)], *exception)

        self._metrics.add(GAUGE)
        try:
            return self._answered(environ, start)
        finally:
            self._metrics.add(GAUGE, -1.0)
            self._count(environ, found[0], begun)
            if trace:
                trace.end(found[0])

    def _answered(self, environ: "WSGIEnvironment", start: Any) -> Iterable[bytes]:
        try:
            arrival.check_received()
            if not environ["PATH_INFO"].startswith(ALWAYS):
                self._check(environ)
        except ServiceError as error:
            status, headers, body = answer(error)
            start(status, headers)
            return [body]
        return self._application(environ, start)

    def _check(self, environ: "WSGIEnvironment") -> None:
        """ServiceError where too many wait, or its sender may not ask."""
        ahead = arrival.ahead()
        if ahead > self._most_waiting:
            raise ServiceError(503, BUSY.format(ahead), retry_after=1)
        if ahead:
            patience.of_request(environ).check()
        key = None if environ["PATH_INFO"].startswith(OPEN) else self._access.key(environ)
        if key:
            arrival.note_scope(key.allows)

    def _count(self, environ: "WSGIEnvironment", status: int, begun: float) -> None:
        seconds = monotonic() - begun
        path, model = environ["PATH_INFO"], arrival.asked()
        key = model, PROTOCOLS.get(path[1:].partition("/")[0], "other"), status
        counter, histogram = self._series.get(key) or self._begin(*key)
        self._metrics.add(counter)
        histogram.observe(seconds)
        if status in SHED:
            self._metrics.add(f'suite_shed_total{{status="{status}"}}')
        if self._access_log:
            self._log(environ, status, seconds, model)

    def _begin(self, model: str, protocol: str, status: int) -> tuple[str, Histogram]:
        labels = f'model={label(model)},protocol="{protocol}"'
        counter = f'suite_requests_total{{{labels},status="{status}"}}'
        histogram = Histogram(self._metrics, "suite_request_seconds", labels)
        self._series[model, protocol, status] = counter, histogram
        return counter, histogram

    def _log(self, environ: "WSGIEnvironment", status: int, seconds: float, model: str) -> None:
        line = {
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
        try:
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        except OSError:  # a full disk keeps nobody from being answered
            self._metrics.add("suite_log_errors_total")
