"""Asks again and again whether the service is there, each time on a connection of its own, and how long that took."""

import asyncio
import random
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

from tests.benchmarks.traffic.client import Client, Lost, Target, Unexpected

# Seconds between two questions of a kind, and that an answer is waited for.
BEAT, PATIENCE = 0.1, 10.0


@dataclass(frozen=True)
class Probed:
    """One question: when (of `time.monotonic`), how late it was sent, seconds to the answer, its status.

    The status is 0 where there was none; `first_loss` says why it was asked a second time, if it was. The probe itself
    had nothing to run on for `stalled` of these seconds.
    """

    name: str
    at: float
    late: float
    seconds: float
    status: int
    first_loss: str = ""
    stalled: float = 0.0

    @property
    def blamed(self) -> float:
        """Seconds for which the service is to blame."""
        return max(0.0, self.seconds - self.stalled)


@dataclass
class Probes:
    """What a probe has found."""

    all: list[Probed] = field(default_factory=list)

    def slowest(self) -> Probed:
        """The question that had to wait the longest."""
        return max(self.all, key=lambda one: one.blamed)


def probe(target: Target, questions: Mapping[str, tuple[str, bytes]], until: float) -> Probes:
    """Ask each question, at an address of the target, every `BEAT` until then."""
    return asyncio.run(_probe(target, questions, until))


async def _probe(target: Target, questions: Mapping[str, tuple[str, bytes]], until: float) -> Probes:
    probes, asked = Probes(), list[asyncio.Task[None]]()
    due = monotonic()
    while due < until:
        for number, (name, (at, content)) in enumerate(questions.items()):
            # Not all of them at the same time.
            moment = due + BEAT * number / len(questions)
            await asyncio.sleep(max(0.0, moment - monotonic()))
            client = Client(target, target.addresses[at], random.Random(0))
            asked.append(asyncio.create_task(_ask(probes, name, client, content, moment)))
        due += BEAT
    await asyncio.gather(*asked)
    probes.all.sort(key=lambda one: one.at)
    return Probes([_with_stall(one, probes.all) for one in probes.all])


def _with_stall(probed: Probed, others: Sequence[Probed]) -> Probed:
    """With the longest delay of any question that was due meanwhile, for which nobody else is to blame."""
    first = bisect_left(others, probed.at, key=lambda one: one.at)
    last = bisect_left(others, probed.at + probed.late + probed.seconds, key=lambda one: one.at)
    return replace(probed, stalled=max((one.late for one in others[first + 1 : last]), default=0.0))


async def _ask(probes: Probes, name: str, client: Client, content: bytes, due: float) -> None:
    begun = monotonic()
    status, loss = 0, ""
    for _ in range(2):
        try:
            async with asyncio.timeout(PATIENCE), client.connected() as wire:
                status = (await wire.ask(content)).status
            break
        except Lost as lost:
            # Whose worker is killed asks another one, once and at once.
            if loss:
                break
            loss = str(lost)
        except (TimeoutError, Unexpected):
            break
    probes.all.append(Probed(name, due, begun - due, monotonic() - begun, status, loss))
