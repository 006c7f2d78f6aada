"""How much of what Flask and gunicorn can do at all is left when they answer predictions.

Under load from wrk (Debian's package), each kind of request in turns with a route of the same application that reads
the same body and answers nothing: requests a second as a ratio to that, median and range over ROUNDS; p99 likewise.
Rows of large requests beside those of the engine alone, in as many processes. Then TensorFlow with and without joining
requests that wait. Written to figures/serving-ceiling.md.
"""

import io
import multiprocessing
import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

import numpy as np

from serving.client import Client
from serving.codecs import open_inference as v2
from serving.config import Config
from serving.engines import select
from serving.server import launcher as run
from suite import artifact
from tests.benchmarks import serving_load
from tests.benchmarks.serving_load import BINARY, JSON, NPY, Asked, body, spread

ROUNDS, SECONDS, WORKERS = 5, 3, 2
FIGURES = Path(__file__).with_name("figures")
NOOP = "/noop"
ROWS, FEW = 64, (4,)


def main() -> None:
    """Measure and print."""
    serving_load.need_wrk()
    lines = [
        "| request | connections | a second | of the route that does nothing | p99 to its p99 |",
        "| --- | --- | --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as name:
        models = Path(name)
        for options in (["image_cls", "--set", "network=lenet"], ["text_cls"], ["fraud"]):
            serving_load.fit(models, *options)
        requests = _requests()
        with _served(models) as url:
            _check(url)
            for asked in requests:
                for connections in asked.connections:
                    lines.append(_row(url, asked, connections))
                    print(lines[-1], flush=True)
            lines += ["", _many_rows(url, models, next(asked for asked in requests if asked.connections == FEW))]
            print(lines[-1], flush=True)
        lines += ["", *_batching(models, requests[0])]
    artifact.replace_file(FIGURES / "serving-ceiling.md", ("\n".join(lines) + "\n\n`make bench-serving`\n").encode())


def _requests() -> list[Asked]:
    picture = np.random.default_rng(0).integers(0, 256, (1, 28, 28, 1), np.uint8)
    file = io.BytesIO()
    np.save(file, picture)
    head, tensor = v2.encode_request({"image": picture})
    many_head, many = v2.encode_request({"image": np.repeat(picture, ROWS, axis=0)})
    at = "/v2/models/image_cls/infer"
    payment = {f"V{number}": number / 10 for number in range(1, 29)} | {"Amount": 12.5}
    return [
        Asked("picture as JSON", "/predict", body("image_cls", picture[0].tolist()), JSON),
        Asked("picture as npy", "/predict?model=image_cls", file.getvalue(), NPY),
        Asked("picture as v2 bytes", at, head + tensor, BINARY, str(len(head))),
        Asked("64 pictures as v2 bytes", at, many_head + many, BINARY, str(len(many_head)), FEW),
        Asked("text as JSON", "/predict", body("text_cls", "A joy from start to end."), JSON),
        Asked("payment as JSON", "/predict", body("fraud", payment), JSON),
    ]


@contextmanager
def _served(models: Path, **settings: object) -> Iterator[str]:
    config = Config(models=models, port=0, workers=WORKERS, **settings)  # type: ignore[arg-type]
    with run.started(config, "tests.benchmarks.serving_app:create()") as service:
        run.wait_ready(service, WORKERS, 90)
        yield service.url


def _check(url: str) -> None:
    """That both ways to ask answer the same, for other pictures than the one of the load."""
    pictures = np.random.default_rng(1).integers(0, 256, (64, 28, 28, 1), np.uint8)
    with Client(url) as client:
        instances = [list(one["probabilities"].values()) for one in client.predict(pictures.tolist(), "image_cls")]
        tensors = client.infer({"image": pictures}, "image_cls")["probabilities"]
    np.testing.assert_allclose(instances, tensors, rtol=1e-5, atol=1e-7)


def _row(url: str, asked: Asked, connections: int) -> str:
    pairs = []
    for _ in range(ROUNDS):
        nothing = serving_load.load(url, replace(asked, path=NOOP), connections, SECONDS)
        pairs.append((nothing, serving_load.load(url, asked, connections, SECONDS)))
    rates = [one.a_second / nothing.a_second for nothing, one in pairs]
    tails = [one.p99 / nothing.p99 for nothing, one in pairs]
    middle = statistics.median(one.a_second for _, one in pairs)
    return f"| {asked.name} | {connections} | {middle:,.0f} | {spread(rates)} | {spread(tails)} |"


def _many_rows(url: str, models: Path, asked: Asked) -> str:
    """Rows a second of the service, and of the engine alone in as many processes."""
    served, alone = [], []
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        for _ in range(ROUNDS):
            alone.append(sum(pool.map(_engine_rows, [models / "image_cls" / "1"] * WORKERS)))
            served.append(ROWS * serving_load.load(url, asked, FEW[0], SECONDS).a_second)
    ratios = [one / other for one, other in zip(served, alone, strict=True)]
    return (
        f"Rows a second of {ROWS} pictures a request: {statistics.median(served):,.0f}, of the engine alone in "
        f"{WORKERS} processes {statistics.median(alone):,.0f}: {spread(ratios)} of it."
    )


def _engine_rows(folder: Path) -> float:
    engine = select.choose(folder, artifact.read_card(folder)).engine
    raw = {"image": np.random.default_rng(0).integers(0, 256, (ROWS, 28, 28, 1), np.uint8)}
    rows, begun = 0, monotonic()
    while monotonic() < begun + SECONDS:
        rows += len(next(iter(engine.run(raw).values())))
    return rows / (monotonic() - begun)


def _batching(models: Path, asked: Asked) -> list[str]:
    """What joining gains the engine that gains by it."""
    found: dict[int, list[float]] = {1: [], 64: []}
    for _ in range(ROUNDS):
        for most, rates in found.items():
            with _served(models, engine="tf", max_batch=most) as url:
                serving_load.load(url, asked, 64, SECONDS)
                rates.append(serving_load.load(url, asked, 64, SECONDS).a_second)
    ratios = [joined / alone for alone, joined in zip(found[1], found[64], strict=True)]
    alone, joined = (statistics.median(rates) for rates in found.values())
    line = (
        f"TensorFlow, a picture as JSON, 64 connections: {joined:,.0f} a second where those that wait run together, "
        f"{alone:,.0f} one by one: {spread(ratios)} times as many."
    )
    print(line, flush=True)
    return [line]


if __name__ == "__main__":
    main()
