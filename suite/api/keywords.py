"""The keywords of `suite.fit`, `suite.tune` and others: the options of the commands, with their ranges."""

import json
import math
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite.data.options import CLASSIFICATION, GROUP, MULTI_LABEL, RANDOM, REGRESSION, TIME
from suite.errors import UsageError, nearest, unknown

# The least and the most that options may be; None for no bound.
RANGES: dict[str, tuple[int, int | None]] = {
    "epochs": (1, None), "seed": (0, 2**31 - 1), "image_size": (4, 1024), "fit_folds": (2, 50), "tune_folds": (2, 20),
    "trials": (1, None), "repeats": (1, 20), "workers": (1, 64),
}  # fmt: skip
TASKS = (CLASSIFICATION, REGRESSION, MULTI_LABEL)
SPLITS, DATE_ORDERS, PRUNERS = (RANDOM, TIME, GROUP), ("dmy", "mdy", "ymd"), ("median", "asha")
SECONDS = {"s": 1, "m": 60, "h": 3600}
# How the commands name the one option that has another name here.
RENAMED = {"label_column": "label"}
DEFAULT_MODELS, MODELS_VARIABLE = "saved_models", "SUITE_MODELS"

Check = Callable[[str, Any], Any]


def seconds(text: str) -> float:
    """The seconds of a duration such as 90s, 30m or 1h30m; ValueError for another text."""
    if not re.fullmatch(r"(\d+[hms])+", text):
        raise ValueError(f"'{text}' is no time: write it as 90s, 30m or 1h30m")
    found = float(sum(int(count) * SECONDS[unit] for count, unit in re.findall(r"(\d+)([hms])", text)))
    if not found:
        raise ValueError(f"'{text}' is no time at all: give some")
    return found


def models_folder(models: Any = None) -> Path:
    """The folder of saved models: the given one, else that of the environment, else the default one."""
    return _place("models", models or os.environ.get(MODELS_VARIABLE) or DEFAULT_MODELS)


def _wrong(name: str, value: Any, wanted: str) -> UsageError:
    shown = value if isinstance(value, int | float | str) else type(value).__name__
    return UsageError(f"{name}={shown!r} makes no sense: give {wanted}")


def _whole(bounds: tuple[int, int | None]) -> Check:
    low, high = bounds
    wanted = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"

    def check(name: str, value: Any) -> int:
        try:
            number = operator.index(value)
        except TypeError as error:
            raise _wrong(name, value, wanted) from error
        if isinstance(value, bool) or number < low or (high is not None and number > high):
            raise _wrong(name, value, wanted)
        return number

    return check


def _number(name: str, value: Any) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    if not good:
        raise _wrong(name, value, "a number of at least 0")
    return float(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, value, "True or False")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")
    return value


def _choice(allowed: Iterable[str]) -> Check:
    names = list(allowed)

    def check(name: str, value: Any) -> str:
        if value not in names:
            raise unknown(name, value, names)
        return str(value)

    return check


def _place(name: str, value: Any) -> Path:
    if not isinstance(value, str | os.PathLike):
        raise _wrong(name, value, "a path")
    return Path(value)


