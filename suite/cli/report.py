"""`suite report`: the figures of a model, or which of two models is better."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.api.output import Output
from suite.cli import complete, options

if TYPE_CHECKING:
    from suite.report.comparison import Comparison, EvaluatedModel


@click.command(epilog="Example: suite report image_cls/1 image_cls/2 --output comparison.html")
@click.argument("model", metavar="NAME[/VERSION]", shell_complete=complete.model)
@click.argument("other", metavar="[NAME[/VERSION]]", required=False, shell_complete=complete.model)
@click.option(
    "--output", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file."
)
@options.common
def command(model: str, other: str | None, target: Path | None, models: Path, as_json: bool, quiet: bool) -> None:
    """Show a model's test metrics with 95% intervals, or compare two models on the same test rows."""
    from suite.report import comparison

    output = Output(as_json, quiet)
    evaluated = comparison.load(models, model)
    if other is None:
        _show_model(evaluated, target, output)
    else:
        _show_comparison(comparison.compare(evaluated, comparison.load(models, other)), target, output)


def _show_model(evaluated: "EvaluatedModel", target: Path | None, output: Output) -> None:
    from suite.report.comparison import interval_json

    card, page = evaluated.card, evaluated.folder / "report.html"
    intervals = evaluated.intervals()
    width = max(map(len, intervals))
    lines = [
        f"{evaluated.reference} on {len(evaluated.keys):,} test rows, with 95% intervals by bootstrap",
        *(f"{name:{width}}  {i.value:8.4f}  {i.low:.4f} to {i.high:.4f}" for name, i in intervals.items()),
        *card.notes,
        f"report {page}",
    ]
    if target is not None:
        _write(target, _read(page))
        lines.append(f"copied to {target}")
    value = {
        "artifact": str(evaluated.folder),
        "report": str(page),
        "rows": len(evaluated.keys),
        "metrics": {name: interval_json(interval) for name, interval in intervals.items()},
    }
    output.result(lines, value)


def _show_comparison(comparison: "Comparison", target: Path | None, output: Output) -> None:
    first, second = comparison.first.reference, comparison.second.reference
    width = max(len(name) for name in [*comparison.metrics, "metric"])
    columns = [max(8, len(name)) for name in (first, second)]
    test = comparison.mcnemar
    right = (
        []
        if test is None
        else [
            f"right only with {first}: {test.only_first:,}, only with {second}: {test.only_second:,}, "
            f"McNemar p = {test.p:.3g}"
        ]
    )
    lines = [
        f"{first} and {second} on the same {len(comparison.first.keys):,} test rows",
        f"{'':{width}}  {first:>{columns[0]}}  {second:>{columns[1]}}  difference  95% interval",
        *(
            f"{name:{width}}  {row.first:{columns[0]}.4f}  {row.second:{columns[1]}.4f}  {row.difference.value:+10.4f}"
            f"  {row.difference.low:+.4f} to {row.difference.high:+.4f}"
            for name, row in comparison.metrics.items()
        ),
        *right,
        comparison.conclusion,
    ]
    if target is not None:
        from suite.report.page import render_comparison

        _write(target, render_comparison(comparison).encode())
        lines.append(f"written to {target}")
    output.result(lines, comparison.to_json())


def _read(page: Path) -> bytes:
    from suite.errors import SuiteError

    try:
        return page.read_bytes()
    except OSError as error:
        raise SuiteError(f"cannot read {page} ({error.strerror}): restore it or fit the model again") from error


def _write(target: Path, content: bytes) -> None:
    from suite import artifact
    from suite.errors import SuiteError

    try:
        artifact.replace_file(target, content)
    except OSError as error:
        raise SuiteError(f"cannot write {target} ({error.strerror}): choose another --output") from error
