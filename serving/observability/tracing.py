"""OpenTelemetry traces: a span for each request, and one under it for each run of a model for it.

Imported only where traces are wanted. Spans are sent by a thread of the worker; what it cannot keep up with, or cannot
send, is left out.
"""

import logging
import re
from collections.abc import Sequence
from threading import Thread
from time import monotonic, time_ns
from typing import TYPE_CHECKING

from serving import context as arrival
from serving.errors import REQUEST_ID, ROUTE
from serving.scheduling.deadline import RAN
from suite.errors import UsageError

try:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:
    raise UsageError("traces need packages that are not there: pip install 'suite[otel]'") from None

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Seconds that a worker's end waits for its last spans to be sent.
LAST = 3.0
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
OTHER = "_OTHER"
VARIABLE = re.compile(r"<(?:[^<>]*:)?([^<>]+)>")

log = logging.getLogger(__name__)
_propagator = TraceContextTextMapPropagator()
_providers: list[TracerProvider] = []


class Tracer:
    """Begins the traces of a service."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def begin(self, environ: "WSGIEnvironment", begun: float) -> "Trace":
        """That of a request that came in at `begun` (of `monotonic`); it goes on one that its sender has begun."""
        return Trace(self._tracer, environ, begun)


class Trace:
    """A request's spans."""

    def __init__(self, tracer: trace.Tracer, environ: "WSGIEnvironment", begun: float) -> None:
        self._tracer, self._environ, self._begun = tracer, environ, begun
        method = environ["REQUEST_METHOD"]
        self._method = method if method in METHODS else OTHER
        attributes = {
            "http.request.method": self._method,
            # A server hands over bytes of UTF-8 as if they were Latin-1.
            "url.path": environ["PATH_INFO"].encode("latin-1", "replace").decode("utf-8", "replace"),
            "url.scheme": environ["wsgi.url_scheme"],
            "suite.request_id": environ[REQUEST_ID],
        }
        sent = {name: environ.get(f"HTTP_{name.upper()}", "") for name in ("traceparent", "tracestate")}
        self._span = tracer.start_span(
            self._method, _propagator.extract(sent), trace.SpanKind.SERVER, attributes, start_time=_nanoseconds(begun)
        )
        environ[RAN] = self._ran

    def end(self, status: int) -> None:
        """The answer is there; a `status` of 0: there is none."""
        verb = "HTTP" if self._method == OTHER else self._method
        route = _route(self._environ)
        self._span.update_name(f"{verb} {route}" if route else verb)
        self._span.set_attribute("http.response.status_code", status or 500)
        if route:
            self._span.set_attribute("http.route", route)
        arrived = arrival.of(self._environ)
        if arrived.model:
            self._span.set_attributes({"suite.model": arrived.model, "suite.version": arrived.version})
        if not 0 < status < 500:
            self._span.set_attribute("error.type", str(status or 500))
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()

    def _ran(self, rows: int, begun: float, took: float) -> None:
        attributes = {"suite.batch_rows": rows, "suite.queue_seconds": begun - self._begun}
        context = trace.set_span_in_context(self._span)
        span = self._tracer.start_span("run model", context, attributes=attributes, start_time=_nanoseconds(begun))
        span.end(_nanoseconds(begun + took))


class _Sending(SpanExporter):
    """Sends spans; the log says when that begins to fail and when it goes on, not each time."""

    def __init__(self) -> None:
        self._exporter, self._fails = OTLPSpanExporter(), False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        except Exception:
            result = SpanExportResult.FAILURE
        failed = result is not SpanExportResult.SUCCESS
        if failed and not self._fails:
            log.warning("traces cannot be sent (is the collector of OTEL_EXPORTER_OTLP_ENDPOINT there?): left out")
        elif self._fails and not failed:
            log.warning("traces are sent again")
        self._fails = failed
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def start(version: str) -> Tracer:
    """Begin to send; in the process that answers, since threads do not survive a fork."""
    # It tells of every batch, and of every span that found no room.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    own = Resource.create({"service.name": "suite", "service.version": version})
    provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_Sending()))
    _providers.append(provider)
    return Tracer(provider.get_tracer("suite.serving", version))


def end() -> None:
    """Send what is left, for as long as a worker's end may take."""
    for provider in _providers:
        last = Thread(target=provider.shutdown, daemon=True)
        last.start()
        last.join(LAST)


def _route(environ: "WSGIEnvironment") -> str:
    """The path with names in braces for what differs; empty where there is none such."""
    found = environ.get(ROUTE)
    if not isinstance(found, re.Match):
        return VARIABLE.sub(r"{\1}", str(found.rule)) if found else ""
    path, end = "", 0
    # By position: of a pattern's groups only those that took part.
    for name in sorted((name for name, value in found.groupdict().items() if value is not None), key=found.start):
        path += f"{found.string[end : found.start(name)]}{{{name}}}"
        end = found.end(name)
    return f"{path}{found.string[end:]}"


def _nanoseconds(moment: float) -> int:
    """A moment of `monotonic` in the time of the day."""
    return time_ns() - round((monotonic() - moment) * 1e9)
