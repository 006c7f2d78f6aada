"""State that the master and the workers of a service share in memory.

The memory is mapped when the master imports this module; workers are forked from the master and inherit it.
"""

import mmap

from serving.config import RANGES

# A worker's slot is its gunicorn "age" (a serial number) modulo SLOTS. There are slots for old and new workers during a
# reload, so that two running workers rarely share one.
SLOTS, EMPTY = 2 * RANGES["workers"][1], -1
_connections = memoryview(mmap.mmap(-1, 4 * SLOTS)).cast("i")
for _slot in range(SLOTS):
    _connections[_slot] = EMPTY
_loaded = memoryview(mmap.mmap(-1, SLOTS))
_ending = memoryview(mmap.mmap(-1, 1))


def announce_end() -> None:
    """Announce that the whole service is about to end, so that no worker will be replaced; called in the master."""
    _ending[0] = 1


def is_ending() -> bool:
    """Return whether the whole service is about to end."""
    return bool(_ending[0])


class Slot:
    """The slot of one worker in the shared memory."""

    def __init__(self, age: int) -> None:
        self._index = age % SLOTS

    def count(self, connections: int) -> None:
        """Publish how many connections this worker has."""
        _connections[self._index] = connections

    def fewest(self) -> int:
        """Return the number of connections of the worker that has the fewest."""
        return min((count for count in _connections if count != EMPTY), default=0)

    def note_loaded(self) -> None:
        """Note that this worker has tried to load all models."""
        _loaded[self._index] = 1

    def has_loaded_neighbour(self) -> bool:
        """Return whether some worker has tried to load all models, and so has something to answer with."""
        return any(_loaded)

    def clear(self) -> None:
        """Empty the slot, because its worker has ended or accepts no more connections."""
        _connections[self._index] = EMPTY
        _loaded[self._index] = 0
