"""`suite serve`: answer predictions over HTTP."""

from pathlib import Path

import click

from suite.cli import options


@click.command(epilog="Example: suite serve --port 8501 --workers 2")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1), help="Processes (else one a core).")
@click.option(
    "--threads", type=click.IntRange(1), default=8, show_default=True, help="Requests a process answers at once."
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "tf", "litert"]),
    default="auto",
    show_default=True,
    help="What runs the models; auto is the fastest each has.",
)
@options.common
def command(
    host: str, port: int, workers: int | None, threads: int, engine: str, models: Path, as_json: bool, quiet: bool
) -> None:
    """Serve every saved model until it is stopped (Ctrl-C, or SIGTERM).

    \b
    Ask it with:
      curl -F file=@picture.png http://127.0.0.1:8501/predict
      curl -d '{"model": "text_cls", "instances": ["A joy."]}' http://127.0.0.1:8501/predict
    """
    from serving import run
    from serving.config import Config, cores
    from suite import artifact
    from suite.cli.output import Output
    from suite.errors import UsageError

    names = artifact.model_names(models)
    if not names:
        raise UsageError(
            f"{models} holds no model to serve: make one with 'suite fit', or name another folder with --models"
        )
    config = Config(
        models=models.absolute(), host=host, port=port, workers=workers or cores(), threads=threads, engine=engine
    )
    listening = run.listen(host, port)
    url = f"http://{host}:{port}"
    output = Output(as_json, quiet)
    output.say(f"serving {', '.join(names)} on {url}/predict with {config.workers} workers")
    if as_json:
        output.result([], {"url": url, "models": names})
    run.execute(config, listening)
