"""Chooses the engine that runs a model."""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from serving.config import AUTO, FASTEST_FIRST
from serving.engines import parity
from serving.engines.base import Engine
from suite.artifact import Card
from suite.errors import SuiteError, UsageError, unknown

# Importing TensorFlow takes seconds and a gigabyte, so it only runs models that no other engine can run.
LAST_RESORT = "tf"
# An engine counts as faster if the other one takes this many times as long.
MARGIN = 1.1


@dataclass(frozen=True)
class Choice:
    """The chosen engine of a model, milliseconds by engine if several were measured, and why others were not chosen."""

    engine: Engine
    measured: dict[str, float] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)


def load(folder: Path, card: Card | None, engine: str = AUTO, threads: int = 1) -> Engine:
    """Load the model in `folder`, using `threads` cores a call; raise SuiteError if it is damaged or refused."""
    return choose(folder, card, engine, threads).engine


def choose(folder: Path, card: Card | None, engine: str = AUTO, threads: int = 1) -> Choice:
    """Load the model on the given engine, or on the best one for `auto`.

    The best engine is the fastest light engine in its card, or `tf` if there is none or if the light engines disagree.
    Raise UsageError if the given engine cannot run the model, SuiteError if the model is damaged or refused.
    """
    names = _listed(card, engine)
    if len(names) == 1 or card is None:
        return Choice(_load(names[0], folder, card, threads))
    light = [name for name in names if name != LAST_RESORT]
    loaded, passed_over = _load_all(light, folder, card, threads)
    if len(loaded) > 1:
        rows = parity.examples(card)
        if parity.agree(loaded, rows, parity.scale_of(card)):
            return _fastest(loaded, parity.milliseconds(loaded, rows), passed_over)
        passed_over |= {one.name: f"{' and '.join(light)} answer differently" for one in loaded}
        loaded = []
    if not loaded and LAST_RESORT in names:
        loaded, failed = _load_all([LAST_RESORT], folder, card, threads)
        passed_over |= failed
    if not loaded:
        raise SuiteError("no engine can run it: " + "; ".join(f"{name}: {why}" for name, why in passed_over.items()))
    return Choice(loaded[0], {}, passed_over)


def _listed(card: Card | None, engine: str) -> list[str]:
    """Return the engines that may run a model, fastest first; raise UsageError if the given one cannot."""
    listed = [name for name in FASTEST_FIRST if name in card.engines] if card else [LAST_RESORT]
    if engine == AUTO:
        if not listed:
            raise SuiteError("the card lists no engine that this service knows: fit the model again")
        return listed
    if engine not in FASTEST_FIRST:
        raise unknown("engine", engine, [AUTO, *FASTEST_FIRST])
    if engine not in listed:
        raise UsageError(f"this model cannot run on '{engine}': it was saved for {', '.join(listed) or 'no engine'}")
    return [engine]


def _load(name: str, folder: Path, card: Card | None, threads: int) -> Engine:
    loaded: Engine = import_module(f"serving.engines.{name}").load(folder, card, threads)
    return loaded


def _load_all(names: list[str], folder: Path, card: Card, threads: int) -> tuple[list[Engine], dict[str, str]]:
    """Return the engines that could be loaded, and why the others could not."""
    loaded, failed = [], {}
    for name in names:
        try:
            loaded.append(_load(name, folder, card, threads))
        except SuiteError as error:
            failed[name] = str(error)
    return loaded, failed


def _fastest(loaded: list[Engine], measured: dict[str, float], passed_over: dict[str, str]) -> Choice:
    """Choose the first engine that is about as fast as the fastest, and close the others."""
    enough = MARGIN * min(measured.values())
    chosen = next(one for one in loaded if measured[one.name] <= enough)
    for one in loaded:
        if one is not chosen:
            one.close()
    return Choice(chosen, measured, passed_over)
