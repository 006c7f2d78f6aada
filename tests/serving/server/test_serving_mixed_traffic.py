"""All kinds of traffic at once, with disturbances, neither stop the service nor make its memory grow.

A kind is a well-behaved or a hostile client of tests/benchmarks/traffic. SUITE_TRAFFIC_SECONDS makes the long run
shorter or longer.
"""

import os
import shutil
import time
from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks import processes
from tests.benchmarks.serving_mix import Models
from tests.benchmarks.traffic import ordinary, slow
from tests.benchmarks.traffic.client import Kind
from tests.benchmarks.traffic.disturbances import Beats
from tests.benchmarks.traffic.scenario import Stage, staged
from tests.benchmarks.traffic.scene import Scene, summed

pytestmark = pytest.mark.alone

SIDE = 8
LONG = float(os.environ.get("SUITE_TRAFFIC_SECONDS", "120"))
# Shares of the seconds of traffic: with signals, for warming up without signals, then without signals.
SIGNALLED, WARMING, STEADY = 0.4, 0.2, 0.4
# Seconds for everything to finish.
END = 10.0
# Seconds that a probe may wait: `make bench-serving-endurance` asks for one, on a machine that does nothing else.
LONGEST = 2.0


def row(generator: np.random.Generator) -> dict[str, Any]:
    """Return an instance for the model of payments."""
    return {"amount": float(generator.normal()), "time": "2020-01-01", "country": "de"}


MODELS = Models("digits", SIDE, "reviews", "payments", row)


@pytest.fixture
def stage(light: Path, tmp_path: Path) -> Iterator[Stage]:
    store = tmp_path / "models"
    shutil.copytree(light, store)
    with staged(store, MODELS, tmp_path) as stage:
        yield stage
        begun, started = time.monotonic(), stage.processes()
    assert time.monotonic() - begun < END
    assert not any(map(processes.runs, started))


def checked(stage: Stage, scene: Scene) -> set[str]:
    """Print a summary, and fail if anything differed from what is expected; return the kinds that had no turn."""
    print(scene.told())
    problems = [*scene.problems(LONGEST), *stage.complaints()]
    assert not problems, summed(problems)
    return set(scene.idle())


@pytest.mark.parametrize(("seconds", "growth"), [(15, 1.5), pytest.param(LONG, 1.3, marks=pytest.mark.slow)])
def test_all_kinds_of_traffic_at_once(stage: Stage, seconds: float, growth: float) -> None:
    all_kinds = {"well-behaved": stage.ordinary(), "hostile": stage.hostile()}
    beats = Beats(min(3, seconds / 10), min(10, seconds / 5), min(13, seconds / 5))
    idle = checked(stage, stage.play(SIGNALLED * seconds, all_kinds, beats))
    reloads = Beats(beats.reload, inf, inf)
    idle &= checked(stage, stage.play(WARMING * seconds, all_kinds, reloads))
    before = stage.weigh()
    idle &= checked(stage, stage.play(STEADY * seconds, all_kinds, reloads))
    after = stage.weigh()
    print(f"PSS {before:.1f} MB, then {after:.1f} MB")
    assert not idle
    assert after < growth * before
    if stage.missing:
        pytest.skip(f"all other kinds were there, but: {'; '.join(stage.missing)}")


def test_clients_behind_a_proxy_beside_others_and_some_that_read_nothing(stage: Stage) -> None:
    kinds = (
        Kind("plain", ordinary.conversation, clients=16, pause=0.01),
        Kind("forwarded", ordinary.forwarded_conversation, clients=16, pause=0.01),
        Kind("reads nothing", slow.reads_nothing, clients=4, pause=0.01, may_last=True),
    )
    assert not checked(stage, stage.play(5, {"all": (kinds, 0.6)}))
