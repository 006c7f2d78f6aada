"""Imports point downward, and commands that must be quick import no heavy libraries."""

import subprocess
import sys

import pytest
from importlinter import cli

from suite.cli import VERBS

HEAVY = ("tensorflow", "keras", "keras_tuner", "sklearn", "pyarrow", "PIL", "numpy")


def test_import_rules_hold() -> None:
    assert cli.lint_imports(no_cache=True) == cli.EXIT_STATUS_SUCCESS


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_imports_nothing_heavy(verb: str) -> None:
    statement = (
        f"from suite.cli import group\ntry: group(['{verb}', '--help'][{int(not verb)}:])\nexcept SystemExit: pass"
    )
    assert not modules_after(statement) & set(HEAVY)


def test_the_service_imports_without_tensorflow() -> None:
    statement = "from serving.app import create_app"
    assert not modules_after(statement) & {"tensorflow", "keras", "sklearn", "pyarrow", "rich"}


def test_gunicorns_master_imports_nothing_heavy() -> None:
    assert not modules_after("import serving.server.gunicorn_conf") & {"tensorflow", "keras", "sklearn", "pyarrow"}


def test_importing_the_suite_imports_nothing_else() -> None:
    assert not modules_after("import suite") & {*HEAVY, "click", "rich", "pandas", "flask", "serving", "tuning"}
