"""Our service beside LitServe, BentoML and MLServer: the same network, a picture of 28 x 28 as JSON, two workers each.

Every rival twice: with the SavedModel on TensorFlow, and with LiteRT written into it; joining requests that wait, or
not, whichever is faster for it at 64 connections. In each of ROUNDS rounds every server is started, asked about
pictures whose answers are known, warmed, loaded by wrk, weighed and stopped. Written to figures/serving-rivals.md.
"""

import json
import multiprocessing
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, perf_counter, sleep

import numpy as np

from serving.server.launcher import Service
from suite import artifact
from suite.errors import SuiteError
from tests.benchmarks import model_servers, processes, serving_load
from tests.benchmarks.model_servers import PATIENCE, Rival, Server
from tests.benchmarks.rival_servers import lenet
from tests.benchmarks.serving_load import JSON, Asked, Rate, spread

ROUNDS, SECONDS, WARM = 3, 4, 2
CONNECTIONS = (16, 64)
# A picture as a grey one is written shortest; a list around each of its numbers slows rivals down more than us.
SHAPE, TRIED = (28, 28), 64
# Seconds between two looks whether a server answers; what may differ in a probability.
LOOK, TOLERANCE = 0.02, 1e-5
TENSORFLOW, LIGHT = "tf", "litert"
NAMES = {TENSORFLOW: "TensorFlow", LIGHT: "LiteRT"}
FIGURES = Path(__file__).with_name("figures")
HEAD = [
    "| server | engine | requests/s, 16 connections | 64 | p99 in ms, 16 | 64 | ready after s | PSS in MB |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
]


@dataclass(frozen=True)
class Measured:
    """What one start of a server came to; seconds until its first answer, megabytes after the load."""

    rates: dict[int, Rate]
    ready: float
    memory: float


@dataclass(frozen=True)
class Pictures:
    """Pictures (N, *SHAPE) and their probabilities (N, labels)."""

    pictures: np.ndarray
    known: np.ndarray


Round = dict[Server, Measured]


def main() -> None:
    """Measure and print."""
    serving_load.need_wrk()
    with tempfile.TemporaryDirectory() as name:
        models = Path(name)
        serving_load.fit(models, "image_cls", "--set", "network=lenet")
        model = models / "image_cls" / "1"
        pictures = _pictures(model)
        light = model_servers.ours(models, LIGHT)
        joining = model_servers.ours(models, TENSORFLOW, max_batch=64)
        rivals, told = _rivals(model, pictures)
        rounds: list[Round] = []
        for number in range(ROUNDS):
            rounds.append({server: _measured(server, pictures, CONNECTIONS) for server in (light, joining, *rivals)})
            print(f"round {number + 1} of {ROUNDS} done", flush=True)
    lines = [*HEAD, *(_row(server, rounds) for server in rounds[0]), ""]
    if rivals:
        lines += [*_ratios(rounds, light, joining, rivals), ""]
    lines += ["Each rival in the faster of its forms:", *told, "", "`make bench-serving-rivals`"]
    print("\n".join(lines))
    artifact.replace_file(FIGURES / "serving-rivals.md", ("\n".join(lines) + "\n").encode())


def _pictures(model: Path) -> Pictures:
    """Pictures with what the SavedModel itself says of them, in a process of its own that then is gone."""
    pictures = np.random.default_rng(0).integers(0, 256, (TRIED, *SHAPE), np.uint8)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return Pictures(pictures, pool.submit(_known, str(model), pictures).result())


def _known(model: str, pictures: np.ndarray) -> np.ndarray:
    return lenet.load(TENSORFLOW, model).run(pictures.reshape(-1, *lenet.SHAPE))


def _rivals(model: Path, pictures: Pictures) -> tuple[list[Server], list[str]]:
    """The rivals that could be installed, in the faster of their forms, and what is to be told of them."""
    servers, told = [], []
    for rival in model_servers.RIVALS:
        try:
            rival.installed()
        except subprocess.CalledProcessError:
            told.append(f"- {rival.name} could not be installed and is left out")
            print(told[-1], flush=True)
            continue
        for engine in (TENSORFLOW, LIGHT):
            form, line = _faster_form(rival, model, engine, pictures)
            servers.append(form)
            told.append(line)
            print(line, flush=True)
    return servers, told


def _faster_form(rival: Rival, model: Path, engine: str, pictures: Pictures) -> tuple[Server, str]:
    """Joining requests that wait, or one by one, and what both came to."""
    many = CONNECTIONS[-1]
    alone, joining = (rival.server(model, engine, rows) for rows in (1, 64))
    slow, fast = (_measured(form, pictures, (many,)).rates[many].a_second for form in (alone, joining))
    line = f"- {rival.name}, {NAMES[engine]}: {fast:,.0f} requests/s joining those that wait, {slow:,.0f} one by one"
    return (joining if fast > slow else alone), line


