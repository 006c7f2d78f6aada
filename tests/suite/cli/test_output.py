import io
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from suite.api.output import Output

ESCAPES = re.compile("\x1b\\[[0-9;?]*[a-zA-Z]")
METRICS = {"loss": 0.1234, "accuracy": 0.5678, "val_loss": 0.2345, "val_macro_f1": 0.6789}


def terminal(width: int) -> Output:
    output = Output(as_json=False, quiet=False)
    output.console = Console(file=io.StringIO(), force_terminal=True, width=width, highlight=False, soft_wrap=True)
    return output


def drawn(output: Output) -> list[str]:
    """The lines on the terminal, without colours."""
    assert isinstance(output.console.file, io.StringIO)
    return re.split("[\r\n]+", ESCAPES.sub("", output.console.file.getvalue()))


@pytest.mark.parametrize(
    ("width", "shown"),
    [(60, ["val_macro_f1 0.6789"]), (80, ["loss 0.1234", "val_macro_f1 0.6789"]), (120, ["accuracy 0.5678"])],
)
def test_a_trainings_bar_fits_the_terminal(width: int, shown: list[str]) -> None:
    output = terminal(width)
    with output.training() as report:
        report(SimpleNamespace(prefix="", epoch=12, epochs=40, step=3, steps=10, metrics=METRICS, validated=False))
    bars = [line for line in drawn(output) if "epoch 12/40" in line]
    assert bars
    assert all(len(line) <= width for line in drawn(output))
    assert all(metric in bars[-1] for metric in shown)
    assert "━" in bars[-1]


@pytest.mark.parametrize("width", [40, 60, 200])
def test_a_searchs_bar_fits_the_terminal(width: int) -> None:
    output = terminal(width)
    with output.fitting_bar("state") as bar:
        bar.add_task("", total=1.0, completed=0.5, state="12 completed, 2 failed  trial 15 epoch 3/20 " * 3)
    assert any("12 comp" in line for line in drawn(output))
    assert all(len(line) <= width for line in drawn(output))
