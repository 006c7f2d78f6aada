"""A search of a domain's space on its data: everything that belongs to it put together."""

import fcntl
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import artifact, workflow
from suite.data.dataset import Dataset
from suite.domain import Domain
from suite.errors import SuiteError
from suite.report import network
from tuning import domain_space, runner, space, strategies
from tuning.executors import InProcess, Processes
from tuning.journal import FILE, Journal
from tuning.narrowing import Narrowing
from tuning.oracles.distinct import exists
from tuning.plan import Plan
from tuning.search import Search, Watcher
from tuning.space import Dimension
from tuning.trial import Task, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from keras_tuner import HyperParameters

    from suite.training.callbacks import Progress
    from suite.training.data import Prepared
    from suite.training.fit import Resumable

FOLDER = ".searches"
LOCK = "lock"
# How much longer than asked a search may take, if it is to end with a better network.
LENIENCE = 0.1
RUNNERS_UP = 2


@dataclass(frozen=True)
class Where:
    """Where trials are trained: here, by `workers` processes, or by as many on the Ray cluster at the address `ray`.

    A task that takes longer than `timeout` seconds is ended.
    """

    workers: int | None = None
    timeout: float | None = None
    ray: str | None = None

    @property
    def apart(self) -> bool:
        """Whether in other processes than this: only there can a task be ended."""
        return (self.workers, self.timeout, self.ray) != (None, None, None)


@dataclass(frozen=True)
class Found:
    """A finished search and the space it was in."""

    plan: Plan
    dimensions: list[Dimension]
    trials: list[Trial]
    seconds: float
    place: Path
    runner: runner.Runner
    began: float

    def state(self, trial: Trial) -> "Resumable | None":
        """Where the training of a trial stands, to go on from; None where it has several."""
        return self.runner.state(trial.id, 0) if self.plan.parts == 1 else None

    def has_time_for(self, seconds: float) -> bool:
        """Whether another training that takes about so long keeps to the plan's time, or nearly."""
        whole = self.plan.seconds
        return whole is None or time.time() - self.began + seconds <= whole * (1 + LENIENCE)

    def tidy(self) -> None:
        """Delete what only a search that goes on would need, but not what it found."""
        shutil.rmtree(self.place / runner.STATES, ignore_errors=True)

    def runners_up(self, best: Trial, domain: Domain, prepared: "Prepared") -> list[tuple[str, list[network.Block]]]:
        """What came next after `best`: titles, and the networks as a report draws them."""
        sign = self.plan.objectives[0].sign
        others = [trial for trial in self.trials if trial.score is not None and trial.id != best.id]
        drawn = []
        for trial in sorted(others, key=lambda trial: -sign * (trial.score or 0.0))[:RUNNERS_UP]:
            hp = workflow.choose(domain, prepared, self.plan.epochs, trial.hyperparameters)
            blocks = network.blocks(domain.build(hp, prepared.preprocessing, len(prepared.labels)))
            drawn.append((f"Trial {trial.id}, {trial.score:.4f}", blocks))
        return drawn

    def to_json(self, best: Trial) -> dict[str, Any]:
        """For the card."""
        return {
            "strategy": self.plan.strategy,
            "seed": self.plan.seed,
            "seconds": round(self.seconds, 1),
            "best": best.id,
            "objectives": [asdict(one) for one in self.plan.objectives],
            "space": [_to_json(dimension) for dimension in self.dimensions if dimension.values != 1],
            "trials": [asdict(trial) for trial in self.trials],
        }


def folder(models: Path, name: str) -> Path:
    """Where the state of the search of NAME is."""
    return models / FOLDER / artifact.check_name(name)


def is_begun(place: Path) -> bool:
    """Whether there is a search to go on with."""
    return (place / FILE).exists()


def tune(
    domain: Domain,
    dataset: Dataset,
    prepared: "Prepared",
    plan: Plan,
    narrowing: Narrowing,
    where: Where,
    place: Path,
    *,
    resume: bool,
    watcher: Watcher,
    report: "Callable[[Task, Progress], None]",
) -> Found:
    """Search as planned, with the state in folder `place`; on from what is there where `resume` is set.

    SuiteError where no trial could be trained, UsageError for a plan or narrowing that makes no sense.
    """
    began = time.time()
    dimensions = domain_space.explore(domain, prepared, make=narrowing.hyperparameters)
    narrowing.check()
    plan = replace(plan, identity=_identity(domain, dataset, dimensions))
    job = runner.Job(
        domain.name, dataset, tuple(plan.objectives), plan.epochs, plan.seed, plan.folds, place
    )  # fmt: skip
    searchable = space.hyperparameters(dimensions)
    options = strategies.Options(plan.trials, plan.epochs, plan.seed, plan.pruner, place)
    strategy = strategies.create(plan.strategy, searchable, plan.objectives, options)
    strategy.begin_with(_defaults(searchable))
    here = runner.Runner(job, report)
    with ExitStack() as stack:
        stack.enter_context(_locked(place))
        if not resume:
            _empty(place)
        journal = Journal(place / FILE)
        stack.callback(journal.close)
        executor = _executor(job, where)
        stack.callback(executor.shutdown, cancel_futures=True)
        train = runner.train if where.apart else here
        if not strategy.returns:
            watcher = replace(watcher, outdone=lambda trial: _forget(place, trial))
        search = Search(plan, strategy, journal, executor, train, watcher)
        return Found(plan, dimensions, search.run(), search.seconds, place, here, began)


def _executor(job: runner.Job, where: Where) -> Executor:
    if not where.apart:
        return InProcess()
    if where.ray is not None:
        from tuning.ray_cluster import RayCluster

        return RayCluster(where.ray, where.workers or 1, runner.begin, (job,), where.timeout)
    return Processes(where.workers or 1, runner.begin, (job,), where.timeout)


def _identity(domain: Domain, dataset: Dataset, dimensions: list[Dimension]) -> dict[str, Any]:
    ranges = {dimension.name: dimension.range for dimension in dimensions}
    return {"domain": domain.name, "data": dataset.source, "space": ranges}


def _defaults(searchable: "HyperParameters") -> dict[str, Any]:
    """The domain's default network, or the nearest to it in a narrowed space."""
    values: dict[str, Any] = {}
    for item in searchable.space:
        if exists(item, values):
            values[item.name] = item.default
    return values


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Keep other searches of the same name away."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        file = (place / LOCK).open("w")
    except OSError as error:
        raise SuiteError(f"cannot write to {place} ({error.strerror}): choose another folder with --models") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SuiteError(
                f"another search of '{place.name}' is running: wait for it, or choose another --name"
            ) from None
        yield


def _empty(place: Path) -> None:
    for path in place.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def _forget(place: Path, trial: Trial) -> None:
    """Delete the states of a trial's trainings: it is not the best and will not go on."""
    for file in (place / runner.STATES).glob(f"{trial.id}-*"):
        file.unlink()


def _to_json(dimension: Dimension) -> dict[str, Any]:
    config = dimension.item.get_config()
    values = None if dimension.values is None else space.values(dimension.item)
    return {
        "name": dimension.item.name,
        "range": dimension.range,
        "values": values,
        "low": config.get("min_value"),
        "high": config.get("max_value"),
        "logarithmic": config.get("sampling") == "log",
        "when": [
            {"parent": condition.parent.replace(".", "/"), "values": list(condition.values)}
            for condition in dimension.when
        ],
    }
