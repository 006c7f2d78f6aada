"""The options of a search, and what is shown of it while it runs."""

import re
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, TextColumn

from suite.cli.output import Output
from suite.errors import SuiteError
from tuning import picking, strategies

if TYPE_CHECKING:
    from suite.training.callbacks import Progress
    from tuning.plan import Plan
    from tuning.search import Search, Watcher
    from tuning.trial import Task, Trial

Command = Callable[..., Any]
# Hyperparameters in the line of a trial.
SHOWN = 6
UNITS = {"s": 1, "m": 60, "h": 3600}


class Duration(click.ParamType[float]):
    """A time such as 90s, 30m or 1h30m, in seconds."""

    name = "duration"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if not re.fullmatch(r"(\d+[hms])+", value):
            self.fail(f"'{value}' is no time: write it as 90s, 30m or 1h30m", parameter, context)
        seconds = float(sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)([hms])", value)))
        return seconds or self.fail(f"'{value}' is no time at all: give some", parameter, context)


class Share(click.ParamType[float]):
    """A share such as 0.5%."""

    name = "percent"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        if not re.fullmatch(r"\d+(\.\d+)?%", value):
            self.fail(f"'{value}' is no share: write it as 0.5%", parameter, context)
        return float(value[:-1]) / 100


def _rule(context: click.Context, parameter: click.Parameter, value: tuple[str, float] | None) -> picking.Rule | None:
    return picking.parse(*value) if value else None


def options(command: Command) -> Command:
    """How to search, how far, where, and which trial to take."""
    for option in (
        click.option(
            "--pick", type=(click.Choice(list(picking.RULES)), Share()), metavar="RULE SHARE", callback=_rule,
            help="Take the cheapest of those nearly as good as the best: fastest-within, smallest-within or "
            "lightest-within, and how far behind, as in --pick fastest-within 0.5%.",
        ),
        click.option(
            "--retrain/--no-retrain", default=True, help="Train the best anew on training and validation rows together."
        ),
        click.option("--resume", is_flag=True, help="Go on with a search of this name that was stopped."),
        click.option("--trial-timeout", "timeout", type=Duration(), help="A training that takes longer is ended."),
        click.option(
            "--ray", metavar="ADDRESS",
            help="Train on the Ray cluster at host:port, or on this machine's (auto); it shares our folder of models.",
        ),
        click.option(
            "--workers", type=click.IntRange(1, 64), help="Train so many at a time, in processes that share the cores."
        ),
        click.option(
            "--space", type=click.Path(dir_okay=False, path_type=Path),
            help='A JSON file that narrows the space: {"conv.filters": [32, 64], "dropout": {"min": 0, "max": 0.3}}; '
            'with "others": "default" nothing else is searched.',
        ),
        click.option("--fix", "fixes", multiple=True, metavar="NAME=VALUE", help="Leave a hyperparameter at a value."),
        click.option(
            "--set", "sets", multiple=True, metavar="NAME=VALUES",
            help="What a hyperparameter may be, as in conv.filters=32,64 or dropout=0..0.3.",
        ),
        click.option(
            "--repeats", type=click.IntRange(1, 20), default=1, show_default=True,
            help="Train each network so often, with other seeds.",
        ),
        click.option(
            "--cv", "folds", type=click.IntRange(2, 20), help="Judge a network by its mean over this many folds."
        ),
        click.option(
            "--pruner", type=click.Choice(["median", "asha"]),
            help="End trainings early that are behind others at the same epoch; for Optuna's strategies.",
        ),
        click.option("--time", "seconds", type=Duration(), help="How long it may take in all: 90s, 30m, 1h30m."),
        click.option("--trials", type=click.IntRange(1), help="How many networks to try."),
        click.option(
            "--strategy", type=click.Choice(list(strategies.STRATEGIES)), default="hyperband", show_default=True,
            help="How to search.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@contextmanager
def told_how_to_go_on(output: Output) -> Iterator[None]:
    """Where the search in this block is interrupted, say that it may go on; show where a defect of ours is."""
    try:
        yield
    except KeyboardInterrupt:
        output.say("the search goes on from here with --resume")
        raise
    except SuiteError:
        raise
    except Exception:
        traceback.print_exc()
        raise


class Display:
    """Shows a search: a line for each trial that ended, and on a terminal where it is."""

    def __init__(self, plan: "Plan", output: Output) -> None:
        self._plan, self._output = plan, output
        self._bar = output.bar(BarColumn(), TextColumn("{task.fields[state]}"))
        self._task = self._bar.add_task("", total=1.0, state="")
        self._ended: dict[int, str] = {}
        self._first: dict[str, Any] = {}
        self._now = ""

    def __enter__(self) -> "Display":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def watcher(self, track: "Callable[[Trial], None]") -> "Watcher":
        """What the search tells; `track` hears of every trial that ended, too."""
        from tuning.search import Watcher

        def ended(trial: "Trial") -> None:
            self._ended[trial.id] = trial.status
            self._output.say(self._line(trial))
            track(trial)

        return Watcher(ended=ended, ticked=self._tick)

    def report(self, task: "Task", progress: "Progress") -> None:
        """Progress of a training in this process."""
        scores = " ".join(f"{name} {value:.4f}" for name, value in progress.metrics.items())
        self._now = f"trial {task.trial} epoch {progress.epoch}/{progress.epochs} {scores}"
        self._bar.update(self._task, state=self._state())

    def _tick(self, search: "Search") -> None:
        plan = self._plan
        done = [list(self._ended.values()).count("completed") / plan.trials] if plan.trials else []
        done += [search.seconds / plan.seconds] if plan.seconds else []
        running = f"{len(search.running)} running, " if search.running else ""
        best = "" if search.best is None else f"best {search.best.score:.4f} (trial {search.best.id})"
        self._now = running + best if plan.workers > 1 else best
        self._bar.update(self._task, completed=min(1.0, max(done)), state=self._state())

    def _state(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in Counter(self._ended.values()).items())
        return f"{counts or 'first trial'}  {self._now}"

    def _line(self, trial: "Trial") -> str:
        """What came of a trial; of its hyperparameters some that are not as in the first one, the default network."""
        total = f"/{self._plan.trials}" if self._plan.trials else ""
        found = trial.reason if trial.score is None else f"{trial.score:.4f}"
        if trial.deviation is not None:
            found = f"{found} ± {trial.deviation:.4f}"
        costs = "".join(f" {name} {trial.scores[name]:.4g}" for name in trial.scores if not name.startswith("val_"))
        early = f" ({trial.reason})" if trial.reason and trial.score is not None else ""
        when = f"in {trial.seconds:.1f} s, {trial.epochs} epochs"
        return f"trial {trial.id}{total} {trial.status} {found}{costs} {when}{early}  {self._settings(trial)}"

    def _settings(self, trial: "Trial") -> str:
        if not self._first:
            self._first = trial.hyperparameters
            return "the default network"
        changed = [
            f"{name.replace('/', '.')}={_text(value)}"
            for name, value in trial.hyperparameters.items()
            if self._first.get(name) != value
        ]
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        return " ".join(changed[:SHOWN]) + more


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
