"""One small fitted model a domain, shared by all tests: making one takes seconds."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from suite import domain as registry
from suite.artifact import Card
from suite.data.dataset import Dataset

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
os.environ["SUITE_MODELS"] = "/nonexistent"  # a test that forgets --models must not touch a real store


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
    """Fit a domain for one epoch on its example rows and save it; once a session."""
    made: dict[str, Made] = {}

    def make_once(name: str) -> Made:
        if name not in made:
            from suite.config import load_tensorflow

            load_tensorflow()
            from suite import workflow
            from suite.training.data import prepare
            from suite.training.fit import TrainingSettings

            domain = registry.get(name)
            dataset = domain.example()
            prepared = prepare(domain, dataset)
            hp = workflow.resolve_hyperparameters(domain, prepared, 1, {})
            outcome = workflow.train(domain, dataset, prepared, hp, TrainingSettings(1, 0, domain.objective))
            folder, card = workflow.save(store, name, outcome, command="suite fit")
            made[name] = Made(store, folder, card, dataset)
        return made[name]

    return make_once


@pytest.fixture(params=registry.names())
def made(request: pytest.FixtureRequest, make: Callable[[str], Made]) -> Made:
    """Every domain's example model in turn."""
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
