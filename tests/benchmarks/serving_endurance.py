"""How the service holds out: python -m tests.benchmarks.serving_endurance [PARTS] [--minutes MINUTES]

overload: three times as many requests as can be answered for a minute, each with a deadline. The model is slow enough,
the default network on 32 pictures a request, that sending and refusing the rest cost little beside it.
reloads: 200 new versions of LeNet while requests come at an eighth of wrk's peak, in turns with none new.
soak: half an hour of requests of every kind, wrong ones among them, for what memory they leave behind.
mixed: ten minutes of all kinds of clients at once, hostile ones among them (see serving_mixed).

Written to figures/serving-endurance.md, where the rows of parts that were not asked for stay.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import numpy as np

from serving.codecs import open_inference as v2
from serving.config import Config
from serving.server import launcher as run
from serving.server.launcher import Service
from suite import artifact
from tests.benchmarks import open_loop, processes, serving_load
from tests.benchmarks.open_loop import Outcomes, request
from tests.benchmarks.serving_load import BINARY, JSON, LENET, Asked, body, spread
from tests.benchmarks.serving_mix import mix
from tests.benchmarks.serving_mixed import mixed
from tests.benchmarks.traffic.disturbances import new_version, publish

WORKERS = 2
PEAK_SECONDS = 10
TIMES, OVERLOADED, DEADLINE, PICTURES = 3, 60, 0.5, 32
# Versions in each of so many rounds, one every so many seconds: the service looks every second.
ROUNDS, VERSIONS, BEAT = 4, 50, 1.2
# Of wrk's peak: about half of what can be answered beside this load, which itself takes as much as the answers.
SHARE = 8
# Requests a second of the soak; the parts of it that warm up, and that each of both weighings takes.
MIXED, WARMING, WEIGHING = 500, 0.1, 0.1
LOOK = 5.0
FIGURES = Path(__file__).with_name("figures")
HEAD = ["| part | measured | figure | wanted |", "| --- | --- | --- | --- |"]
RELOADS = 'suite_reloads_total{model="image_cls",result="ready"}'
Row = tuple[str, str, str]


def overload() -> list[Row]:
    """What comes of the requests that are answered when most cannot be."""
    with serving_load.models(["image_cls"]) as models, _served(models) as service:
        head, tensor = v2.encode_request({"image": _pictures(PICTURES)})
        asked = Asked("pictures", "/v2/models/image_cls/infer", head + tensor, BINARY, str(len(head)))
        before = _peak(service, asked)
        memory = processes.pss(service.pid)
        headers = {v2.JSON_LENGTH: asked.header, "X-Request-Timeout-Ms": str(int(1000 * DEADLINE))}
        sent = request(asked.path, asked.body, headers)
        with _offered(service, [sent], TIMES * before, OVERLOADED) as offered:
            sleep(OVERLOADED / 2)
            halfway = processes.pss(service.pid)
            outcomes = offered.result()
        grown = processes.pss(service.pid)
        peak = max(before, _peak(service, asked))
    answered = outcomes.status == 200
    good = int((answered & (outcomes.seconds <= DEADLINE)).sum()) / OVERLOADED
    told = ", ".join(f"{status}: {(outcomes.status == status).sum():,}" for status in np.unique(outcomes.status))
    return [
        (f"peak before or after, requests of {PICTURES} pictures a second", f"{peak:,.0f}", ""),
        (f"sent a second for {OVERLOADED} s", f"{len(outcomes.due) / OVERLOADED:,.0f}", f"{TIMES} times the peak"),
        (f"answered within {1000 * DEADLINE:.0f} ms, to the peak", f"{good / peak:.2f}", ""),
        ("p99 of what was answered", f"{outcomes.tail(answered):,.0f} ms", f"{1000 * DEADLINE:.0f} ms"),
        ("statuses", told, ""),
        ("PSS before, halfway and after", f"{memory:,.0f}, {halfway:,.0f} and {grown:,.0f} MB", ""),
        ("sent late by the load itself, p99", f"{1000 * np.percentile(outcomes.late, 99):.1f} ms", ""),
    ]


def reloads() -> list[Row]:
    """What those who ask notice of new versions."""
    with serving_load.models(LENET) as models, tempfile.TemporaryDirectory(dir=models.parent) as aside:
        first = models / "image_cls" / "1"
        versions = [new_version(first, Path(aside), number + 2) for number in range(ROUNDS * VERSIONS)]
        with _served(models) as service:
            asked = Asked("picture", "/predict", body("image_cls", _pictures(1)[0, ..., 0].tolist()), JSON)
            rate = _peak(service, asked) / SHARE
            loaded = _counted(service, RELOADS)
            pairs = []
            for number in range(ROUNDS):
                rounds = []
                for new in ([], versions[VERSIONS * number : VERSIONS * (number + 1)]):
                    sent = [request(asked.path, asked.body)]
                    with _offered(service, sent, rate, VERSIONS * BEAT, number) as offered:
                        _put(new, models / "image_cls")
                        rounds.append(offered.result())
                pairs.append(rounds)
            loaded = _counted(service, RELOADS) - loaded
    statuses = Counter(status for rounds in pairs for one in rounds for status in one.status.tolist())
    failed = ", ".join(f"{status}: {count:,}" for status, count in statuses.items() if status != 200) or "none"
    tails = [[one.tail() for one in rounds] for rounds in pairs]
    return [
        ("new versions, loaded by each worker", f"{loaded / WORKERS:,.0f}", f"{ROUNDS * VERSIONS}"),
        ("a picture as JSON, requests a second", f"{rate:,.0f}", f"1/{SHARE} of wrk's peak"),
        (f"other answers than 200, of {statuses.total():,}", failed, "none"),
        ("p99 without new versions", f"{spread([quiet for quiet, _ in tails])} ms", ""),
        ("p99 with, to that", spread([busy / quiet for quiet, busy in tails]), "1.5 or less"),
    ]


def soak(minutes: float) -> list[Row]:
    """What is left in memory of requests of every kind."""
    requests, expected = zip(*mix(), strict=True)
    with serving_load.models(LENET, ["text_cls"], ["fraud"]) as models, _served(models) as service:
        weighed = []
        begun = monotonic()
        with _offered(service, requests, MIXED, 60 * minutes) as offered:
            while not offered.done():
                weighed.append((monotonic() - begun, processes.pss(service.pid)))
                sleep(LOOK)
            outcomes = offered.result()
    ends = 60 * minutes * np.array([WARMING, WARMING + WEIGHING, 1 - WEIGHING, 1])
    first, last = (
        statistics.median(memory for at, memory in weighed if low <= at <= high) for low, high in (ends[:2], ends[2:])
    )
    wrong = int((outcomes.status != np.array(expected)[outcomes.which]).sum())
    return [
        (f"requests of every kind in {minutes:g} minutes, {MIXED} a second", f"{len(outcomes.due):,}", ""),
        ("answered with another status than theirs", f"{wrong}", "0"),
        ("p99", f"{outcomes.tail():.0f} ms", ""),
        ("PSS after warming up, at the end", f"{first:,.1f} MB, {last:,.1f} MB", ""),
        ("growth of PSS", f"{100 * (last / first - 1):+.2f} %", "less than 1 %"),
    ]


@contextmanager
def _served(models: Path) -> Iterator[Service]:
    with run.started(Config(models=models, port=0, workers=WORKERS)) as service:
        run.wait_ready(service, WORKERS, 90)
        yield service


def _pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1), np.uint8)


def _peak(service: Service, asked: Asked) -> float:
    """The most requests a second that are answered, by wrk; warms the service first."""
    serving_load.load(service.url, asked, 16, 2)
    return max(serving_load.load(service.url, asked, many, PEAK_SECONDS).a_second for many in asked.connections)


@contextmanager
def _offered(
    service: Service, requests: Sequence[bytes], rate: float, seconds: float, seed: int = 0
) -> Iterator["Future[Outcomes]"]:
    """Load from a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool.submit(open_loop.offer, service.url, requests, rate, seconds, seed)


