"""Ten minutes to find a network for the embedded pictures of clothes: `suite tune image_cls` against plain KerasTuner's
Hyperband over the same space and training, and AutoKeras.

For each: when a network first had 0.90 on validation, how many networks were tried, and the test accuracy of what it
ends with. Written to figures/tuning-race.md.
"""

import json
import re
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
FIGURES = Path(__file__).with_name("figures")


@dataclass(frozen=True)
class Result:
    """What one of them came to; seconds from the start of its process."""

    name: str
    reached: float | None
    tried: int
    accuracy: float
    seconds: float

    def row(self) -> str:
        """A line of the table."""
        when = "not" if self.reached is None else f"{self.reached:.0f} s"
        return f"| {self.name} | {when} | {self.tried} | {self.accuracy:.4f} | {self.seconds:.0f} |"


def ours(folder: Path) -> Result:
    """`suite tune image_cls`; a network counts when the search tells of it, or of an epoch of the last training."""
    command = [Path(sys.executable).with_name("suite"), "tune", "image_cls", "--time", f"{MINUTES}m", "--json"]
    started = perf_counter()
    reached = None
    with subprocess.Popen(
        [*command, "--models", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        for line in process.stderr:
            found = TOLD.search(line)
            if reached is None and found and float(found[1]) >= GOAL:
                reached = perf_counter() - started
        result = json.loads(process.stdout.read())
    accuracy = result["metrics"]["test"]["accuracy"]
    return Result("suite tune image_cls", reached, len(result["trials"]), accuracy, perf_counter() - started)


def rival(name: str, interpreter: str, script: str, arrays: Path) -> Result:
    """A script that answers with a line of JSON: when it reached the goal, how many it tried, its test accuracy."""
    started = perf_counter()
    path = Path(__file__).with_name(script)
    done = subprocess.run(
        [interpreter, path, arrays, str(MINUTES), str(GOAL)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return Result(name, found["reached"], found["tried"], found["accuracy"], perf_counter() - started)


def main() -> None:
    """One after the other."""
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
        results = [
            ours(folder / "models"),
            rival("KerasTuner's Hyperband, same space", sys.executable, "tuning_race_kerastuner.py", arrays),
            rival("AutoKeras 3.0.0", rivals.python(*PACKAGES), "tuning_race_autokeras.py", arrays),
        ]
    lines = [
        f"| {MINUTES} minutes on embedded Fashion-MNIST | {GOAL} on validation after | networks tried | test accuracy "
        "| seconds in all |",
        "| --- | --- | --- | --- | --- |",
        *(result.row() for result in results),
    ]
    text = "\n".join(lines)
    print(text)
    artifact.replace_file(FIGURES / "tuning-race.md", f"{text}\n\n`make bench-tuning`\n".encode())


if __name__ == "__main__":
    main()
