"""What the benchmarks of the service share: models fitted for one epoch, load from wrk (Debian's package), ratios."""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LENET = ("image_cls", "--set", "network=lenet")
NPY, BINARY, JSON = "application/x-npy", "application/octet-stream", "application/json"
SCRIPT = """
function init(arguments)
  local file = io.open(arguments[1], "rb"); wrk.body = file:read("*a"); file:close()
  wrk.method = "POST"; wrk.headers["Content-Type"] = arguments[2]
  if arguments[3] then wrk.headers["Inference-Header-Content-Length"] = arguments[3] end
end
function done(summary, latency, requests)
  io.write(string.format('JSON {"n":%d,"us":%d,"p99":%d,"bad":%d}\\n', summary.requests, summary.duration,
    latency:percentile(99), summary.errors.status + summary.errors.connect + summary.errors.read +
    summary.errors.write + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Asked:
    """A kind of request: its body, where it goes, its media type; `header` is the length of v2's JSON before bytes."""

    name: str
    path: str
    body: bytes
    kind: str
    header: str = ""
    connections: tuple[int, ...] = (16, 64)


@dataclass(frozen=True)
class Rate:
    """Requests a second, and milliseconds within which 99 of 100 were answered."""

    a_second: float
    p99: float


def need_wrk() -> None:
    """End where wrk is not installed."""
    if shutil.which("wrk") is None:
        raise SystemExit("error: wrk makes the load and is not there: apt-get install wrk")


def fit(models: Path, *options: str) -> None:
    """A model of a domain, trained for one epoch."""
    command = [Path(sys.executable).with_name("suite"), "fit", *options, "--epochs", "1", "--models", models]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def models(*options: Sequence[str]) -> Iterator[Path]:
    """A store of models that were fitted with these options each, for as long as a block lasts."""
    with tempfile.TemporaryDirectory() as name:
        store = Path(name) / "models"
        for one in options:
            fit(store, *one)
        yield store


def body(model: str, instance: object) -> bytes:
    """A question to /predict."""
    return json.dumps({"model": model, "instances": [instance]}, separators=(",", ":")).encode()


def load(url: str, asked: Asked, connections: int, seconds: int) -> Rate:
    """As many of these requests as get answers, on so many connections; none may fail."""
    with tempfile.TemporaryDirectory() as name:
        script, content = Path(name) / "post.lua", Path(name) / "body"
        script.write_text(SCRIPT)
        content.write_bytes(asked.body)
        command = [
            "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency", "-s", script,
            url + asked.path, "--",
        ]  # fmt: skip
        arguments = [content, asked.kind, *([asked.header] if asked.header else [])]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("JSON ")]
    found = json.loads(line[5:])
    assert not found["bad"], f"{found['bad']} requests to {url}{asked.path} failed"
    return Rate(1e6 * found["n"] / found["us"], found["p99"] / 1000)


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
