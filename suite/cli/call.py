"""`suite call`: ask a running service about a file."""

from pathlib import Path
from urllib.parse import urlencode

import click

from suite.cli import options
from suite.cli.output import Output
from suite.errors import SuiteError, UsageError

# The content type of a file, by its suffix.
CONTENT_TYPES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".bmp": "image/bmp",
    ".webp": "image/webp", ".npy": "application/x-npy", ".csv": "text/csv", ".txt": "text/plain",
    ".json": "application/json",
}  # fmt: skip
MAX_SHOWN = 10


@click.command(epilog="Example: suite call image_cls cat.png --url http://127.0.0.1:8501")
@click.argument("model", metavar="MODEL[/VERSION]")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--url", default="http://127.0.0.1:8501", show_default=True, help="The address of the service.")
@click.option("--timeout", type=click.FloatRange(0.001), default=30.0, show_default=True, help="Seconds to wait.")
@click.option("--api-key", envvar="SUITE_API_KEY", help="The API key, if the service needs one.")
@click.option("--certificate", type=click.Path(path_type=Path), help="A certificate to trust over TLS (PEM).")
@options.printing
def command(
    model: str, file: Path, url: str, timeout: float, api_key: str | None, certificate: Path | None, as_json: bool,
    quiet: bool,
) -> None:  # fmt: skip
    """Send FILE to a MODEL of a running service, and print the answers.

    FILE is a picture, a text (.txt), rows (.csv), an array (.npy), or a request as JSON (.json).
    """
    from serving.client import Client

    content_type = CONTENT_TYPES.get(file.suffix.lower())
    if content_type is None:
        raise UsageError(f"{file.name} ends in none of {', '.join(CONTENT_TYPES)}: give a file of such a kind")
    name, _, version = model.partition("/")
    if version and not version.isdecimal():
        raise UsageError(f"'{version}' is no version: give a whole number, as in {name}/1")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SuiteError(f"{file} cannot be read ({error.strerror}): check the path") from error
    query = {"model": name, **({"version": version} if version else {})}
    with Client(url, timeout=timeout, api_key=api_key, certificate=certificate) as client:
        answer = client.send(f"/predict?{urlencode(query)}", content, content_type)
    output = Output(as_json, quiet)
    output.say(f"{answer['model']}/{answer['version']} on {answer['engine']}, {answer['milliseconds']} ms")
    lines = [_line(prediction) for prediction in answer["predictions"]]
    more = [f"and {len(lines) - MAX_SHOWN} more (--json shows all)"] if len(lines) > MAX_SHOWN else []
    output.result(lines[:MAX_SHOWN] + more, answer)


def _line(prediction: object) -> str:
    if not isinstance(prediction, dict) or "label" not in prediction:
        return str(prediction)
    flagged = "  flagged" if prediction.get("flagged") else ""
    return f"{prediction['label']}  {prediction['score']:.4f}{flagged}"
