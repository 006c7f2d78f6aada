"""Train, tune and use neural networks for pictures, texts and tables from Python.

    import suite

    model = suite.fit("fraud", frame, label="is_fraud", name="payments")
    model.predict(more)
    suite.load("payments").evaluate(labelled)

`fit`, `tune` and `load` take what the commands `suite fit`, `suite tune` and `suite predict` take. This module itself
imports nothing: what is used is imported then.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.api.evaluate import Evaluation
    from suite.api.model import Model
    from suite.api.verbs import fit, load, tune
    from suite.errors import SuiteError, UsageError

__all__ = ["Evaluation", "Model", "SuiteError", "UsageError", "fit", "load", "tune"]
_MODULES = {
    "Evaluation": "suite.api.evaluate", "Model": "suite.api.model", "SuiteError": "suite.errors",
    "UsageError": "suite.errors", "fit": "suite.api.verbs", "load": "suite.api.verbs", "tune": "suite.api.verbs",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "sklearn":
        return import_module("suite.sklearn")
    if name not in _MODULES:
        raise AttributeError(f"module 'suite' has no attribute '{name}'")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
