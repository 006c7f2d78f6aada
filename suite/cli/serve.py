"""`suite serve`: answer predictions over HTTP."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from serving.config import AUTO, FASTEST_FIRST, PATH, PREFIX, RANGES, Config, default_workers
from suite import files
from suite.cli import options
from suite.cli.options import Command
from suite.errors import UsageError, shortened


def _option(name: str, help: str, **more: Any) -> Callable[[Command], Command]:
    """An option that can also be set by the service's environment variable."""
    return click.option(f"--{name}", envvar=PREFIX + name.upper().replace("-", "_"), help=help, **more)


def _path(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """The path without a slash at its end; a click error for one that the service would refuse."""
    path = value.rstrip("/")
    if not PATH.fullmatch(path):
        raise click.BadParameter(f"'{shortened(value)}' is no path of a URL: give one like /ml")
    return path


def _file(name: str, help: str) -> Callable[[Command], Command]:
    return _option(name, help, type=click.Path(path_type=Path))


@click.command(epilog="Example: suite serve --port 8501 --workers 2")
@_option("host", "The address to listen on.", default="127.0.0.1", show_default=True)
@_option("port", "The port to listen on.", type=click.IntRange(1, 65535), default=8501, show_default=True)
@_option("workers", "Worker processes (default: one for each core).", type=click.IntRange(*RANGES["workers"]))
@_option(
    "threads", "Threads of a process that run models which are not quick, read large bodies and decode pictures.",
    type=click.IntRange(*RANGES["threads"]), default=Config.threads, show_default=True,
)  # fmt: skip
@_option(
    "engine", "The engine to run models on; auto is the fastest of each model, and tf only if it has no other.",
    type=click.Choice([AUTO, *FASTEST_FIRST]), default=AUTO, show_default=True,
)  # fmt: skip
@_option(
    "keep-alive", "Seconds that a connection is kept open for a next request.",
    type=click.IntRange(*RANGES["keep_alive"]), default=Config.keep_alive, show_default=True,
)  # fmt: skip
@_option("root-path", "The path under which a proxy serves it, as /ml.", default="", callback=_path)
@_option(
    "trusted-proxies", "Addresses or networks whose X-Forwarded headers are believed, with commas; * for any.",
    default=Config.trusted_proxies, show_default=True,
)  # fmt: skip
@_file("keys", "Answer only requests with a key of this file (see 'suite keys').")
@_file("certificate", "Serve over TLS with this certificate (PEM).")
@_file("private-key", "The certificate's private key (PEM).")
@_file("settings", "A JSON file of settings, which win over all others; SIGHUP reloads it.")
@options.common
def command(
    host: str,
    port: int,
    workers: int | None,
    threads: int,
    engine: str,
    keep_alive: int,
    root_path: str,
    trusted_proxies: str,
    keys: Path | None,
    certificate: Path | None,
    private_key: Path | None,
    settings: Path | None,
    models: Path,
    as_json: bool,
    quiet: bool,
) -> None:
    """Serve every saved model until stopped (Ctrl-C or SIGTERM).

    \b
    Ask it with:
      curl -F file=@picture.png http://127.0.0.1:8501/predict
      curl -d '{"model": "text_cls", "instances": ["A joy."]}' http://127.0.0.1:8501/predict
    """
    from serving.server import launcher
    from suite import artifact
    from suite.api.output import Output

    names = artifact.model_names(models)
    if not names:
        raise UsageError(
            f"{models} holds no model to serve: make one with 'suite fit', or name another folder with --models"
        )
    if (certificate is None) != (private_key is None):
        raise UsageError("TLS needs both --certificate and --private-key")
    config = replace(
        Config.from_environment(), models=models.absolute(), host=host, port=port, workers=workers or default_workers(),
        threads=threads, engine=engine, keep_alive=keep_alive, root_path=root_path,
        trusted_proxies=trusted_proxies,
        **_readable_files(keys=keys, certificate=certificate, private_key=private_key, settings=settings),
    )  # fmt: skip
    _check(config)
    listening = launcher.listen(host, port)
    url = f"http{'s' if certificate else ''}://{config.address}"
    output = Output(as_json, quiet)
    output.say(f"serving {', '.join(names)} on {url}/predict with {config.workers} workers")
    if as_json:
        output.result([], {"url": url, "models": names})
    launcher.execute(config, listening)


def _check(config: Config) -> None:
    """Read now what the service is going to read, so that an error stops the command and not the service."""
    from serving.http import auth
    from serving.http.forwarding import TrustedProxies

    TrustedProxies(config.trusted_proxies)
    if config.settings:
        Config.of_file(Path(config.settings))
    if config.keys:
        auth.read(Path(config.keys))


def _readable_files(**given: Path | None) -> dict[str, Any]:
    """The absolute paths of the files that are given; UsageError if one cannot be read."""
    return {name: str(_check_readable(file)) for name, file in given.items() if file}


def _check_readable(file: Path) -> Path:
    """The absolute path; UsageError if the file cannot be read."""
    try:
        files.open_regular(file).close()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({files.explain(error)}): check the path") from error
    return file.absolute()
