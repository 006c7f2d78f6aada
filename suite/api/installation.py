"""What is installed: a light installation serves and predicts, and has nothing to train with."""

from suite.errors import SuiteError

TRAINING = ("tensorflow", "keras", "keras_tuner", "tensorboard", "sklearn", "scipy", "lightgbm")


class NotInstalled(SuiteError, ImportError):
    """A package is needed that only the extra `train` installs."""


def is_for_training(module: str) -> bool:
    """Whether a module is of a package that only the extra `train` installs."""
    return module.partition(".")[0] in TRAINING


def without_training(module: str) -> NotInstalled:
    """An error for what needs such a module where it is not installed."""
    package = module.partition(".")[0]
    return NotInstalled(
        f"this needs {package}, which a light installation leaves out: pip install 'neural-suite[train]'"
    )
