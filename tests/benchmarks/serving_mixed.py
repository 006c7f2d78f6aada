"""All kinds of clients at once: what ordinary ones notice of hostile ones, of new versions and of signals.

Ordinary requests come from a process of its own, at a rate for which the service needs a share of its cores that is
measured before (`SHARE`); other well-behaved clients come through nginx and haproxy, over TLS, pipelined and so on.
That goes on alone for a while, then together with clients of every hostile kind, at last with a new version every 3
seconds, SIGHUP every 10 and a worker killed every 13.

So that the figures tell of the service and not of two cores that hostile clients have taken, these all live in one
process that stops for a moment whenever it has used more than its share of a core (`scenario.HOSTILE_SHARE`): what they
cost beyond that, they cost within the service.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from tests.benchmarks import open_loop, processes, serving_load
from tests.benchmarks.open_loop import Outcomes
from tests.benchmarks.serving_load import LENET
from tests.benchmarks.serving_mix import Models
from tests.benchmarks.traffic.disturbances import Beats
from tests.benchmarks.traffic.scenario import HOSTILE_SHARE, WORKERS, Stage, staged
from tests.benchmarks.traffic.scene import LONGEST, Scene, summed

# Of the workers' cores, for ordinary requests; how many a second, and for how long, while their cost is measured.
SHARE, TRIED_RATE, TRIED = 0.1, 50, 10
# Shares of the time: without hostile clients; they warm the service up, go on, are joined by signals, end as begun.
ALONE, WARMING, HOSTILE, SIGNALLED = 0.3, 0.05, 0.25, 0.35
WELL_BEHAVED, HOSTILE_ONES = NAMES = ("well-behaved", "hostile")
Row = tuple[str, str, str]


@dataclass(frozen=True)
class Part:
    """What came of some of the time: of all clients, and of the ordinary requests."""

    scene: Scene
    outcomes: Outcomes
    expected: np.ndarray

    def wrong(self) -> list[str]:
        """Sentences on what was answered otherwise than it should be."""
        ordinary, done = self.outcomes, self.scene.done
        found = self.scene.problems()
        for number in np.flatnonzero(ordinary.status != self.expected[ordinary.which]).tolist():
            status, due = ordinary.status[number], ordinary.begun + ordinary.due[number]
            if status or not done.has_killed(due, due + ordinary.seconds[number]):
                wanted = self.expected[ordinary.which[number]]
                found.append(f"{due - self.scene.begun:.1f} s, ordinary: answered {status} in the place of {wanted}")
        return found


def mixed(minutes: float) -> list[Row]:
    """Rows of the table of figures."""
    with (
        serving_load.models(LENET, ["text_cls"], ["fraud"]) as store,
        staged(store, Models(), store.parent) as stage,
    ):
        print(*stage.missing, sep="\n", flush=True)
        hostile, reloads = True, Beats(hang_up=inf, kill=inf)
        rate = _rate(stage)
        alone = _part(stage, rate, 60 * minutes * ALONE)
        parts = [_part(stage, rate, 60 * minutes * WARMING, hostile, reloads)]
        weighed = [stage.weigh()]
        parts.append(_part(stage, rate, 60 * minutes * HOSTILE, hostile, reloads))
        weighed.append(stage.weigh())
        parts.append(_part(stage, rate, 60 * minutes * SIGNALLED, hostile, Beats()))
        parts.append(_part(stage, rate, 60 * minutes * WARMING, hostile, reloads))
        weighed.append(stage.weigh())
        complaints = stage.complaints()
    wrong = [sentence for part in (alone, *parts) for sentence in part.wrong()] + complaints
    if wrong:
        print(summed(wrong), flush=True)
    _, steady, signalled, _ = parts
    return [*_asked(rate, [alone, *parts], wrong), *_noticed(alone, steady, signalled), *_weighed(weighed)]


def _rate(stage: Stage) -> float:
    """Requests a second that take a `SHARE` of the workers' cores to answer; they are warm afterwards."""
    requests, _ = zip(*stage.target.requests, strict=True)
    service = stage.service
    for seconds in (TRIED / 2, TRIED):
        before = processes.processor_seconds(service.pid)
        stage.pool.submit(open_loop.offer, service.url, requests, TRIED_RATE, seconds).result()
        cost = (processes.processor_seconds(service.pid) - before) / (TRIED_RATE * seconds)
    return round(SHARE * WORKERS / cost, -1)


def _part(stage: Stage, rate: float, seconds: float, hostile: bool = False, beats: Beats | None = None) -> Part:
    """Play for so long, with or without hostile clients, new versions and signals."""
    requests, expected = zip(*stage.target.requests, strict=True)
    clients = {WELL_BEHAVED: stage.ordinary()} | ({HOSTILE_ONES: stage.hostile()} if hostile else {})
    offered = stage.pool.submit(open_loop.offer, stage.service.url, requests, rate, seconds)
    scene = stage.play(seconds, clients, beats)
    print(scene.told(), flush=True)
    return Part(scene, offered.result(), np.array(expected))


def _asked(rate: float, parts: Sequence[Part], wrong: Sequence[str]) -> list[Row]:
    records = {name: [part.scene.records[name] for part in parts if name in part.scene.records] for name in NAMES}
    acts = [f"{sum(one.acts.total() for one in found):,}" for found in records.values()]
    seconds = sum(part.outcomes.due[-1] for part in parts if HOSTILE_ONES in part.scene.records)
    share = sum(one.busy for one in records[HOSTILE_ONES]) / seconds
    done = [part.scene.done for part in parts]
    did = [
        sum(map(len, times)) for times in zip(*((one.reloads, one.hang_ups, one.kills) for one in done), strict=True)
    ]
    return [
        (
            f"ordinary requests, {rate:.0f} a second, which take {100 * SHARE:.0f} % of the workers' cores",
            f"{sum(len(part.outcomes.due) for part in parts):,}",
            "",
        ),
        ("acts of other well-behaved and of hostile clients", " and ".join(acts), ""),
        ("processor time of hostile clients, of a core", f"{100 * share:.0f} %", f"{100 * HOSTILE_SHARE:.0f} %"),
        ("new versions, SIGHUPs, workers killed", ", ".join(map(str, did)), ""),
        ("answered otherwise than they should be, or lost but for a kill", f"{len(wrong)}", "0"),
    ]


def _noticed(alone: Part, steady: Part, signalled: Part) -> list[Row]:
    quiet = alone.outcomes.tail()
    rows = []
    for what, part in (("alone", alone), ("beside hostile clients", steady), ("and signals", signalled)):
        slowest = part.scene.probes.slowest()
        told = f"{1000 * slowest.blamed:,.0f} ms, of {len(part.scene.probes.all):,}"
        rows.append((f"slowest probe {what}", told, f"{1000 * LONGEST:,.0f} ms"))
        tail = part.outcomes.tail()
        ratio = "" if part is alone else f", {tail / quiet:.2f} of that alone"
        rows.append((f"p99 of ordinary requests {what}", f"{tail:.1f} ms{ratio}", "" if part is alone else "2 or less"))
    return rows


def _weighed(weighed: Sequence[float]) -> list[Row]:
    growths = [f"{100 * (one / weighed[0] - 1):+.1f} %" for one in weighed[1:]]
    told = ", ".join(f"{one:,.1f}" for one in weighed)
    return [
        ("PSS warmed up, after hostile clients, after signals", f"{told} MB", ""),
        ("growth of PSS", ", ".join(growths), "within 3 %"),
    ]
