"""The output of commands: progress while they work, then a result for a person or for a script."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column

from suite.api import notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from suite.training import callbacks

# Characters: the least for a bar; for it, the times and the gaps between; and for an epoch's number.
MIN_BAR, BAR_AND_TIMES, EPOCH = 5, 29, 12


class Output:
    """Prints to standard output; with `as_json`, lines go to standard error and one JSON object to standard output."""

    def __init__(self, as_json: bool, quiet: bool) -> None:
        self._json = as_json
        self._quiet = quiet
        # In a notebook, rich would make each line an output of its own.
        self.console = Console(
            file=sys.stderr if as_json else sys.stdout, force_jupyter=False, highlight=False, soft_wrap=True
        )

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

    def bar(self, *columns: Any, expand: bool = False) -> Progress:
        """A progress display with these columns, the elapsed time and the time left."""
        return Progress(
            *columns, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=self.console,
            disable=self._quiet or not self.console.is_terminal, transient=True, expand=expand,
        )  # fmt: skip

    def fitting_bar(self, *fields: str, beside: int = 0) -> Progress | notebook.Bar:
        """A bar that fits the terminal or the notebook, between fields of its task: the last one stands after it.

        That one is cut off where there is no room for it and for `beside` characters before the bar.
        """
        if notebook.is_open() and not self._quiet:
            return notebook.Bar(fields)
        columns: list[ProgressColumn] = [TextColumn(f"{{task.fields[{name}]}}") for name in fields[:-1]]
        columns.append(BarColumn(None, table_column=Column(ratio=1, min_width=MIN_BAR)))
        room = Column(no_wrap=True, overflow="ellipsis", max_width=max(1, self.console.width - beside - BAR_AND_TIMES))
        columns.append(TextColumn(f"{{task.fields[{fields[-1]}]}}", table_column=room))
        return self.bar(*columns, expand=True)

    @contextmanager
    def training(self) -> "Iterator[Callable[[callbacks.TrainingProgress], None]]":
        """Show a training: a live bar on a terminal, and a line for each finished epoch. Gives a progress callback."""
        with self.fitting_bar("epoch", "metrics", beside=EPOCH) as bar:
            task = bar.add_task("", epoch="", metrics="", total=None)

            def report(progress: "callbacks.TrainingProgress") -> None:
                metrics = [f"{name} {value:.4f}" for name, value in progress.metrics.items()]
                total = progress.epochs * progress.steps
                done = (progress.epoch - 1) * progress.steps + progress.step
                epoch = f"{progress.prefix}epoch {progress.epoch}/{progress.epochs}"
                bar.update(task, completed=done, total=total, epoch=epoch, metrics=self._fitting(metrics))
                if progress.validated:
                    self.say(f"{epoch}  {' '.join(metrics)}")

            yield report

    def _fitting(self, metrics: list[str]) -> str:
        """As many of the metrics as have room beside a bar: the last is the one that counts."""
        width = self.console.width - EPOCH - BAR_AND_TIMES
        for shown in (metrics, [*metrics[:1], *metrics[1:][-1:]]):
            if len(" ".join(shown)) <= width:
                return " ".join(shown)
        return metrics[-1] if metrics else ""


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
