"""`suite call`: ask a running service about a file."""

from pathlib import Path
from urllib.parse import urlencode

import click

from suite.api.output import Output
from suite.cli import options
from suite.cli.call_body import body
from suite.data.options import Reading
from suite.errors import UsageError

MAX_SHOWN = 10


@click.command(epilog="Example: suite call image_cls cat.png --url http://127.0.0.1:8501")
@click.argument("model", metavar="MODEL[/VERSION]")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--url", default="http://127.0.0.1:8501", show_default=True, help="The address of the service.")
@click.option("--timeout", type=click.FloatRange(0.001), default=30.0, show_default=True, help="Seconds to wait.")
@click.option("--api-key", envvar="SUITE_API_KEY", help="The API key, if the service needs one.")
@click.option("--certificate", type=click.Path(path_type=Path), help="A certificate to trust over TLS (PEM).")
@options.files
@options.printing
def command(
    model: str, file: Path, url: str, timeout: float, api_key: str | None, certificate: Path | None,
    encoding: str | None, no_header: bool | None, sheet: str | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Send FILE to a MODEL of a running service, and print the answers.

    FILE is a picture, a text (.txt), a folder of these, a table (CSV, JSON Lines, Parquet, Feather, a workbook; packed
    or not), an array (.npy), or a request as JSON (.json).
    """
    from serving.client import Client

    name, _, version = model.partition("/")
    if version and not version.isdecimal():
        raise UsageError(f"'{version}' is no version: give a whole number, as in {name}/1")
    output = Output(as_json, quiet)
    content, content_type = body(file, Reading(encoding, bool(no_header), sheet), output.say)
    query = {"model": name, **({"version": version} if version else {})}
    with Client(url, timeout=timeout, api_key=api_key, certificate=certificate) as client:
        answer = client.send(f"/predict?{urlencode(query)}", content, content_type)
    if answer.get("unused_columns"):
        output.say(f"columns that the model does not use are passed over: {', '.join(answer['unused_columns'])}")
    output.say(f"{answer['model']}/{answer['version']} on {answer['engine']}, {answer['milliseconds']} ms")
    lines = [_line(prediction) for prediction in answer["predictions"]]
    more = [f"and {len(lines) - MAX_SHOWN} more (--json shows all)"] if len(lines) > MAX_SHOWN else []
    output.result(lines[:MAX_SHOWN] + more, answer)


def _line(prediction: object) -> str:
    if isinstance(prediction, dict) and "labels" in prediction:
        scores = ", ".join(f"{label} {share:.4f}" for label, share in prediction["probabilities"].items())
        return f"{', '.join(prediction['labels']) or 'no label'}  ({scores})"
    if not isinstance(prediction, dict) or "label" not in prediction:
        return str(prediction)
    flagged = "  flagged" if prediction.get("flagged") else ""
    return f"{prediction['label']}  {prediction['score']:.4f}{flagged}"
