"""How hyperparameters and figures are written: `conv.filters` for people, `conv/filters` in KerasTuner and in files."""

import csv
import io
from collections.abc import Sequence
from typing import Any


def dotted(name: str) -> str:
    """A hyperparameter's name as people read and type it."""
    return name.replace("/", ".")


def slashed(name: str) -> str:
    """A hyperparameter's name as KerasTuner and cards hold it."""
    return name.replace(".", "/")


def format_value(value: Any) -> str:
    """A hyperparameter's value for people: booleans in lower case, floats with four digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def rounded(value: float) -> float:
    """A figure to keep: six decimals, or six digits below 0.1, since a label's units may make it small."""
    return float(f"{value:.6g}") if abs(value) < 0.1 else round(value, 6)


def split_names(text: str) -> list[str]:
    """Names of columns that are separated by commas, and quoted where they hold one."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def join_names(names: Sequence[str]) -> str:
    """Names of columns in one text, as `split_names` reads it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()
