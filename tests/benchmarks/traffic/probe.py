"""Asks again and again whether the service is there, each time on a connection of its own, and how long that took."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from tests.benchmarks.traffic.client import Client, Lost, Target, Unexpected

# Seconds between two questions of a kind, and that an answer is waited for.
BEAT, PATIENCE = 0.1, 10.0


@dataclass(frozen=True)
class Probed:
    """One question: when (of `time.monotonic`), how late it was sent, seconds to the answer, its status.

    The status is 0 where there was none; `first_loss` says why it was asked a second time, if it was.
    """

    name: str
    at: float
    late: float
    seconds: float
    status: int
    first_loss: str = ""


@dataclass
class Probes:
    """What a probe has found."""

    all: list[Probed] = field(default_factory=list)

    def slowest(self) -> Probed:
        """The question that had to wait the longest."""
        return max(self.all, key=lambda one: one.seconds)


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
    return probes


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