def _put(versions: Sequence[Path], store: Path) -> None:
    """Move versions into the store, one a beat; it keeps the last two."""
    begun = monotonic()
    for number, folder in enumerate(versions):
        sleep(max(0.0, begun + number * BEAT - monotonic()))
        publish(folder, store)


def _counted(service: Service, key: str) -> float:
    """A number of the service's metrics."""
    with urllib.request.urlopen(f"{service.url}/metrics") as response:
        lines = response.read().decode().splitlines()
    return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(f"{key} ")))


def _write(part: str, rows: list[Row]) -> None:
    """Put a part's rows into the table, in the place of earlier ones."""
    lines = [f"| {part} | {what} | {figure} | {wanted} |" for what, figure, wanted in rows]
    print("\n".join(lines), flush=True)
    file = FIGURES / "serving-endurance.md"
    before = file.read_text().splitlines()[len(HEAD) :] if file.exists() else []
    kept = [line for line in before if line.startswith("|") and line.split("|")[1].strip() != part]
    text = "\n".join([*HEAD, *kept, *lines, "", "`make bench-serving-endurance`"])
    artifact.replace_file(file, f"{text}\n".encode())


def main() -> None:
    """The parts that are asked for, or all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--minutes", type=float, help="of the soak (30) and of mixed traffic (10)")
    asked = parser.parse_args()
    parts: dict[str, Callable[[], list[Row]]] = {
        "overload": overload,
        "reloads": reloads,
        "soak": lambda: soak(asked.minutes or 30),
        "mixed": lambda: mixed(asked.minutes or 10),
    }
    for part in asked.parts or parts:
        if part not in parts:
            parser.error(f"'{part}' is no part: there are {', '.join(parts)}")
    if {"overload", "reloads"} & set(asked.parts or parts):
        serving_load.need_wrk()
    for part in asked.parts or parts:
        _write(part, parts[part]())


if __name__ == "__main__":
    main()
