"""Names and what goes by them: built-in objects and those of installed packages, imported on use."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from suite.errors import unknown

Item = TypeVar("Item")


class Registry(Generic[Item]):
    """What goes by a name of one kind, such as a domain: `what` is the kind's name in errors.

    `built_in` holds MODULE:NAME for each name; installed packages add others as entry points of the group.
    """

    def __init__(self, what: str, group: str, built_in: Mapping[str, str]) -> None:
        self._what = what
        self._built_in = {name: EntryPoint(name, place, group) for name, place in built_in.items()}
        # Once a process: packages are not installed meanwhile, and a look at all of them takes milliseconds.
        self._added = cache(lambda: {point.name: point for point in entry_points(group=group)})
        self._loaded: dict[str, Item] = {}

    def names(self) -> list[str]:
        """The built-in names, then those of installed packages."""
        return [*self._built_in, *sorted(name for name in self._added() if name not in self._built_in)]

    def get(self, name: str) -> Item:
        """What goes by that name; UsageError if nothing does."""
        if name not in self._loaded:
            point = self._built_in.get(name) or self._added().get(name)
            if point is None:
                raise unknown(self._what, name, self.names())
            self._loaded[name] = point.load()
        return self._loaded[name]
