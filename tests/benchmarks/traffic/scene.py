"""What came of some time of traffic of many kinds, and what of it should not have been."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.benchmarks.traffic.disturbances import Disturbances
from tests.benchmarks.traffic.loads import Note, Record
from tests.benchmarks.traffic.probe import Probed, Probes

# Longest seconds that a probe may wait for its answer.
LONGEST = 1.0


@dataclass(frozen=True)
class Scene:
    """What came of some time: the records of the clients by name, the probes, what was done to the service."""

    begun: float
    records: Mapping[str, Record]
    probes: Probes
    done: Disturbances

    def problems(self, longest: float = LONGEST) -> list[str]:
        """Sentences that say which traffic was answered otherwise than it should be, how and when.

        A probe may wait for its answer for up to `longest` seconds.
        """
        found = [note for record in self.records.values() for note in record.notes if not self._is_excused(note)]
        sentences = [f"{note.at - self.begun:.1f} s, {note.kind}: {note.what}{self._since(note)}" for note in found]
        sentences += [
            f"{one.at - self.begun:.1f} s, probe of {one.name}: {told}"
            for one in self.probes.all
            if (told := self._told(one, longest))
        ]
        return sentences

    def _told(self, one: Probed, longest: float) -> str:
        """What is wrong with the answer to a probe; empty where nothing is."""
        if one.status != 200:
            return f"answered {one.status}" if one.status else f"no answer ({one.first_loss})"
        if one.first_loss and not self.done.has_killed(one.at, one.at + one.late + one.seconds):
            return f"lost its connection ({one.first_loss})"
        if one.blamed > longest:
            return f"answered after {one.seconds:.2f} s, in which the probe itself stalled for {one.stalled:.2f} s"
        return ""

    def idle(self) -> list[str]:
        """Kinds of traffic that there was none of."""
        return [kind for record in self.records.values() for kind, count in record.acts.items() if not count]

    def _since(self, note: Note) -> str:
        return "" if note.well_at is None else f", which was well at {note.well_at - self.begun:.2f} s"

    def _is_excused(self, note: Note) -> bool:
        """Whether the worker of its connection was killed meanwhile; nobody kills one that speaks TLS."""
        return note.well_at is not None and note.where != "tls" and self.done.has_killed(note.well_at, note.at)

    def told(self) -> str:
        """Each kind's acts and statuses, the probes, the signals."""
        lines = []
        for name, record in self.records.items():
            lines.append(f"{name} clients: {record.busy:.1f} s of processor time")
            for kind, count in record.acts.items():
                statuses = ", ".join(f"{status}: {number}" for status, number in sorted(record.statuses[kind].items()))
                lines.append(f"  {kind}: {count} ({statuses})")
        slowest, late = self.probes.slowest(), max(one.late for one in self.probes.all)
        lines.append(
            f"{len(self.probes.all)} probes, the slowest {1000 * slowest.blamed:.0f} ms ({slowest.name}), "
            f"late themselves by {1000 * late:.0f} ms at most"
        )
        done = self.done
        did = {"new versions": done.reloads, "SIGHUPs": done.hang_ups, "kills": [kill for kill, _ in done.kills]}
        for what, times in did.items():
            lines.append(
                f"{len(times)} {what}{': ' if times else ''}{', '.join(f'{at - self.begun:.1f} s' for at in times)}"
            )
        return "\n".join(lines)


def summed(problems: Sequence[str], most: int = 30) -> str:
    """Problems as a text of some lines, and how many of each kind there are."""
    kinds = Counter(problem.partition(", ")[2].partition(":")[0] for problem in problems)
    counts = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    return "\n".join([f"{len(problems)} problems: {counts}", *problems[:most]])
