"""What the master and the workers of a service tell one another, in memory that they share.

It is made when the master imports this module; workers, which are forked from it, see the same memory.
"""

import mmap

# A worker's place is its age, as gunicorn counts them; no master has as many workers at the same time.
SLOTS, NONE = 256, -1
_connections = memoryview(mmap.mmap(-1, 4 * SLOTS)).cast("i")
for _slot in range(SLOTS):
    _connections[_slot] = NONE
_loaded = memoryview(mmap.mmap(-1, SLOTS))
_ending = memoryview(mmap.mmap(-1, 1))


def announce_end() -> None:
    """In the master: the whole service is about to end, and not one worker to be replaced by another."""
    _ending[0] = 1


def is_ending() -> bool:
    """Whether the whole service is about to end."""
    return bool(_ending[0])


class Slot:
    """A worker's own place."""

    def __init__(self, age: int) -> None:
        self._index = age % SLOTS

    def count(self, connections: int) -> None:
        """Tell how many connections this worker has."""
        _connections[self._index] = connections

    def fewest(self) -> int:
        """The connections of the worker that has the fewest."""
        return min((count for count in _connections if count != NONE), default=0)

    def note_loaded(self) -> None:
        """This worker has tried all models."""
        _loaded[self._index] = 1

    def has_loaded_neighbour(self) -> bool:
        """Whether another worker has tried all models, and so has something to answer with."""
        return any(_loaded)

    def clear(self) -> None:
        """The worker is no more, or takes no more connections."""
        _connections[self._index] = NONE
        _loaded[self._index] = 0
