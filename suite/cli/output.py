"""The output of commands: progress while they work, then a result for a person or for a script."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite.training import callbacks


class Output:
    """Prints to standard output; with `as_json`, lines go to standard error and one JSON object to standard output."""

    def __init__(self, as_json: bool, quiet: bool) -> None:
        self._json = as_json
        self._quiet = quiet
        self.console = Console(file=sys.stderr if as_json else sys.stdout, highlight=False, soft_wrap=True)

    def progress_only(self) -> "Output":
        """The output for a step whose result is not that of the command, and not printed as JSON."""
        step = Output(self._json, self._quiet)
        step._json = False
        return step

    def say(self, text: str) -> None:
        """Print a line of progress, unless quiet."""
        if not self._quiet:
            self.console.print(text, markup=False)

    def result(self, lines: list[str], value: dict[str, Any]) -> None:
        """Print the result: `lines` for a person, `value` for a script."""
        if self._json:
            print(json.dumps(value, ensure_ascii=False), flush=True)
        else:
            for line in lines:
                self.console.print(line, markup=False)

    def bar(self, *columns: Any) -> Progress:
        """A progress bar with these columns, the elapsed time and the time left."""
        return Progress(
            *columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=self.console,
            disable=self._quiet or not self.console.is_terminal, transient=True,
        )  # fmt: skip

    @contextmanager
    def training(self) -> "Iterator[Callable[[callbacks.TrainingProgress], None]]":
        """Show a training: a live bar on a terminal, and a line for each finished epoch. Gives a progress callback."""
        with self.bar(TextColumn("{task.fields[epoch]}"), BarColumn(), TextColumn("{task.fields[metrics]}")) as bar:
            task = bar.add_task("", epoch="", metrics="", total=None)

            def report(progress: "callbacks.TrainingProgress") -> None:
                metrics = " ".join(f"{name} {value:.4f}" for name, value in progress.metrics.items())
                total = progress.epochs * progress.steps
                done = (progress.epoch - 1) * progress.steps + progress.step
                epoch = f"{progress.prefix}epoch {progress.epoch}/{progress.epochs}"
                bar.update(task, completed=done, total=total, epoch=epoch, metrics=metrics)
                if progress.validated:
                    self.say(f"{epoch}  {metrics}")

            yield report


def metric_lines(metrics: dict[str, dict[str, float]]) -> list[str]:
    """A table of metrics with a column for each split."""
    splits = list(metrics)
    width = max(len(name) for values in metrics.values() for name in values)
    names = dict.fromkeys(name for values in metrics.values() for name in values)
    lines = [f"{'':{width}}" + "".join(f"{split:>12}" for split in splits)]
    for name in names:
        cells = (f"{metrics[split][name]:>12.4f}" if name in metrics[split] else " " * 12 for split in splits)
        lines.append(f"{name:{width}}" + "".join(cells))
    return lines
