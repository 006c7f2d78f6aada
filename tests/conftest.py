"""An environment of the tests' own, and one small fitted model a domain, shared by all: making one takes seconds."""

import atexit
import fcntl
import locale
import os
import pkgutil
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from suite import domain as registry
from suite.artifact import Card, read_card
from suite.data.dataset import Dataset

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
OWN_FOLDER = "SUITE_TEST_FOLDER"
OF_TESTS = ("SUITE_TEST_", "SUITE_TRAFFIC_")
# Settings of this machine's user that would reach the suite, or what it stands on.
FOREIGN = (
    "CLICK_", "COLUMNS", "FLASK_", "FORCE_COLOR", "GUNICORN_", "KERAS", "LANG", "LC_", "LINES", "MLFLOW_", "MPL",
    "NO_COLOR", "OPTUNA_", "OTEL_", "PYTHONIOENCODING", "PYTHONWARNINGS", "RAY_", "SUITE_", "TF_", "TUNE_", "WEB_",
    "XDG_", "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
)  # fmt: skip


def use_own_environment() -> None:
    """Give this process and those that it starts a home, a temporary folder, a locale and a time zone of their own."""
    for name in [name for name in os.environ if name.startswith(FOREIGN) and not name.startswith(OF_TESTS)]:
        del os.environ[name]
    if OWN_FOLDER not in os.environ:  # those that xdist starts use that of the process that started them
        folder = tempfile.mkdtemp(prefix="suite-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        # What pytest keeps of failed tests stays where it is looked for.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
        os.environ[OWN_FOLDER] = folder
    for name, variable in (("home", "HOME"), ("tmp", "TMPDIR")):
        path = Path(os.environ[OWN_FOLDER], name)
        path.mkdir(exist_ok=True)
        os.environ[variable] = str(path)
    tempfile.tempdir = None
    os.environ |= {"LC_ALL": "C.UTF-8", "TZ": "UTC", "RAY_AUTH_MODE": "disabled"}
    locale.setlocale(locale.LC_ALL, "C.UTF-8")
    time.tzset()


use_own_environment()
# A shell has the commands that it runs in the background ignore Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["SUITE_MODELS"] = "/nonexistent"  # a test that forgets --models must not touch a real store


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the searches, whose files take longest: at the end, one process would run while the others wait."""
    items.sort(key=lambda item: Path(__file__).with_name("tuning") not in item.path.parents)


@dataclass(frozen=True)
class Made:
    """A saved model: the store it is in, its own folder and card, and what it learned from."""

    models: Path
    folder: Path
    card: Card
    dataset: Dataset


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that holds every domain's example model."""
    return tmp_path_factory.mktemp("saved_models")


@pytest.fixture(scope="session")
def make(store: Path) -> Callable[[str], Made]:
    """Fit a domain for one epoch on its example rows and save it; once, also where tests run in several processes."""
    made: dict[str, Made] = {}

    def make_once(name: str) -> Made:
        if name not in made:
            from suite.config import load_tensorflow

            load_tensorflow()
            import suite.blocks
            import suite.training.losses

            # Keras finds the suite's own layers and losses in a saved network once they have been imported.
            for module in pkgutil.iter_modules(suite.blocks.__path__):
                import_module(f"suite.blocks.{module.name}")
            shared = Path(os.environ[OWN_FOLDER], "made", name)
            shared.mkdir(parents=True, exist_ok=True)
            with (shared / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not (shared / name).exists():
                    fit(name, shared)
            # What tests change is theirs alone.
            folder = shutil.copytree(shared / name, store / name) / "1"
            card = read_card(folder)
            assert card is not None
            made[name] = Made(store, folder, card, example(name))
        return made[name]

    return make_once


def every_model() -> list[str]:
    """A name for each domain and task: the domain's, and its further tasks as DOMAIN-TASK."""
    return [
        f"{name}-{task}" if number else name
        for name in registry.names()
        for number, task in enumerate(registry.get(name).tasks)
    ]


def example(name: str) -> Dataset:
    """The example rows of a domain, or of DOMAIN-TASK."""
    domain, _, task = name.partition("-")
    return registry.get(domain).example(task)


def fit(name: str, models: Path) -> None:
    """Fit a domain, or DOMAIN-TASK, for one epoch on its example rows, and save it."""
    from suite import saving, workflow
    from suite.training.data import prepare
    from suite.training.fit import TrainingSettings

    domain, dataset = registry.get(name.partition("-")[0]), example(name)
    prepared = prepare(domain, dataset)
    hp = workflow.resolve_hyperparameters(domain, prepared, 1, {})
    outcome = workflow.train(domain, dataset, prepared, hp, TrainingSettings(1, 0, prepared.task.objective))
    saving.save(models, name, outcome, command="suite fit")


@pytest.fixture(params=every_model())
def made(request: pytest.FixtureRequest, make: Callable[[str], Made]) -> Made:
    """Every domain's example model for each of its tasks in turn."""
    return make(request.param)


@pytest.fixture(scope="session")
def suite() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a process of its own."""

    def run(*arguments: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "suite", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small table of texts that can be learned."""
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    words = ["good", "bad", "fine", "poor", "great", "dull", "warm", "cold"]
    picked = np.random.default_rng(0).integers(0, 8, (400, 6))
    rows = [f"{' '.join(words[i] for i in row)},{'up' if (row % 2 == 0).sum() > 2 else 'down'}" for row in picked]
    path.write_text("\n".join(["text,label", *rows]))
    return path
