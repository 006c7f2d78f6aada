"""The commands in the READMEs work as written."""

import re
import shlex
from pathlib import Path

import click
import pytest

from suite.cli import group

ROOT = Path(__file__).parents[2]
READMES = [ROOT / "README.md", *sorted(ROOT.glob("*/README.md"))]


def typed(program: str) -> list[list[str]]:
    """Every command line of a program in the READMEs, split into words."""
    lines = [line.strip() for path in READMES for line in path.read_text().splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith(f"{program} ")]


@pytest.mark.parametrize("words", typed("suite"), ids=" ".join)
def test_every_command_parses(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for word in words:
        if word.endswith("card.json"):
            (tmp_path / word).parent.mkdir(parents=True)
            (tmp_path / word).write_text("{}")
    command: click.Command = group
    context = click.Context(group)
    arguments = words[1:]
    while isinstance(command, click.Group):
        found = command.get_command(context, arguments[0])
        assert found, arguments[0]
        command, arguments = found, arguments[1:]
    command.make_context(words[1], arguments)


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"(?:^|`)make ([\w-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert {"demo", "test", "lint"} <= told <= targets


def test_links_lead_somewhere() -> None:
    for path in READMES:
        for link in re.findall(r"\]\((?!http)([^)]+)\)", path.read_text()):
            assert (path.parent / link).exists(), f"{path}: {link}"
