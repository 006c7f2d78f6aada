"""A search of a domain's space on its data, assembled from its parts."""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.data.dataset import Dataset
from suite.domain import Domain
from suite.search_record import Ranking
from tuning import domain_space, ranking, runner, search_folder, space, strategies
from tuning.executors import InProcessExecutor, ProcessExecutor
from tuning.hyperparameter_kinds import is_active
from tuning.journal import JOURNAL_FILE, Journal
from tuning.oracles.options import OracleOptions
from tuning.plan import SearchPlan
from tuning.ranking_methods import METHODS
from tuning.result import SearchResult
from tuning.search import Search, SearchCallbacks
from tuning.space import Dimension
from tuning.space_restriction import SpaceRestriction
from tuning.task import Task

if TYPE_CHECKING:
    from keras_tuner import HyperParameters

    from suite.training.callbacks import TrainingProgress
    from suite.training.data import PreparedData


@dataclass(frozen=True)
class WorkerOptions:
    """Where trials are trained: in this process, or in `workers` others, on the Ray cluster at address `ray` if given.

    A task that takes longer than `timeout` seconds is ended.
    """

    workers: int | None = None
    timeout: float | None = None
    ray: str | None = None

    @property
    def in_other_processes(self) -> bool:
        """Whether trials are trained in other processes than this one; only there can a task be ended."""
        return (self.workers, self.timeout, self.ray) != (None, None, None)


def tune(
    domain: Domain,
    dataset: Dataset,
    prepared: "PreparedData",
    plan: SearchPlan,
    restriction: SpaceRestriction,
    workers: WorkerOptions,
    folder: Path,
    *,
    resume: bool,
    callbacks: SearchCallbacks,
    report: "Callable[[Task | None, TrainingProgress], None]",
    started: float | None = None,
) -> SearchResult:
    """Search as planned, with the state in `folder`; resume from that state if `resume` is set.

    The plan's time began at `started`, in seconds of `time.time` (None: now).
    The caller holds the folder's lock, until it needs no state of a training any more.
    SuiteError if no trial could be trained, UsageError for a plan or a restriction that makes no sense.
    """
    started = time.time() if started is None else started
    dimensions = domain_space.explore(
        domain, prepared, new_hyperparameters=restriction.new_hyperparameters, settled=restriction.single_values
    )
    restriction.check()
    plan = replace(plan, identity=_identity(domain, dataset, dimensions))
    strategy = _strategy(plan, dimensions, folder)
    rank = _ranking(domain, prepared, plan, dimensions, report, started)
    job = runner.SearchJob(
        domain.name, dataset, tuple(plan.objectives), plan.epochs, plan.seed, plan.folds, folder, plan.limits
    )  # fmt: skip
    local_runner = runner.TrialRunner(job, report)
    with ExitStack() as stack:
        if not resume:
            search_folder.clear(folder)
        journal = Journal(folder / JOURNAL_FILE)
        stack.callback(journal.close)
        executor = _executor(job, workers)
        stack.callback(executor.shutdown, cancel_futures=True)
        run_task = runner.run_in_worker if workers.in_other_processes else local_runner
        if not strategy.promotes_trials:
            callbacks = replace(
                callbacks, on_trial_beaten=lambda trial: search_folder.delete_states_of(folder, trial.id)
            )
        search = Search(plan, strategy, journal, executor, run_task, callbacks, started, rank)
        trials = search.run()
        return SearchResult(
            plan, dimensions, trials, search.seconds, folder, local_runner, search.began, search.ranking
        )  # fmt: skip


def _strategy(plan: SearchPlan, dimensions: list[Dimension], folder: Path) -> strategies.Strategy:
    """The plan's strategy, which tries the domain's default network first."""
    searchable = space.to_hyperparameters(dimensions)
    options = OracleOptions(plan.trials, plan.epochs, plan.seed, plan.pruner, folder)
    strategy = strategies.create(plan.strategy, searchable, plan.objectives, options)
    strategy.start_with(_defaults(searchable))
    return strategy


def _ranking(
    domain: Domain,
    prepared: "PreparedData",
    plan: SearchPlan,
    dimensions: list[Dimension],
    report: "Callable[[Task | None, TrainingProgress], None]",
    started: float,
) -> Callable[[], Ranking] | None:
    """What ranks networks before any is tried; None if the plan tries them without."""
    method = plan.strategy if plan.strategy in METHODS else plan.warm_start
    if method is None:
        return None

    def rank() -> Ranking:
        left = None if plan.seconds is None else max(1.0, started + plan.seconds - time.time())
        deadline = None if left is None else time.time() + ranking.SHARE_OF_TIME * left
        count = ranking.CANDIDATES if plan.trials is None else max(1, min(ranking.CANDIDATES, plan.trials - 1))
        problem = ranking.RankingProblem(
            domain, prepared, dimensions, plan.epochs, plan.seed, count, deadline, plan.limits,
            lambda progress: report(None, progress),
        )  # fmt: skip
        return ranking.rank(method, problem)

    return rank


def _executor(job: runner.SearchJob, workers: WorkerOptions) -> Executor:
    if not workers.in_other_processes:
        return InProcessExecutor()
    count = workers.workers or 1
    if workers.ray is not None:
        from tuning.ray_executor import RayExecutor

        return RayExecutor(workers.ray, count, runner.initialize_worker, (job,), workers.timeout)
    return ProcessExecutor(count, runner.initialize_worker, (job,), workers.timeout)


def _identity(domain: Domain, dataset: Dataset, dimensions: list[Dimension]) -> dict[str, Any]:
    ranges = {dimension.name: dimension.range for dimension in dimensions}
    return {"domain": domain.name, "data": dataset.source, "space": ranges}


def _defaults(searchable: "HyperParameters") -> dict[str, Any]:
    """The domain's default network, or the nearest to it in a restricted space."""
    values: dict[str, Any] = {}
    for item in searchable.space:
        if is_active(item, values):
            values[item.name] = item.default
    return values
