"""The memory of a search of 200 networks for a small text, in one process and in two workers.

    make bench-tuning-memory TRIALS=40

Prints the memory of all processes of the search after every tenth network, and by how much it has grown in all since
the twentieth: the median of the last ten compared with that of the ten before the twentieth.
"""

import argparse
import os
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from suite import domain as registry
from suite.config import load_tensorflow
from suite.data.options import DataOptions
from suite.search_record import Objective, Trial

WORDS = ("good", "bad", "fine", "poor", "great", "dull", "warm", "cold")
# The others take several times as long.
READERS = ["none", "convolution"]
ROWS, EPOCHS, SETTLED, WINDOW = 400, 2, 20, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 2], help="0: in this process")
    arguments = parser.parse_args()
    load_tensorflow()
    for workers in arguments.workers:
        where = f"{workers} workers" if workers else "one process"
        figures = memory_of_a_search(arguments.trials, workers or None)
        for number in range(WINDOW, len(figures) + 1, WINDOW):
            print(f"{where}: {figures[number - 1]:7.0f} MB after {number} networks", flush=True)
        before, after = median(figures[SETTLED - WINDOW : SETTLED]), median(figures[-WINDOW:])
        print(f"{where}: {after / before - 1:+.1%} from network {SETTLED} to {len(figures)}", flush=True)


def memory_of_a_search(trials: int, workers: int | None) -> list[float]:
    """Megabytes after each network."""
    from suite.training.data import prepare
    from tuning import search_folder
    from tuning.plan import SearchPlan
    from tuning.search import SearchCallbacks
    from tuning.space_restriction import SpaceRestriction
    from tuning.tune import WorkerOptions, tune

    figures: list[float] = []

    def note(trial: Trial) -> None:
        figures.append(megabytes())

    with tempfile.TemporaryDirectory() as temporary:
        file, folder = Path(temporary, "texts.csv"), Path(temporary, "search")
        write_texts(file)
        domain = registry.get("text_cls")
        dataset = domain.read(file, DataOptions())
        plan = SearchPlan("random", [Objective("val_accuracy", "max")], EPOCHS, trials=trials, workers=workers or 1)
        with search_folder.locked(folder):
            tune(
                domain, dataset, prepare(domain, dataset), plan, SpaceRestriction({"reader.kind": READERS}),
                WorkerOptions(workers), folder, resume=False, callbacks=SearchCallbacks(on_trial_end=note),
                report=lambda task, progress: None,
            )  # fmt: skip
    return figures


def write_texts(file: Path) -> None:
    """A small table of texts that can be learned."""
    picked = np.random.default_rng(0).integers(0, len(WORDS), (ROWS, 6))
    rows = [f"{' '.join(WORDS[i] for i in row)},{'up' if (row % 2 == 0).sum() > 2 else 'down'}" for row in picked]
    file.write_text("\n".join(["text,label", *rows]))


def megabytes() -> float:
    """The memory of this process and those that it started."""
    own = Path("/proc/self/task")
    children = [number for task in own.iterdir() for number in (task / "children").read_text().split()]
    return sum(resident(number) for number in (str(os.getpid()), *children)) / 1e6


def resident(process: str) -> int:
    """Bytes of memory that a process has; shared pages count in each."""
    try:
        return int(Path("/proc", process, "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if __name__ == "__main__":
    main()
