"""The work of a search's worker: build a network, train it up to an epoch, and measure how good it is."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import domain as registry
from suite.data.dataset import Dataset
from suite.errors import UsageError
from suite.search_record import COMPLETED, FAILED, INFEASIBLE, Objective
from tuning import objectives
from tuning.objectives import COSTS
from tuning.task import PAUSED, Task, TaskResult

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

    from suite.training.callbacks import TrainingProgress
    from suite.training.data import PreparedData
    from suite.training.fit import CheckpointOptions, TrainingSettings

STATE_FOLDER = "trials"
# Rows of zeros that a network answers before it is trained, and the factor by which it may then seem too slow.
PROBE_ROWS, PROBE_TOLERANCE = 64, 4
# A training step costs about this many times a prediction of the same rows.
TRAINING_FACTOR = 3
# After this many seconds of training, the time of an epoch is known well enough.
EPOCH_ESTIMATE_AFTER = 2.0
TOO_SLOW = "too slow for the time there is: an epoch takes about {:.0f} s, and at most {:.0f} s are left for one"


@dataclass(frozen=True)
class SearchJob:
    """What all tasks of a search share; the states of trainings are kept in `folder`.

    A network whose costs are beyond `limits` is infeasible.
    """

    domain: str
    dataset: Dataset
    objectives: tuple[Objective, ...]
    epochs: int
    seed: int
    folds: int
    folder: Path
    limits: Mapping[str, float] = field(default_factory=dict)


class TrialRunner:
    """Runs tasks in this process; `report` is called with the progress of a training."""

    def __init__(self, job: SearchJob, report: "Callable[[Task, TrainingProgress], None] | None" = None) -> None:
        self._job, self._report = job, report
        self._domain = registry.get(job.domain)
        self._prepared: dict[int, PreparedData] = {}

    def __call__(self, task: Task) -> TaskResult:
        """Infeasible if the network cannot be built, failed if TensorFlow cannot train it.

        Other errors are not the network's fault, and are raised.
        """
        import tensorflow as tf

        from suite.training.epoch_selection import TrainingDiverged
        from suite.training.memory import released

        started = time.perf_counter()

        first_step: list[float] = []

        def result(status: str, reason: str | None, scores: dict[str, float], epochs: int) -> TaskResult:
            ended = time.perf_counter()
            setup = round(min([*first_step, ended]) - started, 2)
            return TaskResult(status, scores, epochs, round(ended - started, 2), reason, setup)

        try:
            with released():
                status, scores, epochs = self._train(task, first_step)
        except UsageError as error:
            return result(INFEASIBLE, str(error), {}, 0)
        except (tf.errors.OpError, MemoryError, TrainingDiverged) as error:
            return result(FAILED, _reason(error), {}, 0)
        return result(status, None, scores, epochs)

    def training_settings(self, run_index: int) -> "TrainingSettings":
        """How a run is trained; all trials use the same seed for it."""
        from suite.training.fit import TrainingSettings

        job = self._job
        return TrainingSettings(job.epochs, job.seed + run_index // job.folds, str(job.objectives[0].metric))

    def checkpoint_options(self, trial: int, run_index: int) -> "CheckpointOptions":
        """Where the state of a training is kept; the training resumes from it."""
        from suite.training.fit import CheckpointOptions

        file = self._job.folder / STATE_FOLDER / f"{trial}-{run_index}.npz"
        return CheckpointOptions(file, {"domain": self._job.domain, "data": self._job.dataset.source}, resume=True)

    def _train(self, task: Task, first_step: list[float]) -> tuple[str, dict[str, float], int]:
        """Status, scores and epochs; `first_step` gets the time when the first step was over."""
        from keras_tuner import HyperParameters

        from suite.training import fit

        job, prepared, settings = self._job, self._data(task.run_index), self.training_settings(task.run_index)
        hp = HyperParameters()
        hp.values.update(task.values)
        fit.set_seeds(settings.seed)
        model = self._build(hp, prepared, task)
        cost_names = [objective.name for objective in job.objectives if objective.name in COSTS]
        measured = list(dict.fromkeys([*cost_names, *job.limits])) if task.measure_costs else []
        costs = self._costs(hp, prepared, model, measured) if measured else {}
        objectives.check_limits(costs, job.limits)
        selection = fit.run_training(
            self._domain, hp, model, prepared, settings,
            callbacks=[*self._callbacks(task, settings.objective), _stopwatch(first_step)],
            target_epoch=task.target_epoch, checkpoint=self.checkpoint_options(task.trial, task.run_index),
        )  # fmt: skip
        # A state may be of a later epoch than is asked for.
        epochs = min(len(selection.history["loss"]), task.target_epoch)
        best_epoch = selection.best_epoch_until(epochs)
        metrics = [objective.name for objective in job.objectives if objective.metric]
        scores = {name: selection.history[name][best_epoch - 1] for name in metrics}
        stopped_early = epochs < task.target_epoch and not selection.finished
        return (PAUSED if stopped_early else COMPLETED), scores | costs, epochs

    def _costs(
        self, hp: "HyperParameters", prepared: "PreparedData", model: "keras.Model", names: list[str]
    ) -> dict[str, float]:
        """What a prediction costs, base models included."""
        from suite.training.model import complete

        model = complete(self._domain, hp, prepared, model)
        return objectives.measure_costs(model, names)

    def _build(self, hp: "HyperParameters", prepared: "PreparedData", task: Task) -> "keras.Model":
        """The network; UsageError if it would need too much memory or time."""
        from suite.training.model import batch_size, build, recipe_of, rows_of_epoch
        from tuning.feasibility import check_memory

        model = build(self._domain, hp, prepared, self._job.epochs)
        rows = rows_of_epoch(prepared, hp.values)
        check_memory(model, batch_size(hp, recipe_of(self._domain, prepared, hp.values), rows))
        if task.max_epoch_seconds is not None:
            _check_speed(model, rows, task.max_epoch_seconds)
        return model

    def _callbacks(self, task: Task, objective: str) -> "list[keras.callbacks.Callback]":
        from suite.training.callbacks import ProgressReporter

        callbacks = [] if task.deadline is None else [time_limit(task.deadline, task.max_epoch_seconds)]
        if self._report:
            report = self._report
            callbacks.append(ProgressReporter(lambda progress: report(task, progress), objective))
        return callbacks

    def _data(self, run_index: int) -> "PreparedData":
        """The rows of a run: one of the folds of the rows that are not for the test, or the data's own split."""
        from suite.data import folding
        from suite.training.data import prepare

        fold = run_index % self._job.folds
        if fold not in self._prepared:
            dataset = self._job.dataset
            if self._job.folds > 1:
                rows = folding.inner_folds(dataset, self._job.folds, self._job.seed)[fold]
                dataset = replace(dataset, rows=rows)
            self._prepared[fold] = prepare(self._domain, dataset)
        return self._prepared[fold]


