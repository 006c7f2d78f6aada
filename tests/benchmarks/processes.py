"""A process and all that it started: which they are, what memory they take, how they end."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from time import sleep

# Seconds to end in order, and between two looks.
GRACE, LOOK = 15.0, 0.05


def tree(pid: int) -> list[int]:
    """The process and what came of it and still runs."""
    found = [pid]
    for one in found:
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def runs(pid: int) -> bool:
    """Whether it has not ended; a child that nobody has collected yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pss(pid: int) -> float:
    """Megabytes that the process and its descendants hold, each page shared among those that map it."""
    total = 0
    for one in tree(pid):
        with suppress(OSError):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def processor_seconds(pid: int) -> float:
    """Seconds for which the process and its descendants have used processors."""
    ticks = 0
    for one in tree(pid):
        with suppress(OSError):
            ticks += sum(map(int, Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, end what then still runs of it, and return when nothing does."""
    all_of_it = tree(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    for pid in filter(runs, all_of_it):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    while any(map(runs, all_of_it)):
        sleep(LOOK)
