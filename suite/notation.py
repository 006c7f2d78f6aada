"""How hyperparameters and figures are written: `conv.filters` for people, `conv/filters` in KerasTuner and in files."""

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
