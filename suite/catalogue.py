"""The catalogue of building blocks, which `suite blocks` lists and the contract tests build.

To add a block, add a line to BLOCKS.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras_tuner import HyperParameters

from suite.blocks import (
    activations,
    augment,
    backbone,
    bags,
    cells,
    choice,
    conv,
    convolutions,
    deformable,
    dense,
    ensemble,
    heads,
    kernels,
    mixing,
    norms,
    numeric,
    regression,
    sequence,
    stacking,
    stochastic_depth,
    tabular,
    trees,
    trunks,
)
from suite.blocks.kernels import Kernel
from suite.domain import Recipe
from suite.errors import unknown
from suite.training import model, precision

# An input, or several by name.
Sample = Any
EDGES = [[-1.0, 0.0, 1.0], [0.0, 2.0], [-3.0, 3.0]]
VOCABULARIES = [4, 9]
# Two trees of two leaves: by whether the first feature is above 0.5, and by a category.
FOREST = trees.Forest(
    features=np.array([0]), thresholds=np.array([0.5]), marks=np.array([0]), sides=np.array([0.0]),
    sets=[np.eye(size, 1) for size in VOCABULARIES], conditions=np.array([0, 1]),
    paths=np.array([[[1.0, -1.0]]] * 2), depths=np.array([[1.0, 0.0]] * 2), values=np.array([[1.0, 0.0]] * 2),
    groups=np.ones((2, 1)),
)  # fmt: skip
WORDS = 20
CLASSES = 3
RECIPE = Recipe(epochs=1, batch_size=64)


@dataclass(frozen=True)
class Block:
    """A function or a layer; `make` uses it with new hyperparameters.

    Where the block is a part of a network, `make` returns a network. `on` holds values that switch on a block that is
    off by default.
    """

    kind: str
    function: Callable[..., Any]
    make: Callable[[HyperParameters], Any]
    on: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The module and the function or class, such as conv.stages."""
        return f"{self.module.removeprefix('suite.').removeprefix('blocks.')}.{self.function.__name__}"

    @property
    def module(self) -> str:
        """The module to import it from."""
        return self.function.__module__

    @property
    def description(self) -> str:
        """The docstring."""
        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The first paragraph of the docstring, in one line."""
        return " ".join(self.description.partition("\n\n")[0].split())


def _part(
    sample: Callable[[], Sample], call: Callable[[HyperParameters, Any], Any]
) -> Callable[[HyperParameters], keras.Model | None]:
    """A function that builds a network from a sample input and `call`; it returns None if `call` does."""

    def make(hp: HyperParameters) -> keras.Model | None:
        inputs = sample()
        outputs = call(hp, inputs)
        return None if outputs is None else keras.Model(inputs, outputs)

    return make


def picture() -> keras.KerasTensor:
    """A picture, or a feature map."""
    return keras.Input((16, 16, 8), name="picture")


def vector() -> keras.KerasTensor:
    """A vector for each row."""
    return keras.Input((8,), name="vector")


def members() -> keras.KerasTensor:
    """A vector for each row and member of an ensemble."""
    return keras.Input((2, 8), name="members")


def normals() -> keras.KerasTensor:
    """The mean and the logarithm of the deviation of each member of an ensemble."""
    return keras.Input((3, 2), name="normals")


def numbers() -> keras.KerasTensor:
    """The numeric features of a table."""
    return keras.Input((len(EDGES),), name="features")


def columns() -> dict[str, keras.KerasTensor]:
    """A table: features and category ids."""
    categories = keras.Input((len(VOCABULARIES),), dtype="int32", name="categories")
    return {"features": numbers(), "categories": categories}


def words() -> keras.KerasTensor:
    """A text: the ids of its words."""
    return keras.Input((6,), dtype="int32", name="words")


def embedded() -> dict[str, keras.KerasTensor]:
    """A text as a vector for each word, and the mask of words."""
    return {"x": keras.Input((6, 8), name="x"), "present": keras.Input((6,), dtype="bool", name="present")}


def _convolution(kind: convolutions.Convolution) -> Block:
    def call(hp: HyperParameters, x: keras.KerasTensor) -> keras.KerasTensor:
        return kind(x, 4, Kernel(3, "he_normal"), "conv")

    return Block("convolutions", kind, _part(picture, call))


def _reader(kind: Callable[..., keras.KerasTensor]) -> Block:
    def call(hp: HyperParameters, text: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
        with hp.name_scope("reader"):
            return kind(hp, text["x"], text["present"], "reader")

    return Block("texts", kind, _part(embedded, call))


def _scoped(scope: str, choose: Callable[[HyperParameters], Any]) -> Callable[[HyperParameters], Any]:
    """A block in the scope that its caller would open."""

    def make(hp: HyperParameters) -> Any:
        with hp.name_scope(scope):
            return choose(hp)

    return make


BLOCKS = [
    Block("images", conv.stages, _part(picture, lambda hp, x: conv.stages(hp, x, "conv"))),
    Block("images", cells.cells, _part(picture, lambda hp, x: cells.cells(hp, x, "cells"))),
    Block("images", cells.cell, _part(picture, lambda hp, x: cells.cell(hp, x, cells.OPERATIONS, 2, "cell"))),
    Block("images", conv.pool, _part(picture, lambda hp, x: conv.pool(hp, x, "pool"))),
    Block("images", conv.squeeze_excite, _part(picture, lambda hp, x: conv.squeeze_excite(x, "squeeze"))),
    *[_convolution(kind) for kind in convolutions.CONVOLUTIONS.values()],
    Block("convolutions", deformable.DeformableConv2D, _part(picture, lambda hp, x: deformable.DeformableConv2D(4)(x))),
    Block("augmentation", augment.pictures, lambda hp: augment.pictures(hp, "augment", "image")),
    Block("augmentation", augment.placing, _scoped("augment", augment.placing)),
    Block("augmentation", augment.changing, _scoped("augment", augment.changing), {"augment/randaugment": 2}),
    Block("augmentation", augment.erasing, _scoped("augment", augment.erasing)),
    Block("augmentation", mixing.choose, _scoped("augment", mixing.choose),
          {"augment/mixup": 0.2, "augment/cutmix": 1.0}),
    Block("texts", bags.bags, _part(
        lambda: {"words": words()}, lambda hp, x: bags.bags(hp, x, {"words": np.ones(WORDS, np.float32)}, "bag"),
    )),
    Block("texts", bags.EmbeddingBag, _part(words, lambda hp, x: bags.EmbeddingBag(WORDS, 4)(x))),
    Block("texts", sequence.reader, _part(words, lambda hp, x: sequence.reader(hp, x, WORDS, "reader")),
          {"reader/kind": "transformer"}),
    *[_reader(kind) for kind in sequence.READERS.values()],
    Block("texts", sequence.Present, _part(words, lambda hp, x: sequence.Present()(x))),
    Block("texts", sequence.Positions, _part(embedded, lambda hp, x: sequence.Positions(6)(x["x"]))),
    Block("pretrained", backbone.pretrained, _part(
        words, lambda hp, x: backbone.pretrained(hp, x, [""] * WORDS, "reader"),
    )),
    Block("texts", backbone.Pieces, _part(words, lambda hp, x: backbone.Pieces([[5]] * WORDS, 2, 3, 8)(x))),
    Block("tables", tabular.vector, _part(
        columns, lambda hp, x: tabular.vector(hp, x, EDGES, VOCABULARIES, "columns"),
    )),
    Block("tables", tabular.tokens, _part(
        columns, lambda hp, x: tabular.tokens(hp, x, EDGES, VOCABULARIES, 8, "columns"),
    )),
    Block("tables", tabular.crosses, _part(vector, lambda hp, x: tabular.crosses(hp, x, "columns")),
          {"columns/crosses": 2}),
    Block("tables", numeric.embedding, _part(numbers, lambda hp, x: numeric.embedding(hp, x, EDGES, "columns"))),
    Block("tables", numeric.PiecewiseLinear, _part(numbers, lambda hp, x: numeric.PiecewiseLinear(EDGES)(x))),
    Block("tables", numeric.Periodic, _part(numbers, lambda hp, x: numeric.Periodic(4)(x))),
    Block("tables", numeric.PerFeature, _part(members, lambda hp, x: numeric.PerFeature(4)(x))),
    Block("tables", trunks.mlp, _part(vector, lambda hp, x: trunks.mlp(hp, x, "mlp"))),
    Block("tables", trunks.resnet, _part(vector, lambda hp, x: trunks.resnet(hp, x, "resnet"))),
    Block("tables", trunks.transformer, _part(members, lambda hp, x: trunks.transformer(hp, x, "transformer"))),
    Block("tables", ensemble.Members, _part(vector, lambda hp, x: ensemble.Members(4)(x))),
    Block("tables", stacking.WeightedScores, _part(members, lambda hp, x: stacking.WeightedScores(stacking.LIMIT)(x))),
    Block("tables", stacking.Linear, _part(
        columns, lambda hp, x: stacking.Linear(len(EDGES), VOCABULARIES, CLASSES)(stacking.core_tensors(x)),
    )),
    Block("tables", trees.Trees, _part(
        columns, lambda hp, x: trees.Trees.of(FOREST, x, "trees"),
    )),
    Block("any network", choice.choice, _part(
        vector, lambda hp, x: choice.choice(hp, "kind", {"rectified": keras.layers.ReLU(), "as it is": lambda x: x})(x),
    )),
    Block("any network", choice.repeat, _part(
        vector, lambda hp, x: choice.repeat(hp, x, "depth", range(1, 4), 2, lambda x, number: keras.layers.Dense(8)(x)),
    )),
    Block("any network", dense.multilayer, _part(vector, lambda hp, x: dense.multilayer(hp, x, "dense"))),
    Block("any network", activations.choose, _part(vector, lambda hp, x: activations.choose(hp)[0](x))),
    Block("any network", norms.normalize, _part(picture, lambda hp, x: norms.normalize(hp, x, "x"))),
    Block("any network", kernels.penalty, _part(
        vector, lambda hp, x: keras.layers.Dense(4, kernel_regularizer=kernels.penalty(hp))(x),
    ), {"l1": 1e-4, "l2": 1e-3}),
    Block("any network", stochastic_depth.StochasticDepth,
          _part(picture, lambda hp, x: stochastic_depth.StochasticDepth(0.2)(x))),
    Block("heads", heads.classification, _part(vector, lambda hp, x: heads.classification(x, CLASSES))),
    Block("heads", heads.binary, _part(vector, lambda hp, x: heads.binary(x))),
    Block("heads", heads.multi_label, _part(vector, lambda hp, x: heads.multi_label(x, CLASSES))),
    Block("heads", regression.interval, _part(vector, lambda hp, x: regression.interval(x, 0.0, 1.0))),
    Block("heads", regression.Interval, _part(normals, lambda hp, x: regression.Interval()(x))),
    Block("heads", heads.dense_of_members, _part(
        members, lambda hp, x: heads.dense_of_members(x, CLASSES, "softmax", "dense"),
    )),
    Block("heads", heads.plus_offset, _part(members, lambda hp, x: heads.plus_offset(x, x[:, 0]))),
    Block("heads", heads.MeanOfMembers, _part(members, lambda hp, x: heads.MeanOfMembers()(x))),
    Block("heads", heads.LabelProbabilities, _part(members, lambda hp, x: heads.LabelProbabilities()(x))),
    Block("heads", heads.Temperature, _part(vector, lambda hp, x: heads.Temperature()(x))),
    Block("training", model.batch_size, lambda hp: model.batch_size(hp, RECIPE, 10_000)),
    Block("training", model.optimizer, lambda hp: model.optimizer(hp, RECIPE, 1_000)),
    Block("training", model.loss, lambda hp: model.loss(hp, RECIPE)),
    Block("training", model.balance, model.balance),
    Block("training", precision.choose, precision.choose),
]  # fmt: skip


def find(name: str) -> Block:
    """The block of that name; UsageError when there is none."""
    for block in BLOCKS:
        if block.name == name:
            return block
    raise unknown("block", name, [block.name for block in BLOCKS])
