"""The contract of a domain, and the registry of domains, which are imported on use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from suite.blocks.types import Augmentation, Head
from suite.registry import Registry

if TYPE_CHECKING:
    import keras
    import keras_tuner

    from suite.data.dataset import Dataset
    from suite.data.options import DataOptions
    from suite.data.source import Source

MIN_EPOCHS = 5
MIN_BATCH_SIZE = 16


@dataclass(frozen=True)
class Recipe:
    """The default training of a domain's networks.

    `epochs` is the most; with more rows than `examples / epochs` there are fewer. Training stops where validation has
    not improved for `patience` epochs of at least `patience_steps` steps in all, and the best epoch is kept.
    `batch_size` is the most too: with fewer rows than make `steps_of_epoch` batches of it, batches are smaller. The
    other fields are defaults of the hyperparameters under `training`; see suite.training.model.
    """

    epochs: int
    batch_size: int
    examples: int = 10_000_000
    patience: int = 6
    patience_steps: int = 100
    steps_of_epoch: int = 1
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    schedule: str = "cosine"
    label_smoothing: float = 0.0
    average: float = 0.0

    def epochs_for(self, rows: int) -> int:
        """The number of epochs for this many training rows: at least five, or `epochs` if that is fewer."""
        return min(self.epochs, max(MIN_EPOCHS, round(self.examples / rows)))

    def batch_size_for(self, rows: int) -> int:
        """The number of rows in a training step for this many training rows: a power of two, at least 16."""
        most = max(MIN_BATCH_SIZE, rows // self.steps_of_epoch)
        return min(self.batch_size, 1 << (most.bit_length() - 1))

    def patience_for(self, steps: int) -> int:
        """After how many epochs, of so many steps each, without improvement training stops."""
        return max(self.patience, -(-self.patience_steps // steps))


class Domain(ABC):
    """A kind of input and field of application: only what differs from other domains.

    `tasks` names the kinds of its answers, see suite.task; where there are several, `task_of` chooses by the data.
    `data_options` names the fields of DataOptions that the domain's reader supports.
    `default_data` is a name of built-in data, "" where there is none. `presets` are named sets of hyperparameters.
    `corrects_base_models` is set where networks can correct the scores of base models, which `head` then has;
    `recipe_of` gives the recipe for a choice of these.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    kind: ClassVar[str]
    default_data: ClassVar[str] = ""
    tasks: ClassVar[tuple[str, ...]] = ("classification",)
    data_options: ClassVar[tuple[str, ...]] = ()
    recipe: ClassVar[Recipe]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    corrects_base_models: ClassVar[bool] = False

    @abstractmethod
    def read(self, source: Source, options: DataOptions) -> Dataset:
        """Read the data at a path or in memory."""

    @abstractmethod
    def adapt(self, dataset: Dataset) -> dict[str, Any]:
        """The preprocessing specification, learned from the training split only; plain JSON values."""

    def task_of(self, dataset: Dataset) -> str:
        """The name of the task that the data asks for."""
        return self.tasks[0]

    @abstractmethod
    def build(self, hp: keras_tuner.HyperParameters, preprocessing: dict[str, Any], head: Head) -> keras.Model:
        """The network: the core's inputs, by name, through a trunk to what the task's head makes of it."""

    def recipe_of(self, values: Mapping[str, Any], preprocessing: Mapping[str, Any]) -> Recipe:
        """The default training of networks with base models, for these hyperparameters."""
        return self.recipe

    def augmentation(self, hp: keras_tuner.HyperParameters) -> Augmentation | None:
        """The augmentation of training batches, different in each epoch; None for no augmentation."""
        return None

    @abstractmethod
    def edge_cases(self, dataset: Dataset) -> dict[str, Any]:
        """Unusual but valid raw inputs (blank, empty, missing), on which all engines must agree."""

    @abstractmethod
    def example(self, task: str = "") -> Dataset:
        """A few dozen real rows with every split, for tests; read within a second. By default for the first task."""


REGISTRY: Registry[Domain] = Registry(
    "domain",
    "suite.domains",
    {
        "image_cls": "suite.domains.image_cls:DOMAIN",
        "text_cls": "suite.domains.text_cls:DOMAIN",
        "fraud": "suite.domains.fraud:DOMAIN",
        "table": "suite.domains.table:DOMAIN",
    },
)
names, get = REGISTRY.names, REGISTRY.get
