"""What scripts rely on: help, exit codes, one line an error, JSON at the end."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import click
import pytest

from suite.cli import VERBS, group

Run = Callable[..., CompletedProcess[str]]


def commands() -> list[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    found = []
    for verb in VERBS:
        command = group.get_command(click.Context(group), verb)
        assert command is not None
        if isinstance(command, click.Group):
            found += [(f"{verb} {name}", inner) for name, inner in command.commands.items()]
        else:
            found.append((verb, command))
    return found


@pytest.mark.parametrize(("words", "command"), commands())
def test_every_help_page_says_what_it_does_and_gives_an_example(words: str, command: click.Command) -> None:
    assert command.help
    assert f"Example: suite {words}" in (command.epilog or "")
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name
    names = {parameter.name for parameter in command.params}
    assert {"as_json", "quiet", "debug", "models"} <= names


def failing(run: Run, code: int, *arguments: Any) -> str:
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    return errors[0]


def test_an_unknown_verb_suggests_the_nearest_one(suite: Run) -> None:
    assert "did you mean 'fit'?" in failing(suite, 2, "fti")


def test_an_unknown_option_and_a_wrong_value_are_misuse(suite: Run) -> None:
    assert "--epoch" in failing(suite, 2, "fit", "fraud", "--epoch", "3")
    assert "--epochs" in failing(suite, 2, "fit", "fraud", "--epochs", "0")


def test_an_unknown_domain_model_or_version_suggests_the_nearest_one(suite: Run, make: Callable[[str], Any]) -> None:
    made = make("fraud")
    name = made.card.name
    assert "image_cls" in failing(suite, 2, "fit", "image_csl")
    assert name in failing(suite, 2, "models", "show", f"{name}x", "--models", made.models)
    assert "version" in failing(suite, 2, "models", "show", f"{name}/99", "--models", made.models)


def test_an_empty_store_says_how_to_fill_it(suite: Run, tmp_path: Path) -> None:
    assert "suite fit" in failing(suite, 2, "serve", "--models", tmp_path)
    assert "suite fit" in failing(suite, 2, "predict", "fraud", "--input", "-", "--models", tmp_path)


@pytest.mark.parametrize("name", ["fraud", "table-regression"])
def test_models_list_and_show(suite: Run, make: Callable[[str], Any], name: str) -> None:
    made = make(name)
    listed = json.loads(suite("models", "list", "--models", made.models, "--json").stdout.splitlines()[-1])
    assert {"name": made.card.name, "version": 1} in [
        {k: row[k] for k in ("name", "version")} for row in listed["models"]
    ]
    shown = json.loads(
        suite("models", "show", made.card.name, "--models", made.models, "--json").stdout.splitlines()[-1]
    )
    assert shown["card"]["labels"] == made.card.labels
    assert made.card.created in suite("models", "show", made.card.name, "--models", made.models).stdout


def test_data_list_names_what_is_embedded(suite: Run) -> None:
    rows = json.loads(suite("data", "list", "--json").stdout)["data"]
    embedded = {"fashion_mnist", "movie_sentiment", "card_fraud", "wine", "diamonds"}
    assert {row["name"] for row in rows if row["file"]} == embedded


def test_data_that_needs_the_network_fails_in_one_line(
    suite: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    error = failing(suite, 1, "fit", "image_cls", "--data", "mnist", "--models", tmp_path)
    assert "network" in error
    assert "embedded" in error
    assert not list(tmp_path.rglob("*.npz"))
