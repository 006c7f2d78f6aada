"""A newcomer's first steps: help pages, a default fit of every domain, the service's start and its memory."""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from serving.config import Config
from serving.server import launcher as run
from suite import domain as registry
from suite.cli import VERBS

REPEATS = 5
DOMAINS = {"image_cls": "accuracy", "text_cls": "accuracy", "fraud": "average_precision"}


def suite(*arguments: str) -> tuple[str, float]:
    """Standard output and seconds of a command."""
    started = perf_counter()
    done = subprocess.run(
        [Path(sys.executable).with_name("suite"), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout, perf_counter() - started


def help_pages() -> None:
    """Median seconds of every help page."""
    pages = [[], *([verb] for verb in VERBS)]
    medians = {
        " ".join(["suite", *page]): statistics.median(suite(*page, "--help")[1] for _ in range(REPEATS))
        for page in pages
    }
    slowest = max(medians, key=lambda name: medians[name])
    print(f"help: slowest of {len(pages)} pages is '{slowest} --help', {medians[slowest]:.3f} s (median of {REPEATS})")


def fits(models: Path) -> None:
    """Default figures and seconds, seed 0."""
    for name in registry.names():
        result = json.loads(suite("fit", name, "--models", str(models), "--json")[0])
        card = json.loads((Path(result["artifact"]) / "card.json").read_text())
        metric = DOMAINS[name]
        print(
            f"fit {name}: test {metric} {result['metrics']['test'][metric]:.4f}, "
            f"{card['training']['seconds']} s of training, {result['seconds']} s in all"
        )


def service(models: Path) -> None:
    """Seconds until ready and memory of a worker with all models on the light engine."""
    times = []
    for _ in range(REPEATS):
        started = perf_counter()
        with run.started(Config(models=models, workers=1)) as running:
            run.wait_ready(running, 1, 60)
            times.append(perf_counter() - started)
            children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
            memory = {pid: _resident(int(pid)) for pid in children}
    print(
        f"service: ready in {statistics.median(times):.2f} s (median of {REPEATS}), "
        f"a worker takes {max(memory.values()):.0f} MB"
    )


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    help_pages()
    with tempfile.TemporaryDirectory() as folder:
        fits(Path(folder))
        service(Path(folder))
