"""The contract of a domain, and the registry: names, imported on use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from suite.errors import unknown

if TYPE_CHECKING:
    import keras
    import keras_tuner

    from suite.data.dataset import Dataset
    from suite.data.options import DataOptions

ENTRY_POINTS = "suite.domains"
BUILT_IN = {
    "image_cls": "suite.domains.image_cls",
    "text_cls": "suite.domains.text_cls",
    "fraud": "suite.domains.fraud",
}
FEWEST_EPOCHS = 5
# (inputs by name, targets float32 (N, classes), seed int32 (2,)) of one batch to inputs and targets, as TensorFlow ops.
Augmentation = Callable[[dict[str, Any], Any, Any], tuple[dict[str, Any], Any]]


@dataclass(frozen=True)
class Recipe:
    """How a domain's networks are trained where nothing else is said.

    `epochs` is the most; where there are more rows than `examples / epochs`, they are seen fewer times. Training stops
    where validation has not improved for `patience` epochs, and goes back to the best one; where `to_the_end` is True
    it does neither unless another objective than the domain's is asked for: for data whose validation rows say too
    little of one epoch against the next. The rest are the defaults of the hyperparameters under `training`, which
    suite.training.model declares and explains.
    """

    epochs: int
    batch_size: int
    examples: int = 10_000_000
    patience: int = 6
    to_the_end: bool = False
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    schedule: str = "cosine"
    label_smoothing: float = 0.0
    average: float = 0.0

    def epochs_for(self, rows: int) -> int:
        """How many epochs to train on so many rows: at least five, or all where they are fewer."""
        return min(self.epochs, max(FEWEST_EPOCHS, round(self.examples / rows)))


class Domain(ABC):
    """What one field of application does differently; all the rest is shared.

    `objective` is the validation metric that decides which epoch and which trial is best, higher being better.
    `detects` is True where the second label is what is looked for: such a model has a threshold.
    `data_options` names the fields of DataOptions that its reader understands.
    `presets` are named sets of hyperparameters.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    kind: ClassVar[str]
    default_data: ClassVar[str]
    objective: ClassVar[str] = "accuracy"
    detects: ClassVar[bool] = False
    data_options: ClassVar[tuple[str, ...]] = ()
    recipe: ClassVar[Recipe]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @abstractmethod
    def read(self, source: Path, options: DataOptions) -> Dataset:
        """The data behind a path."""

    @abstractmethod
    def adapt(self, dataset: Dataset) -> dict[str, Any]:
        """The preprocessing specification, learned from the training split only; plain JSON values."""

    @abstractmethod
    def build(self, hp: keras_tuner.HyperParameters, preprocessing: dict[str, Any], classes: int) -> keras.Model:
        """The network: the core's inputs, by name, to {"probabilities": float32 (N, classes)}."""

    def augmentation(self, hp: keras_tuner.HyperParameters) -> Augmentation | None:
        """What changes training batches, anew each time they are seen; None where nothing does."""
        return None

    @abstractmethod
    def odd(self, dataset: Dataset) -> dict[str, Any]:
        """Raw inputs that are unusual but allowed (blank, empty, missing), to check every engine with."""

    @abstractmethod
    def example(self) -> Dataset:
        """A few dozen real rows with every split, for tests and trials; in memory within a second."""


@cache
def names() -> list[str]:
    """Every registered domain: the built-in ones and those of installed packages (entry points `suite.domains`)."""
    return [*BUILT_IN, *sorted(point.name for point in entry_points(group=ENTRY_POINTS) if point.name not in BUILT_IN)]


@cache
def get(name: str) -> Domain:
    """The domain of that name; UsageError when there is none."""
    if name in BUILT_IN:
        domain: Domain = import_module(BUILT_IN[name]).DOMAIN
        return domain
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == name:
            return point.load()  # type: ignore[no-any-return]
    raise unknown("domain", name, names())
