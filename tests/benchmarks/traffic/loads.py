"""Processes that send kinds of traffic for a while, and the record of what they were answered."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic, process_time

from tests.benchmarks.traffic import ordinary, secured, slow, wrong
from tests.benchmarks.traffic.client import LASTING, Client, Kind, Lost, Target, Unexpected

# Seconds of processor time that may be used at once, and between two looks at how much was used.
BURST, LOOK = 0.2, 0.02
# No process has more notes than this: more would say nothing more.
MOST_NOTES = 200


@dataclass(frozen=True)
class Note:
    """Something that should not have been, of a kind of traffic to an address, at a time of `time.monotonic`.

    If a connection was lost, it was still well at `well_at`.
    """

    kind: str
    where: str
    at: float
    what: str
    well_at: float | None = None


@dataclass
class Record:
    """How many acts each kind began, with which statuses, and what went wrong; seconds of processor time for all."""

    acts: Counter[str] = field(default_factory=Counter)
    statuses: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    notes: list[Note] = field(default_factory=list)
    busy: float = 0.0


class Budget:
    """Holds this process to a share of one processor core."""

    def __init__(self, share: float) -> None:
        self._share, self._begun_at = share, monotonic()
        self._used = process_time()

    async def turn(self, chance: random.Random) -> None:
        """Wait until there is something to spend."""
        while process_time() - self._used > BURST + self._share * (monotonic() - self._begun_at):
            await asyncio.sleep(LOOK * (1 + chance.random()))


def well_behaved(target: Target) -> list[Kind]:
    """What clients do that get what they ask for."""
    proxies = [name for name, address in target.addresses.items() if address.is_proxy]
    kinds = [*ordinary.PLAIN, *(kind for name in proxies for kind in ordinary.through(name))]
    return [*kinds, *(ordinary.SECURED if "tls" in target.addresses else ())]


def hostile(target: Target) -> list[Kind]:
    """What clients do that want the service to fail, or fail themselves."""
    kinds = [*slow.PLAIN, *wrong.KINDS]
    return [*kinds, *((*slow.SECURED, *secured.KINDS) if "tls" in target.addresses else ())]


def send(kinds: Sequence[Kind], target: Target, until: float, share: float, seed: int = 0) -> Record:
    """Have clients of these kinds busy until then (of `time.monotonic`), with so much of a processor core."""
    return asyncio.run(_Senders(kinds, target, until, share, seed).run())


class _Senders:
    def __init__(self, kinds: Sequence[Kind], target: Target, until: float, share: float, seed: int) -> None:
        self._kinds, self._target, self._until, self._seed = kinds, target, until, seed
        self._budget = Budget(share)
        self._record = Record()

    async def run(self) -> Record:
        """All clients, until the last of them has ended."""
        used = process_time()
        self._record.acts.update({kind.name: 0 for kind in self._kinds})
        clients = [(kind, number) for kind in self._kinds for number in range(kind.clients)]
        tasks = {asyncio.create_task(self._busy(kind, number)): kind for kind, number in clients}
        await asyncio.sleep(max(0.0, self._until - monotonic()))
        for task, kind in tasks.items():
            if kind.may_last:
                task.cancel()
        for kind, ended in zip(tasks.values(), await asyncio.gather(*tasks, return_exceptions=True), strict=True):
            if isinstance(ended, Exception):
                self._note(Note(kind.name, kind.at, monotonic(), f"the client itself failed: {ended!r}"))
        self._record.busy = process_time() - used
        return self._record

    async def _busy(self, kind: Kind, number: int) -> None:
        chance = random.Random(f"{kind.name} {number} {self._seed}")
        client = Client(self._target, self._target.addresses[kind.at], chance, self._record.statuses[kind.name])
        await asyncio.sleep(chance.random())
        while True:
            await self._budget.turn(chance)
            if monotonic() >= self._until:
                return
            await self._act(kind, client)
            await asyncio.sleep(2 * kind.pause * chance.random())

    async def _act(self, kind: Kind, client: Client) -> None:
        self._record.acts[kind.name] += 1
        try:
            async with asyncio.timeout(LASTING):
                await kind.act(client)
        except Lost as lost:
            self._note(Note(kind.name, kind.at, monotonic(), f"lost its connection ({lost})", lost.since))
        except Unexpected as answer:
            self._note(Note(kind.name, kind.at, monotonic(), str(answer)))
        except TimeoutError:
            self._note(Note(kind.name, kind.at, monotonic(), f"had not ended after {LASTING:.0f} s"))

    def _note(self, note: Note) -> None:
        if len(self._record.notes) < MOST_NOTES:
            self._record.notes.append(note)
