"""What happens to a running service: new versions of a model, SIGHUP, workers that are killed."""

import json
import os
import random
import shutil
import signal
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

from serving.server.launcher import Service
from suite import artifact
from tests.benchmarks import processes

LOOK = 0.05
# Seconds after which a killed worker is gone for everybody, proxies too.
SETTLED = 0.2
# Seconds in which a service is to be ready again after it was disturbed.
RECOVERY = 30.0


def new_version(first: Path, aside: Path, number: int) -> Path:
    """A folder beside the store of a further version of a model, with the same network."""
    card = artifact.read_card(first)
    assert card
    card.version = number
    folder = shutil.copytree(first, aside / str(number), copy_function=os.link)
    artifact.write_card(folder, card)
    return folder


def publish(version: Path, store: Path) -> None:
    """Move a version into its model's folder in the store, which keeps the last two."""
    version.rename(store / version.name)
    for old in artifact.versions(store)[:-2]:
        artifact.delete(store / str(old))


def workers(service: Service) -> list[int]:
    """The processes of a service besides its master."""
    return processes.tree(service.pid)[1:]


def ready(service: Service) -> int:
    """How many workers say that they are ready."""
    with urllib.request.urlopen(f"{service.url}/readyz", timeout=10) as response:
        return int(json.load(response)["workers_ready"])


def recovered(service: Service, count: int) -> None:
    """Return when as many workers as there should be, and no more, are ready."""
    end = monotonic() + RECOVERY
    while monotonic() < end:
        try:
            if len(workers(service)) == count and ready(service) == count:
                return
        except OSError:
            pass
        sleep(LOOK)
    raise AssertionError(f"{count} workers should be ready, and there are {workers(service)} after {RECOVERY:.0f} s")


@dataclass(frozen=True)
class Beats:
    """Seconds between two new versions, two SIGHUPs and two workers that are killed; `inf` for never."""

    reload: float = 3.0
    hang_up: float = 10.0
    kill: float = 13.0


@dataclass
class Disturbances:
    """When what was done (of `time.monotonic`); a worker that is killed is gone some moments later."""

    reloads: list[float] = field(default_factory=list)
    hang_ups: list[float] = field(default_factory=list)
    kills: list[tuple[float, float]] = field(default_factory=list)

    def has_killed(self, begin: float, end: float) -> bool:
        """Whether a worker was killed between these times, or ended then because it had been."""
        return any(kill <= end and begin <= gone + SETTLED for kill, gone in self.kills)


class Disturber:
    """Disturbs a service of `count` workers: publishes `folders` as versions of `model`, sends signals.

    The `others` get SIGHUP too, and none of their workers is killed.
    """

    def __init__(
        self, service: Service, count: int, model: Path, folders: Iterator[Path], others: Sequence[Service] = ()
    ) -> None:
        self._service, self._count, self._model, self._folders = service, count, model, folders
        self._others = others
        self._chance = random.Random(0)

    def disturb(self, beats: Beats, until: float) -> Disturbances:
        """Do it until then (of `time.monotonic`), the first of each half a beat from now."""
        done, begun = Disturbances(), monotonic()
        acts = [(beats.reload, self._publish), (beats.hang_up, self._hang_up), (beats.kill, self._kill)]
        due = [begun + beat / 2 for beat, _ in acts]
        while monotonic() < until:
            for place, (beat, act) in enumerate(acts):
                if monotonic() >= due[place]:
                    due[place] += beat
                    act(done)
            sleep(LOOK)
        return done

    def _publish(self, done: Disturbances) -> None:
        done.reloads.append(monotonic())
        publish(next(self._folders), self._model)

    def _hang_up(self, done: Disturbances) -> None:
        done.hang_ups.append(monotonic())
        for service in (self._service, *self._others):
            os.kill(service.pid, signal.SIGHUP)

    def _kill(self, done: Disturbances) -> None:
        """Kill a worker; not where that would leave nobody who is ready."""
        if ready(self._service) < self._count:
            return
        chosen = self._chance.choice(workers(self._service))
        begun = monotonic()
        os.kill(chosen, signal.SIGKILL)
        while processes.runs(chosen):
            sleep(LOOK / 10)
        done.kills.append((begun, monotonic()))
