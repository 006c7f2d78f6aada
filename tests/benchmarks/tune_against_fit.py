"""`suite tune --time 3m` next to `suite fit` on the same rows of six data sets: which is better, and is the time kept.

Both are run as a person runs them, one after the other, and compared by the predictions for the test rows that they
store. Give the names of tasks of tests.benchmarks.linear to measure only those.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from suite import artifact
from suite.report import stored_predictions
from suite.report.stored_predictions import StoredPredictions
from tests.benchmarks import shared_data
from tests.benchmarks.linear import TASKS, Task, accuracy, precision
from tests.benchmarks.results import measure_tasks, paired_interval

FIGURE = Path(__file__).with_name("figures") / "tune-against-fit.md"
NAMES = ("apps", "german_credit", "attrition", "cells", "oj", "caravan")
MINUTES = 3


def measure(name: str) -> str:
    """A row of the table for one task."""
    task = TASKS[name]
    with tempfile.TemporaryDirectory() as models:
        fit, fit_seconds = _run(task, "fit", Path(models))
        tune, tune_seconds = _run(task, "tune", Path(models), "--time", f"{MINUTES}m")
    metric = accuracy if task.domain == "text_cls" else precision
    cells = [
        f"{name}, {metric.__name__}", f"{metric(fit.y, fit.outputs):.4f}",
        f"{metric(tune.y, tune.outputs):.4f}",
        paired_interval(metric, [(fit.y, tune.outputs, fit.outputs)]), f"{fit_seconds:.0f} s",
        f"{tune_seconds:.0f} s",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _run(task: Task, verb: str, models: Path, *arguments: str) -> tuple[StoredPredictions, float]:
    """The predictions for the test rows of what the command saves, and its seconds in all."""
    data = ["--models", str(models), "--name", verb]
    if task.file:
        folder, _, file = task.file.partition("/")
        data += ["--data", str(shared_data.folder(folder) / file)]
    for option, value in task.options.items():
        data += [f"--{option.replace('_', '-')}", value]
    started = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "suite", verb, task.domain, *data, *arguments], check=True, stdout=subprocess.DEVNULL
    )
    seconds = perf_counter() - started
    folder = models / verb / "1"
    card = artifact.read_card(folder)
    assert card
    return stored_predictions.read(folder, card).sorted(), seconds


def main(names: list[str]) -> None:
    """Measure the tasks one by one, and keep the table of them."""
    columns = (
        "task, metric", "`suite fit`", f"`suite tune --time {MINUTES}m`", "difference (95%)", "fit takes", "tune takes",
    )  # fmt: skip
    measure_tasks(columns, measure, names, NAMES, FIGURE, "make bench-tune-fit")


if __name__ == "__main__":
    main(sys.argv[1:])
