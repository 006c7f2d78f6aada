"""Ten minutes to find a network for the embedded pictures of clothes: `suite tune image_cls` against plain KerasTuner's
Hyperband over the same space and training, and AutoKeras.

For each: when a network first had 0.90 on validation, how many networks were tried, and the test accuracy of what it
ends with; none may take more memory than a laptop has. Written to figures/tuning-race.md.
"""

import json
import re
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from suite import artifact
from tests.benchmarks import rivals

MINUTES = 10
GOAL = 0.90
PACKAGES = ("tensorflow==2.21.0", "keras==3.12.0", "autokeras==3.0.0", "tensorboard==2.20.0")
TOLD = re.compile(r"(?:^trial \S+ completed|^epoch .* val_accuracy) (0\.\d+)")
# Bytes; and how much longer than asked a rival may take.
MEMORY, PATIENCE = 16 * 2**30, 1.3
FIGURES = Path(__file__).with_name("figures")


@dataclass(frozen=True)
class Result:
    """The result of one search; seconds are from the start of its process. Without an accuracy, the search failed."""

    name: str
    seconds: float
    reached: float | None = None
    tried: int | None = None
    accuracy: float | None = None

    def row(self) -> str:
        """A line of the table."""
        if self.accuracy is None:
            return f"| {self.name} | not | | no answer: it was ended, or out of memory | {self.seconds:.0f} |"
        when = "not" if self.reached is None else f"{self.reached:.0f} s"
        return f"| {self.name} | {when} | {self.tried} | {self.accuracy:.4f} | {self.seconds:.0f} |"


def ours(folder: Path) -> Result:
    """`suite tune image_cls`; a network counts when the search reports it, or an epoch of the last training."""
    command = [Path(sys.executable).with_name("suite"), "tune", "image_cls", "--time", f"{MINUTES}m", "--json"]
    started = perf_counter()
    reached = None
    with subprocess.Popen(
        [*command, "--models", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_limit
    ) as process:
        assert process.stdout
        assert process.stderr
        for line in process.stderr:
            found = TOLD.search(line)
            if reached is None and found and float(found[1]) >= GOAL:
                reached = perf_counter() - started
        result = json.loads(process.stdout.read())
    accuracy = result["metrics"]["test"]["accuracy"]
    return Result("suite tune image_cls", perf_counter() - started, reached, len(result["trials"]), accuracy)


def rival(name: str, interpreter: str, script: str, arrays: Path) -> Result:
    """Run a script that prints a line of JSON: when it reached the goal, how many it tried, its test accuracy."""
    started = perf_counter()
    path = Path(__file__).with_name(script)
    try:
        done = subprocess.run(
            [interpreter, path, arrays, str(MINUTES), str(GOAL)], stdout=subprocess.PIPE, text=True, check=True,
            timeout=60 * MINUTES * PATIENCE, preexec_fn=_limit,
        )  # fmt: skip
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        print(error, flush=True)
        return Result(name, perf_counter() - started)
    found = json.loads(done.stdout.splitlines()[-1])
    return Result(name, perf_counter() - started, found["reached"], found["tried"], found["accuracy"])


def _limit() -> None:
    """Limit the memory to that of a laptop."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def main(names: list[str]) -> None:
    """Run all searches, or the named ones, one after the other; the rows of others stay."""
    from suite import domain as registry
    from suite import domains
    from suite.data.options import DataOptions

    dataset = domains.load_data(registry.get("image_cls"), None, DataOptions())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arrays = folder / "clothes.npz"
        splits = {split: dataset.rows[split] for split in ("train", "validation", "test")}
        np.savez(
            arrays,
            **{f"x_{split}": dataset.inputs["image"][rows] for split, rows in splits.items()},
            **{f"y_{split}": dataset.y[rows] for split, rows in splits.items()},
        )
        races = {
            "suite": lambda: ours(folder / "models"),
            "kerastuner": lambda: rival(
                "KerasTuner's Hyperband, same space", sys.executable, "tuning_race_kerastuner.py", arrays
            ),
            "autokeras": lambda: rival("AutoKeras 3.0.0", rivals.python(*PACKAGES), "tuning_race_autokeras.py", arrays),
        }
        for name in names or races:
            _write(races[name]().row())


def _write(row: str) -> None:
    """Write a row to the table, in place of an earlier one of that name."""
    print(row, flush=True)
    file = FIGURES / "tuning-race.md"
    before = file.read_text().splitlines()[2:-2] if file.exists() else []
    lines = [
        f"| {MINUTES} minutes on embedded Fashion-MNIST | {GOAL} on validation after | networks tried "
        "| test accuracy | seconds in all |",
        "| --- | --- | --- | --- | --- |",
        *(one for one in before if one.split("|")[1] != row.split("|")[1]),
        row,
        "",
        "`make bench-tuning`",
    ]
    artifact.replace_file(file, ("\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1:])