def _duration(name: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    if not isinstance(value, str):
        raise _wrong(name, value, "seconds, or a text such as 90s, 30m or 1h30m")
    try:
        return seconds(value)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(name, value, 'a dictionary such as {"training.learning_rate": 0.001}')
    return {str(key): given for key, given in value.items()}


def _mapping_or_place(name: str, value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else _place(name, value)


def _any(name: str, value: Any) -> Any:
    return value


def _threshold(name: str, value: Any) -> str:
    return value if isinstance(value, str) else str(_number(name, value))


def _ranges(name: str, value: Any) -> tuple[str, ...]:
    """Assignments as `suite tune` takes them: lists are values, and a pair (low, high) is a range."""
    return tuple(f"{key}={_range(given)}" for key, given in _mapping(name, value).items())


def _limits(name: str, value: Any) -> tuple[str, ...]:
    """A budget as `suite tune` takes it, from {"latency": "0.2ms"}."""
    return tuple(f"{key}={limit}" for key, limit in _mapping(name, value).items())


def _range(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 2:
        return f"{value[0]}..{value[1]}"
    return ",".join(map(_plain, value)) if isinstance(value, list | tuple) else _plain(value)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class Keyword:
    """The field of a request that a keyword sets, and what checks its value: (name, value) to the field's value."""

    field: str
    check: Check
    default: Any = None


READER = {
    "text_column": Keyword("text_column", _text), "time_column": Keyword("time_column", _text),
    "group_column": Keyword("group_column", _text), "date_order": Keyword("date_order", _choice(DATE_ORDERS)),
    "task": Keyword("task", _choice(TASKS)), "positive": Keyword("positive", lambda name, value: str(value)),
    "image_size": Keyword("image_size", _whole(RANGES["image_size"])), "encoding": Keyword("encoding", _text),
    "no_header": Keyword("no_header", _flag), "sheet": Keyword("sheet", _text),
    "split": Keyword("split", _choice(SPLITS)), "validation": Keyword("validation", _any),
    "test": Keyword("test", _any),
}  # fmt: skip
RULE = {
    "threshold": Keyword("threshold", _threshold), "cost_false_negative": Keyword("cost_false_negative", _number),
    "cost_false_positive": Keyword("cost_false_positive", _number), "cost_column": Keyword("cost_column", _text),
}  # fmt: skip
_TRAINING = {
    "name": Keyword("name", _text), "models": Keyword("models", _place),
    "epochs": Keyword("epochs", _whole(RANGES["epochs"])), "seed": Keyword("seed", _whole(RANGES["seed"]), 0),
    "time": Keyword("seconds", _duration), "retrain": Keyword("retrain", _flag, True),
    "objective": Keyword("objective", _text), "resume": Keyword("resume", _flag, False),
    "onnx": Keyword("onnx", _flag, False),
}  # fmt: skip
FIT = {
    **_TRAINING, "preset": Keyword("preset", _text), "hp": Keyword("file", _mapping_or_place),
    "set": Keyword("assignments", _mapping), "cv": Keyword("folds", _whole(RANGES["fit_folds"])),
    "checkpoint_seconds": Keyword("checkpoint_seconds", _number), "mlflow": Keyword("mlflow", _flag, False),
}  # fmt: skip
TUNE = {
    **_TRAINING, "strategy": Keyword("strategy", _text, "hyperband"),
    "trials": Keyword("trials", _whole(RANGES["trials"])), "pruner": Keyword("pruner", _choice(PRUNERS)),
    "warm_start": Keyword("warm_start", _text), "budget": Keyword("budget", _limits),
    "cv": Keyword("folds", _whole(RANGES["tune_folds"])), "repeats": Keyword("repeats", _whole(RANGES["repeats"]), 1),
    "set": Keyword("sets", _ranges), "fix": Keyword("fixes", _ranges), "space": Keyword("space", _place),
    "workers": Keyword("workers", _whole(RANGES["workers"])), "ray": Keyword("ray", _text),
    "trial_timeout": Keyword("timeout", _duration), "pick": Keyword("pick", _any),
}  # fmt: skip


def check(given: Mapping[str, Any], *known: Mapping[str, Keyword], beside: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The values of the given keywords by field, for each group of known ones; None is as if not given.

    `beside` are other keywords that the function has.

    UsageError, with the nearest keyword, for an unknown one; and for a value that makes no sense.
    """
    names = [name for group in known for name in group]
    for name in given:
        if name not in names:
            raise _unknown(name, [*names, *beside])
    return [
        {one.field: one.check(name, given[name]) for name, one in group.items() if given.get(name) is not None}
        for group in known
    ]


def _unknown(name: str, names: list[str]) -> UsageError:
    words = {keyword.field: spelling for group in (FIT, TUNE) for spelling, keyword in group.items()} | RENAMED
    meant = words.get(name) if words.get(name) in names else nearest(name, names)
    if meant is None:
        return unknown("keyword", name, names)
    return UsageError(f"there is no keyword '{name}': did you mean '{meant}'?")


def in_python(message: str) -> str:
    """A message with the options of the commands written as keywords: label= for --label-column."""

    def keyword(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        return f"{RENAMED.get(name, name)}="

    return re.sub(r"--([a-z][a-z-]*[a-z])", keyword, message)
