"""What a worker does with a task: build the network, train it up to an epoch, say how good it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import domain as registry
from suite.config import free_bytes
from suite.errors import UsageError
from suite.report.trials import Objective
from tuning import objectives
from tuning.objectives import COSTS
from tuning.trial import COMPLETED, FAILED, INFEASIBLE, PAUSED, Outcome, Task

if TYPE_CHECKING:
    import keras

    from suite.data.dataset import Dataset
    from suite.training.callbacks import Progress
    from suite.training.data import Prepared
    from suite.training.fit import Resumable, Settings

STATES = "trials"
# Seconds of training after which it is told how long an epoch takes.
JUDGED_AFTER = 2.0
# Rows that a network is tried on before it is trained, and by how much it may seem too slow then.
TRIED, FAR = 64, 4
TOO_SLOW = "too slow for the time there is: an epoch takes about {:.0f} s, and {:.0f} s are the most"


@dataclass(frozen=True)
class Job:
    """What all tasks of a search share; states of trainings are kept in `folder`."""

    domain: str
    dataset: "Dataset"
    objectives: tuple[Objective, ...]
    epochs: int
    seed: int
    folds: int
    folder: Path


class Runner:
    """Does tasks in this process; `report` hears of the progress within one."""

    def __init__(self, job: Job, report: "Callable[[Task, Progress], None] | None" = None) -> None:
        self._job, self._report = job, report
        self._domain = registry.get(job.domain)
        self._prepared: dict[int, Prepared] = {}

    def __call__(self, task: Task) -> Outcome:
        """Infeasible where the network cannot be built, failed where TensorFlow cannot train it.

        Other errors are none of the network's, and are raised.
        """
        import tensorflow as tf

        from suite.training.selection import Diverged

        started = time.perf_counter()

        def outcome(status: str, reason: str | None, scores: dict[str, float], epochs: int) -> Outcome:
            return Outcome(status, scores, epochs, round(time.perf_counter() - started, 2), reason)

        try:
            status, scores, epochs = self._train(task)
        except UsageError as error:
            return outcome(INFEASIBLE, str(error), {}, 0)
        except (tf.errors.OpError, MemoryError, Diverged) as error:
            return outcome(FAILED, _reason(error), {}, 0)
        return outcome(status, None, scores, epochs)

    def _train(self, task: Task) -> tuple[str, dict[str, float], int]:
        import keras
        from keras_tuner import HyperParameters

        from suite.training import fit
        from suite.training.callbacks import Report
        from suite.training.model import batch_size, build

        job, prepared, settings = self._job, self._data(task.part), self.settings(task.part)
        hp = HyperParameters()
        hp.values.update(task.values)
        fit.seed_everything(settings.seed)
        model = build(self._domain, hp, prepared, job.epochs)
        _check_memory(model, batch_size(hp, self._domain.recipe))
        if task.epoch_seconds is not None:
            _check_speed(model, len(prepared.rows["train"]), task.epoch_seconds)
        named = [one.name for one in job.objectives if one.name in COSTS]
        costs = objectives.costs(model, named) if task.costs else {}
        watching = [] if task.deadline is None else [_clock(task.deadline, task.epoch_seconds)]
        if self._report:
            report = self._report
            watching.append(Report(lambda progress: report(task, progress), settings.objective))
        selection = fit.run(
            self._domain, hp, model, prepared, settings, callbacks=watching, until=task.until,
            resumable=self.state(task.trial, task.part),
        )  # fmt: skip
        epochs = len(selection.history["loss"])
        best = {one.name: selection.history[one.name][selection.best_epoch - 1] for one in job.objectives if one.metric}
        keras.backend.clear_session()
        cut_short = epochs < task.until and not selection.finished
        return (PAUSED if cut_short else COMPLETED), best | costs, epochs

    def settings(self, part: int) -> "Settings":
        """How a part is trained: all of its trials with the same seed."""
        from suite.training.fit import Settings

        job = self._job
        return Settings(job.epochs, job.seed + part // job.folds, str(job.objectives[0].metric))

    def state(self, trial: int, part: int) -> "Resumable":
        """Where the state of a training is; it goes on from there."""
        from suite.training.fit import Resumable

        file = self._job.folder / STATES / f"{trial}-{part}.npz"
        return Resumable(file, {"domain": self._job.domain, "data": self._job.dataset.source}, resume=True)

    def _data(self, part: int) -> "Prepared":
        """The rows of a part: one of the folds of what is not for the test, or the data's own split."""
        from suite.data import splits
        from suite.training.data import prepare

        fold = part % self._job.folds
        if fold not in self._prepared:
            dataset = self._job.dataset
            if self._job.folds > 1:
                rows = splits.inner_folds(dataset, self._job.folds, self._job.seed)[fold]
                dataset = replace(dataset, rows=rows)
            self._prepared[fold] = prepare(self._domain, dataset)
        return self._prepared[fold]


def _check_memory(model: "keras.Model", batch: int) -> None:
    """UsageError for a network whose training would not fit into the memory that is free."""
    from suite.training import architecture

    needed, free = architecture.training_bytes(model, batch), free_bytes()
    if free is not None and needed > free:
        raise UsageError(
            f"its training takes about {needed / 1e9:.0f} GB of memory at a batch of {batch}, and {free / 1e9:.0f} GB "
            "are free"
        )


def _check_speed(model: "keras.Model", rows: int, epoch_seconds: float) -> None:
    """UsageError for a network so slow that its very first steps would take minutes, by what it takes to answer.

    Training costs about three times as much; what is not far too slow is judged while it trains.
    """
    import keras
    import tensorflow as tf

    def nothing(tensor: Any) -> Any:
        return tf.zeros((TRIED, *(length or 1 for length in tensor.shape[1:])), tensor.dtype)

    inputs = keras.tree.map_structure(nothing, model.input)
    model(inputs, training=False)
    started = time.monotonic()
    model(inputs, training=False)
    seconds = 3 * (time.monotonic() - started) * rows / TRIED
    if seconds > FAR * epoch_seconds:
        raise UsageError(TOO_SLOW.format(seconds, epoch_seconds))


def _reason(error: BaseException) -> str:
    """The line that says what was wrong; TensorFlow puts the place in its graph after it."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith("[[")), type(error).__name__)


def _clock(deadline: float, epoch_seconds: float | None) -> "keras.callbacks.Callback":
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        """Ends a training after the epoch in which the time is up, and early in the first one where it is too slow."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._first: float | None = None

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            # The first batch waits for the network to be compiled.
            if self._first is None:
                self._first = time.monotonic()
                return
            seconds, steps = time.monotonic() - self._first, self.params["steps"]
            if epoch_seconds is not None and seconds > JUDGED_AFTER and seconds / batch * steps > epoch_seconds:
                raise UsageError(TOO_SLOW.format(seconds / batch * steps, epoch_seconds))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if time.time() >= deadline:
                self.model.stop_training = True

    return Clock()


# In the processes of workers: what `begin` made there.
_here: Runner | None = None


def begin(job: Job, cores: int | None = None) -> None:
    """Make this process ready for tasks of a search; TensorFlow may use so many cores (None: all it sees)."""
    from suite.config import load_tensorflow

    global _here
    if cores is not None:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(cores)
        tf.config.threading.set_inter_op_parallelism_threads(cores)
    load_tensorflow()
    _here = Runner(job)


def train(task: Task) -> Outcome:
    """Do a task in a process that has begun."""
    assert _here is not None
    return _here(task)
