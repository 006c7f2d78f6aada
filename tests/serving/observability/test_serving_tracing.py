"""Traces, as a collector receives them from a real service."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from serving.config import Config
from serving.server import launcher as run
from suite.errors import SuiteError

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
GOOD = b'{"model": "reviews", "instances": ["good", "bad"]}'


class Collector(ThreadingHTTPServer):
    """A collector that keeps the spans and resources that it receives."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resources: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.resources.append(values(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200 if self.path == "/v1/traces" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def values(attributes: Any) -> dict[str, Any]:
    def value(one: KeyValue) -> Any:
        return getattr(one.value, str(one.value.WhichOneof("value")))

    return {one.key: value(one) for one in attributes}


def ask(url: str, path: str = "/predict", body: bytes | None = GOOD, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, body, headers), timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_requests_are_spans_that_go_on_the_senders_trace(
    light: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good"]}
    begun = time.time_ns()
    with run.running(light) as url:
        assert ask(url, **SENT, **{"X-Request-Id": "mine"}) == 200
        assert ask(url, "/v2/models/reviews/versions/1/infer", json.dumps({"inputs": [tensor]}).encode()) == 200
        assert ask(url, "/v1/models/reviews", None) == 200
        assert ask(url, "/predict", b"{}") == 400
        assert ask(url, "/no/such/thing", None) == 404
        for path in ("/healthz", "/readyz", "/metrics", "/v2/health/live"):
            assert ask(url, path, None) == 200
    # All have been sent when the worker has ended.
    names = sorted(span.name for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER)
    assert names == [
        "GET", "GET /v1/models/{name}", "POST /predict", "POST /predict",
        "POST /v2/models/{name}/versions/{version}/infer",
    ]  # fmt: skip
    first, refused = sorted(collector.named("POST /predict"), key=lambda span: span.start_time_unix_nano)
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, PARENT)
    told = values(first.attributes)
    assert {name: told[name] for name in told if name != "url.scheme"} == {
        "http.request.method": "POST", "url.path": "/predict", "http.route": "/predict",
        "http.response.status_code": 200, "suite.model": "reviews", "suite.version": 1, "suite.request_id": "mine",
    }  # fmt: skip
    assert begun < first.start_time_unix_nano < first.end_time_unix_nano < time.time_ns()
    (under,) = [span for span in collector.named("run model") if span.parent_span_id == first.span_id]
    assert under.trace_id == first.trace_id
    assert first.start_time_unix_nano <= under.start_time_unix_nano <= under.end_time_unix_nano
    assert under.end_time_unix_nano <= first.end_time_unix_nano
    assert values(under.attributes)["suite.batch_rows"] == 2
    assert 0 <= values(under.attributes)["suite.queue_seconds"] < 30
    assert values(refused.attributes)["http.response.status_code"] == 400
    assert refused.trace_id.hex() != TRACE
    assert "suite.model" not in values(refused.attributes)
    assert all(span.status.code == Status.STATUS_CODE_UNSET for span in collector.spans)
    assert all(told["service.name"] == "suite" for told in collector.resources)


def test_requests_that_ran_together_have_a_span_each(
    light: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/v1/traces")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop")
    shutil.copytree(light / "reviews", tmp_path / "reviews")
    (tmp_path / "reviews" / "serving.json").write_text('{"max_batch": 8, "max_delay_ms": 2000}')
    with run.running(tmp_path) as url, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: ask(url), range(4))) == [200] * 4
    requests, runs = collector.named("POST /predict"), collector.named("run model")
    assert {span.span_id for span in requests} == {span.parent_span_id for span in runs}
    assert len(runs) == len(requests) == 4
    assert [values(span.attributes)["suite.batch_rows"] for span in runs] == [8] * 4
    assert len({span.trace_id for span in runs}) == 4
    assert {told["service.name"] for told in collector.resources} == {"shop"}


@pytest.fixture(params=["gone", "hangs"])
def useless(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a collector that does not answer."""
    # A collector that hangs: the kernel accepts connections, and nothing ever reads from them.
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        yield "127.0.0.1:9" if request.param == "gone" else f"127.0.0.1:{hanging.getsockname()[1]}"


def test_a_collector_that_takes_nothing_costs_no_request_and_one_line(
    light: Path, useless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{useless}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with run.started(Config(models=light, workers=1, port=0)) as service:
        run.wait_ready(service, 1, 30)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert ask(service.url) == 200
            time.sleep(0.01)
        log, stopping = service.log.read_text(), time.monotonic()
    assert time.monotonic() - stopping < 8
    assert log.count("traces cannot be sent") == 1
    assert "Traceback" not in log
    assert len(log.splitlines()) < 12


def test_without_an_endpoint_nothing_of_it_is_imported(light: Path) -> None:
    code = "import sys; from serving.app import create_app; create_app(); print('opentelemetry' in sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**environment, "SUITE_MODELS": str(light)}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr


def test_a_service_without_the_packages_says_so_and_does_not_start(
    light: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SuiteError, match=r"its log ends:\nError: traces need .*pip install 'neural-suite\[otel\]'$"):
        run.running(light).__enter__()
