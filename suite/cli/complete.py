"""What a shell may complete: domains, models of the store, built-in data, presets, and names of blocks."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from suite.api import keywords

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _beginning(names: Iterable[str], typed: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(typed)]


def domain(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The registered domains."""
    from suite.domain import names

    return _beginning(names(), typed)


def model(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The models in the store and, after NAME/, their versions."""
    from suite import artifact

    models = keywords.models_folder(context.params.get("models"))
    name, separator, _ = typed.partition("/")
    if separator:
        return _beginning((f"{name}/{version}" for version in artifact.versions(models / name)), typed)
    return _beginning(artifact.model_names(models), typed)


def data(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Names of built-in data for the domain that was typed, and files."""
    from suite.data import builtin

    chosen = _typed_domain(context)
    names = (name for name, entry in builtin.NAMES.items() if chosen in ("", entry.domain))
    return [*_beginning(names, typed), CompletionItem(typed, type="file")]


def preset(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """The presets of the domain that was typed."""
    from suite.domain import get, names

    chosen = _typed_domain(context)
    return _beginning(get(chosen).presets, typed) if chosen in names() else []


def _typed_domain(context: click.Context) -> str:
    # Behind an option without its value, Click leaves what was typed before among the rest.
    return str(context.params.get("domain") or next(iter(context.args), ""))
