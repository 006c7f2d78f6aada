"""Zero-cost proxies: scores of an untrained network that go with how good it is after training.

Abdelfattah et al. 2021 compare most of them. Nothing heavy is imported here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    import keras

    from suite.training.data import PreparedData

ROWS = 64


@dataclass(frozen=True)
class Batch:
    """Training rows as a network takes them: inputs by name, and targets (N, ...) as its loss does."""

    inputs: Mapping[str, np.ndarray]
    targets: np.ndarray

    @classmethod
    def of(cls, prepared: "PreparedData", rows: int = ROWS, seed: int = 0) -> Self:
        """So many training rows at random, or all of them if there are fewer."""
        train = prepared.rows["train"]
        drawn = np.random.default_rng(seed).permutation(train)[:rows]
        inputs = {name: values[drawn] for name, values in prepared.core.items()}
        return cls(inputs, prepared.task.targets(prepared.y[drawn], prepared.target))


@dataclass(frozen=True)
class Proxy:
    """A function of MODULE:NAME from a network, built and compiled, and a batch to a number."""

    function: str

    def score(self, model: "keras.Model", batch: Batch) -> float:
        """Higher for networks that are likely to be better; the network stays as it is, to the last bit.

        Scores compare networks for the same data, and only those of one proxy with each other. It is -inf, never NaN,
        for a network of which nothing can be said, or that cannot learn: no signal reaches its answers, it has no
        trainable weights, or its operations cannot be counted.
        """
        module, _, name = self.function.partition(":")
        measure: Any = getattr(import_module(module), name)
        value = float(measure(model, batch))
        return value if math.isfinite(value) else -math.inf


PROXIES = {
    "parameters": Proxy("tuning.proxies.size:parameters"),
    "multiply_adds": Proxy("tuning.proxies.size:multiply_adds"),
    "synflow": Proxy("tuning.proxies.synflow:score"),
    "naswot": Proxy("tuning.proxies.naswot:score"),
    "zico": Proxy("tuning.proxies.zico:score"),
}
