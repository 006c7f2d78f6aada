"""A running search on the terminal."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from suite.api.output import Output
from suite.errors import SuiteError
from suite.notation import dotted, format_value
from suite.search_record import COMPLETED, VALIDATION_PREFIX, Ranking, Trial

if TYPE_CHECKING:
    from suite.training.callbacks import TrainingProgress
    from tuning.plan import SearchPlan
    from tuning.search import Search, SearchCallbacks
    from tuning.task import Task

# The most hyperparameters in the line of a trial.
MAX_HYPERPARAMETERS = 6


@contextmanager
def resume_hint(output: Output) -> Iterator[None]:
    """Say how to go on if the search in this block is interrupted; show the traceback of a defect."""
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


class SearchDisplay:
    """Prints a line for each trial that ends, and on a terminal a live bar with the state of the search."""

    def __init__(self, plan: "SearchPlan", output: Output) -> None:
        self._plan, self._output = plan, output
        self._bar = output.fitting_bar("state")
        self._task = self._bar.add_task("", total=1.0, state="")
        self._statuses: dict[int, str] = {}
        self._default_values: dict[str, Any] = {}
        self._current = ""

    def __enter__(self) -> "SearchDisplay":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def callbacks(self, track: Callable[[Trial], None]) -> "SearchCallbacks":
        """The callbacks that feed the display; `track` is called with every trial that ends, too."""
        from tuning.search import SearchCallbacks

        def on_trial_end(trial: Trial) -> None:
            self._statuses[trial.id] = trial.status
            self._output.say(self._line(trial))
            track(trial)

        return SearchCallbacks(on_trial_end=on_trial_end, on_tick=self._tick, on_ranking=self._on_ranking)

    def _on_ranking(self, ranking: Ranking) -> None:
        self._output.say(
            f"{ranking.method} ranked {ranking.compared:,} networks in {ranking.seconds:.0f} s; now training the "
            f"{len(ranking.candidates)} best by themselves"
        )
        for note in ranking.notes:
            self._output.say(f"note: {note}")

    def report(self, task: "Task | None", progress: "TrainingProgress") -> None:
        """Show the progress of a training in this process; without a task, of what comes before all trials."""
        scores = " ".join(f"{name} {value:.4f}" for name, value in progress.metrics.items())
        what = progress.prefix if task is None else f"trial {task.trial}"
        self._current = f"{what} epoch {progress.epoch}/{progress.epochs} {scores}"
        self._bar.update(self._task, state=self._state())

    def _tick(self, search: "Search") -> None:
        plan = self._plan
        done = [list(self._statuses.values()).count(COMPLETED) / plan.trials] if plan.trials else []
        done += [search.seconds / plan.seconds] if plan.seconds else []
        running = f"{len(search.active)} running, " if search.active else ""
        best = "" if search.best is None else f"best {search.best.score:.4f} (trial {search.best.id})"
        self._current = running + best if plan.workers > 1 else best
        self._bar.update(self._task, completed=min(1.0, max(done)), state=self._state())

    def _state(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in Counter(self._statuses.values()).items())
        return f"{counts or 'first trial'}  {self._current}"

    def _line(self, trial: Trial) -> str:
        """A trial's result, and some hyperparameters in which it differs from the default network."""
        total = f"/{self._plan.trials}" if self._plan.trials else ""
        result = trial.reason if trial.score is None else f"{trial.score:.4f}"
        if trial.deviation is not None:
            result = f"{result} ± {trial.deviation:.4f}"
        cost_names = [name for name in trial.scores if not name.startswith(VALIDATION_PREFIX)]
        costs = "".join(f" {name} {trial.scores[name]:.4g}" for name in cost_names)
        early = f" ({trial.reason})" if trial.reason and trial.score is not None else ""
        when = f"in {trial.seconds:.1f} s, {trial.epochs} epochs"
        return f"trial {trial.id}{total} {trial.status} {result}{costs} {when}{early}  {self._settings(trial)}"

    def _settings(self, trial: Trial) -> str:
        if not self._default_values:
            self._default_values = trial.hyperparameters
            return "the default network"
        changed = [
            f"{dotted(name)}={format_value(value)}"
            for name, value in trial.hyperparameters.items()
            if self._default_values.get(name) != value
        ]
        more = f" and {len(changed) - MAX_HYPERPARAMETERS} more" if len(changed) > MAX_HYPERPARAMETERS else ""
        return " ".join(changed[:MAX_HYPERPARAMETERS]) + more
