"""Progress in a notebook: a bar that is drawn anew in its place, which needs nothing but IPython."""

import html
import sys
from types import TracebackType
from typing import Any, Self

from rich.progress import TaskID

STYLE = "font-family: monospace; white-space: pre"
KERNEL = "ipykernel"


def is_open() -> bool:
    """Whether this process runs the cells of a notebook."""
    kernel = sys.modules.get(KERNEL)
    if kernel is None:
        return False

    from IPython.core.getipython import get_ipython

    return hasattr(get_ipython(), "kernel")


class Bar:
    """One task's share of work done between texts, as rich's Progress takes it; `fields` are those of the task."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._fields = fields
        self._values: dict[str, Any] = {"completed": 0.0, "total": None}
        self._place: Any = None

    def add_task(self, description: str, **values: Any) -> TaskID:
        """Set the first values: `completed`, `total` and those of the fields."""
        self._values |= values
        return TaskID(0)

    def update(self, task: TaskID, **values: Any) -> None:
        """Draw it with these values."""
        self._values |= values
        if self._place is not None:
            self._place.update(self._html())

    def start(self) -> None:
        """Show it below what the cell has printed."""
        from IPython.display import display

        self._place = display(self._html(), display_id=True)

    def stop(self) -> None:
        """Take it away."""
        from IPython.display import HTML

        self._place.update(HTML(""))

    def _html(self) -> Any:
        from IPython.display import HTML

        *before, after = (html.escape(str(self._values.get(name, ""))) for name in self._fields)
        total, done = self._values["total"], self._values["completed"]
        share = "" if not total else f' value="{done / total:.4f}"'
        return HTML(f'<div style="{STYLE}">{" ".join(before)} <progress{share}></progress> {after}</div>')

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