def _measured(server: Server, pictures: Pictures, connections: tuple[int, ...]) -> Measured:
    body = json.dumps(server.ask(pictures.pictures[:1]), separators=(",", ":")).encode()
    asked = Asked(server.name, server.path, body, JSON)
    begun = perf_counter()
    with server.started() as service:
        _until_answered(server, service, lambda: _answer(server, service, body))
        ready = perf_counter() - begun
        server.settled(service)
        _check(server, service, pictures)
        for many in connections:
            serving_load.load(service.url, asked, many, WARM)
        rates = {many: serving_load.load(service.url, asked, many, SECONDS) for many in connections}
        memory = processes.pss(service.pid)
        _check(server, service, pictures)
    return Measured(rates, ready, memory)


def _until_answered(server: Server, service: Service, ask: Callable[[], object]) -> None:
    """Ask until it is answered; SuiteError with the log where it is not in time."""
    end = monotonic() + PATIENCE
    while True:
        try:
            ask()
            return
        except (OSError, HTTPException, SuiteError) as error:
            if monotonic() > end or not processes.runs(service.pid):
                log = service.log.read_text(errors="replace")[-2000:]
                raise SuiteError(f"{server.name} does not answer ({error}); its log ends:\n{log}") from error
        sleep(LOOK)


def _answer(server: Server, service: Service, body: bytes) -> model_servers.Probabilities:
    connection = HTTPConnection(service.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        connection.request("POST", server.path, body, {"Content-Type": JSON})
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise SuiteError(f"{response.status} {content[:200]!r}")
        return server.read(json.loads(content))
    finally:
        connection.close()


def _check(server: Server, service: Service, pictures: Pictures) -> None:
    """That each of many questions at a time gets the answer to itself."""
    bodies = [json.dumps(server.ask(pictures.pictures[number : number + 1])).encode() for number in range(TRIED)]
    with ThreadPoolExecutor(CONNECTIONS[0]) as pool:
        found = [probabilities for (probabilities,) in pool.map(lambda one: _answer(server, service, one), bodies)]
    np.testing.assert_allclose(found, pictures.known, rtol=0, atol=TOLERANCE, err_msg=server.name)


def _row(server: Server, rounds: list[Round]) -> str:
    def middle(figure: Callable[[Measured], float], digits: int = 0) -> str:
        return f"{statistics.median(figure(one[server]) for one in rounds):,.{digits}f}"

    rates = [middle(lambda one, many=many: one.rates[many].a_second) for many in CONNECTIONS]
    tails = [middle(lambda one, many=many: one.rates[many].p99) for many in CONNECTIONS]
    others = [middle(lambda one: one.ready, 2), middle(lambda one: one.memory)]
    return f"| {' | '.join([server.name, NAMES[server.engine], *rates, *tails, *others])} |"


def _ratios(rounds: list[Round], light: Server, joining: Server, rivals: list[Server]) -> list[str]:
    """Ours to theirs in each round."""
    on_tensorflow, on_light = ([one for one in rivals if one.engine == engine] for engine in (TENSORFLOW, LIGHT))
    return [
        "Our light engine to the best rival on TensorFlow (wanted: requests 4 or more, memory 0.25, time 0.33):",
        *_to_the_best(rounds, light, on_tensorflow),
        "",
        "Our light engine to the best rival on LiteRT (wanted: requests 2.5 or more, memory and time under 1):",
        *_to_the_best(rounds, light, on_light),
        "",
        "Our TensorFlow, joining, to each rival's (wanted: 2 or more):",
        *(_rates(rounds, joining, [one], CONNECTIONS[-1], f" to {one.name}") for one in on_tensorflow),
    ]


def _to_the_best(rounds: list[Round], light: Server, rivals: list[Server]) -> list[str]:
    memory = [one[light].memory / min(one[rival].memory for rival in rivals) for one in rounds]
    ready = [one[light].ready / min(one[rival].ready for rival in rivals) for one in rounds]
    return [
        *(_rates(rounds, light, rivals, many) for many in CONNECTIONS),
        f"- memory: {spread(memory)}",
        f"- time to the first answer: {spread(ready)}",
    ]


def _rates(rounds: list[Round], ours: Server, rivals: list[Server], many: int, to: str = "") -> str:
    best = [max(one[rival].rates[many].a_second for rival in rivals) for one in rounds]
    ratios = [one[ours].rates[many].a_second / other for one, other in zip(rounds, best, strict=True)]
    return f"- requests/s{to}, {many} connections: {spread(ratios)}"


if __name__ == "__main__":
    main()
