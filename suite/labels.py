"""Names for versions of a model, kept beside them in labels.json.

`stable` is the version that answers where none is asked for (else the newest), `canary` one that gets a share of those
requests, `shadow` one that is given them too, its answers only compared. Other labels are just names.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from suite import artifact, files
from suite.errors import SuiteError, UsageError

FILE = "labels.json"
STABLE, CANARY, SHADOW = "stable", "canary", "shadow"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True)
class Label:
    """The version it names; `weight` is the percentage of requests that a canary gets."""

    version: int
    weight: float = 0.0


def read(parent: Path) -> dict[str, Label]:
    """The labels in a model's folder; SuiteError where the file is damaged."""
    file = parent / FILE
    try:
        found = json.loads(files.read_small(file))
        return {name: _label(one) for name, one in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise SuiteError(
            f"{file} cannot be read ({files.explain(error)}): write it anew with 'suite models label'"
        ) from error


def _label(one: dict[str, Any]) -> Label:
    """A label as the file has it; ValueError, TypeError, KeyError, AttributeError, OverflowError."""
    label = Label(int(one["version"]), float(one.get("weight", 0.0)))
    if not 0 <= label.weight <= 100:
        raise ValueError(f"a weight is {label.weight:g}, and no percentage")
    return label


def put(parent: Path, name: str, label: Label | None) -> None:
    """Set a label, or take it away; UsageError where it or its version makes no sense."""
    if not NAME.fullmatch(name):
        raise UsageError(f"'{name}' is no label: use lower-case letters, digits, - and _, a letter first")
    labels = read(parent)
    if label is None:
        if name not in labels:
            raise UsageError(f"{parent.name} has no label '{name}': there are: {', '.join(labels) or 'none'}")
        del labels[name]
    else:
        present = artifact.versions(parent)
        if label.version not in present:
            there = ", ".join(map(str, present)) or "none"
            raise UsageError(f"{parent.name} has no version {label.version}: there are: {there}")
        if label.weight and name != CANARY:
            raise UsageError(f"only the label {CANARY} has a weight, and this is '{name}': leave --weight out")
        labels[name] = label
    content = {key: asdict(one) if key == CANARY else {"version": one.version} for key, one in sorted(labels.items())}
    artifact.replace_file(parent / FILE, json.dumps(content, indent=2).encode() + b"\n")
