"""A notebook as people run it: progress while a model is fitted, then its figures and curves."""

import html
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def test_a_model_that_is_fitted_in_a_notebook_shows_progress_figures_and_curves(tmp_path: Path) -> None:
    lines = [
        "import suite",
        "frame = {'age': [20 + number % 50 for number in range(120)], 'churn': ['no'] * 60 + ['yes'] * 60}",
        f"model = suite.fit('table', frame, label='churn', models={str(tmp_path)!r}, epochs=2, retrain=False)",
        "model",
    ]
    cell = nbformat.v4.new_code_cell("\n".join(lines))
    NotebookClient(nbformat.v4.new_notebook(cells=[cell]), timeout=300).execute()
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    assert [line for line in printed.splitlines() if line.startswith("epoch 2/2  ")]
    # The bar, which is taken away at the end.
    assert [output.data["text/html"] for output in cell.outputs if output.output_type == "display_data"] == [""]
    page = html.unescape(cell.outputs[-1].data["text/html"])
    for text in ("<iframe", "table", "accuracy", ">epoch<", "Reliability", "<svg"):
        assert text in page
