"""An answer as a coroutine: it awaits its steps, and who carries it out decides where, when and with what others each
is taken.
"""

from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.scheduling.batcher import Run


class Step:
    """What an answer waits for. Awaiting it gives its outcome, or raises its error, once it was taken."""

    outcome: Any = None
    error: Exception | None = None
    # Of an input, where it has such.
    rows = 0

    def take(self) -> None:
        """Take it on this thread, however long that takes."""
        raise NotImplementedError

    def start(self, submit: Callable[..., object], finished: Callable[[], object]) -> None:
        """Have a thread take it by `submit`, without waiting for that; then `finished` is called, by any thread."""
        submit(self._take_and_tell, finished)

    def _take_and_tell(self, finished: Callable[[], object]) -> None:
        try:
            self.take()
        finally:
            finished()

    def quick(self) -> "Run | None":
        """Itself, if it takes no longer than having a thread take it up may, and can be taken with others."""
        return None

    def __await__(self) -> Generator["Step", None, Any]:
        yield self
        error, self.error = self.error, None
        if error:
            try:
                raise error
            finally:
                # Else it would hold what held it, and a large body with that, until the collector comes.
                del error
        return self.outcome


class Call(Step):
    """A function to be called that may take long."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function

    def take(self) -> None:
        try:
            self.outcome = self._function()
        except Exception as error:
            self.error = error


def next_step(answering: Coroutine[Step, None, Any]) -> tuple[Step | None, Any]:
    """The step that an answer waits for, or None and the answer."""
    try:
        return answering.send(None), None
    except StopIteration as end:
        return None, end.value


def carry_out(answering: Coroutine[Step, None, Any]) -> Any:
    """An answer, each step to it taken on this thread."""
    step, answer = next_step(answering)
    while step:
        step.take()
        step, answer = next_step(answering)
    return answer