def _check_speed(model: "keras.Model", rows: int, max_epoch_seconds: float) -> None:
    """UsageError for a network so slow that even its first training steps would take minutes.

    It is timed on a few rows of zeros. A network that is only somewhat too slow is stopped while it trains.
    """
    import keras
    import tensorflow as tf

    def zeros(tensor: Any) -> Any:
        return tf.zeros((PROBE_ROWS, *(length or 1 for length in tensor.shape[1:])), tensor.dtype)

    inputs = keras.tree.map_structure(zeros, model.input)
    model(inputs, training=False)
    started = time.monotonic()
    model(inputs, training=False)
    seconds = TRAINING_FACTOR * (time.monotonic() - started) * rows / PROBE_ROWS
    if seconds > PROBE_TOLERANCE * max_epoch_seconds:
        raise UsageError(TOO_SLOW.format(seconds, max_epoch_seconds))


def _reason(error: BaseException) -> str:
    """The line of an error that says what was wrong; TensorFlow adds lines with the place in its graph after it."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in reversed(lines) if line and not line.startswith("[[")), type(error).__name__)


def time_limit(deadline: float, max_epoch_seconds: float | None = None) -> "keras.callbacks.Callback":
    """A callback after whose `deadline` no epoch begins; UsageError if epochs take longer than `max_epoch_seconds`."""
    import keras

    class TimeLimit(keras.callbacks.Callback):  # type: ignore[misc]
        """Stops a training after the epoch in which the deadline passes; UsageError if epochs take too long."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._first_batch_end: float | None = None

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            # The first batch includes the time to compile the network.
            if self._first_batch_end is None:
                self._first_batch_end = time.monotonic()
                return
            seconds, steps = time.monotonic() - self._first_batch_end, self.params["steps"]
            if max_epoch_seconds is None or seconds <= EPOCH_ESTIMATE_AFTER:
                return
            epoch_seconds = seconds / batch * steps
            if epoch_seconds > max_epoch_seconds:
                raise UsageError(TOO_SLOW.format(epoch_seconds, max_epoch_seconds))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if time.time() >= deadline:
                self.model.stop_training = True

    return TimeLimit()


def _stopwatch(first_step: list[float]) -> "keras.callbacks.Callback":
    """A callback that appends when the first step of a training was over, in seconds of `time.perf_counter`."""
    import keras

    def note(batch: int, logs: Any) -> None:
        if not first_step:
            first_step.append(time.perf_counter())

    return keras.callbacks.LambdaCallback(on_train_batch_end=note)


# The runner of this process, if it is a worker.
_worker_runner: TrialRunner | None = None


def initialize_worker(job: SearchJob, cores: int | None = None) -> None:
    """Prepare this process for a search's tasks; TensorFlow uses this many cores (None: all that it sees)."""
    from suite.config import load_tensorflow

    global _worker_runner
    if cores is not None:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(cores)
        tf.config.threading.set_inter_op_parallelism_threads(cores)
    load_tensorflow()
    _worker_runner = TrialRunner(job)


def run_in_worker(task: Task) -> TaskResult:
    """Run a task in a worker process that was initialized."""
    assert _worker_runner is not None
    return _worker_runner(task)
