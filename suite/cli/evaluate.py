"""`suite evaluate`: measure a saved model on labelled data."""

from pathlib import Path
from typing import Any

import click

from suite.api.evaluate import evaluate
from suite.api.output import Output, metric_lines
from suite.cli import complete, options


@click.command(epilog="Example: suite evaluate fraud/2 --data march.csv --label-column is_fraud --split all")
@click.argument("model", metavar="NAME[/VERSION]", shell_complete=complete.model)
@options.labelled
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test", "all"]),
    default="test",
    show_default=True,
    help="The rows to measure on.",
)
@click.option("--allow-missing", is_flag=True, help="Take a column that the model uses and the data lacks as missing.")
@options.common
def command(
    model: str, source: str | None, split: str, models: Path, as_json: bool, quiet: bool, **reader: Any
) -> None:
    """Measure a model on a split of labelled data, and record the result next to the model.

    Without --data, the data is that of the model's training, with the same split. The label column is the one that the
    model learned from, if the data has it; the columns that it uses must be there. Rows of a single class are not
    split. Where the data has changed since, rows that the model was trained on are left out of the test rows.
    """
    from suite import artifact

    output = Output(as_json, quiet)
    found = evaluate(artifact.find(models, model), source, split, reader, output)
    title = f"{found.model} on {found.rows:,} rows of {found.data} ({found.split}), engine {found.engine}"
    value = {"metrics": found.metrics, "rows": found.rows} | ({"notes": found.notes} if found.notes else {})
    output.result([title, *metric_lines({split: found.metrics}), *found.notes, f"noted in {found.log}"], value)
