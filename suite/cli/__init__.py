"""The command `suite`: a file for each verb, imported only when the verb is used."""

import io
import os
import sys
import warnings
from importlib import import_module

import click

from suite.api import installation
from suite.cli.stopping import INTERRUPTED, INTERRUPTED_EXIT_CODE
from suite.errors import SuiteError, unknown

VERBS = {
    "demo": "Fit on built-in data, serve the model, ask it, and show the answers.",
    "fit": "Train a domain's network and save it as the next version of a model.",
    "tune": "Search for the best network with KerasTuner, then train and save it.",
    "evaluate": "Measure a saved model on labelled data.",
    "report": "Show how good a model is, or which of two is better.",
    "predict": "Answer every row of a file, a folder or standard input.",
    "serve": "Answer predictions over HTTP.",
    "keys": "Create keys for a service, or revoke them.",
    "call": "Ask a running service about a file.",
    "models": "List, show, label and delete saved models.",
    "blocks": "List the building blocks of networks, or show one.",
    "show": "Draw a domain's network, and list what a search may change.",
    "data": "List the built-in data sets.",
    "completion": "Print the script with which a shell completes commands.",
}


class Verbs(click.Group):
    """A group that imports the file of a verb only when it is used."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"suite.cli.{name}").command
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if arguments[0] not in VERBS and not arguments[0].startswith("-"):
            raise unknown("command", arguments[0], list(VERBS))
        return super().resolve_command(context, arguments)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="neural-suite", prog_name="suite")
def group() -> None:
    """Train, tune and serve neural networks from a folder, a table or texts.

    \b
    Example:
      suite fit image_cls
      suite serve
    """


def main() -> None:
    """Run the command; an error is one line, with a traceback under --debug."""
    debug = "--debug" in sys.argv
    _print_everything()
    if not debug and not sys.warnoptions:
        # What libraries warn of is for those who write programs.
        warnings.simplefilter("ignore")
    try:
        group.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message(), 2, debug)
    except SuiteError as error:
        _fail(str(error), error.exit_code, debug)
    except (KeyboardInterrupt, click.Abort):
        _fail(INTERRUPTED, INTERRUPTED_EXIT_CODE, debug)
    except BrokenPipeError:
        # The reader of our output closed it; without this Python would report that again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and installation.is_for_training(error.name or ""):
            _fail(str(installation.without_training(error.name or "")), 1, debug)
        _fail(f"{type(error).__name__}: {error} (a defect; run again with --debug and report it)", 1, debug)


def _print_everything() -> None:
    """Print UTF-8 into files and pipes whatever the locale; on a terminal, what it cannot show becomes a '?'."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    click.echo(f"error: {' '.join(message.split())}", err=True)
    sys.exit(code)
