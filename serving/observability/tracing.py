"""OpenTelemetry traces: a span for each request, with a child span for each run of a model.

This module is only imported if traces are wanted. A thread of the worker sends the spans, and drops those that it
cannot send fast enough or at all.
"""

import logging
from collections.abc import Mapping, Sequence
from threading import Thread
from time import monotonic, time_ns

from serving.context import RequestContext
from suite.errors import UsageError

try:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:
    raise UsageError("traces need packages that are not there: pip install 'neural-suite[otel]'") from None

# Seconds for which an exiting worker waits until its last spans are sent.
END_TIMEOUT = 3.0
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
OTHER = "_OTHER"

log = logging.getLogger(__name__)
_propagator = TraceContextTextMapPropagator()
_providers: list[TracerProvider] = []


class Tracer:
    """Starts the traces of requests."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def begin(
        self, context: RequestContext, method: str, path: str, scheme: str, headers: Mapping[str, str]
    ) -> "Trace":
        """Start the trace of a request, as a continuation of the client's trace if there is one."""
        return Trace(self._tracer, context, method, path, scheme, headers)


class Trace:
    """The spans of a request."""

    def __init__(
        self, tracer: trace.Tracer, context: RequestContext, method: str, path: str, scheme: str,
        headers: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._tracer, self._context = tracer, context
        self._method = method if method in METHODS else OTHER
        attributes = {
            "http.request.method": self._method,
            "url.path": path.encode("utf-8", "replace").decode(),
            "url.scheme": scheme,
            "suite.request_id": context.request_id,
        }
        sent = {name: headers.get(name, "") for name in ("traceparent", "tracestate")}
        started_at = _nanoseconds(context.deadline.received_at)
        self._span = tracer.start_span(
            self._method, _propagator.extract(sent), trace.SpanKind.SERVER, attributes, start_time=started_at
        )
        context.on_run = self._ran

    def end(self, status: int) -> None:
        """End the span of the request. A `status` of 0 means that there was no response."""
        context = self._context
        context.on_run = None
        verb = "HTTP" if self._method == OTHER else self._method
        self._span.update_name(f"{verb} {context.route}" if context.route else verb)
        self._span.set_attribute("http.response.status_code", status or 500)
        if context.route:
            self._span.set_attribute("http.route", context.route)
        if context.model:
            self._span.set_attributes({"suite.model": context.model, "suite.version": context.version})
        if not 0 < status < 500:
            self._span.set_attribute("error.type", str(status or 500))
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()

    def _ran(self, rows: int, started_at: float, seconds: float) -> None:
        attributes = {"suite.batch_rows": rows, "suite.queue_seconds": started_at - self._context.deadline.received_at}
        under = trace.set_span_in_context(self._span)
        span = self._tracer.start_span("run model", under, attributes=attributes, start_time=_nanoseconds(started_at))
        span.end(_nanoseconds(started_at + seconds))


class _QuietExporter(SpanExporter):
    """Sends spans, and logs only when sending begins to fail and when it works again."""

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
    """Start a tracer. Call this in the worker's process, because threads do not survive a fork."""
    # It would log every failed batch and every dropped span.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    own = Resource.create({"service.name": "suite", "service.version": version})
    provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_QuietExporter()))
    _providers.append(provider)
    return Tracer(provider.get_tracer("suite.serving", version))


def end() -> None:
    """Send the remaining spans, for at most END_TIMEOUT seconds."""
    for provider in _providers:
        last = Thread(target=provider.shutdown, daemon=True)
        last.start()
        last.join(END_TIMEOUT)


def _nanoseconds(moment: float) -> int:
    """Convert a time of `monotonic` to nanoseconds since 1970."""
    return time_ns() - round((monotonic() - moment) * 1e9)
