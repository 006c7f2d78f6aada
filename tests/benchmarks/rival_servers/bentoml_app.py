"""BentoML with the network, as the benchmark says in the environment."""

import os
from typing import Annotated

import bentoml
import lenet
import numpy as np
from bentoml.validators import DType

ROWS = int(os.environ["RIVAL_BATCH"])
JOINING = {"batchable": True, "max_batch_size": ROWS, "max_latency_ms": 1000} if ROWS > 1 else {}


@bentoml.service(
    workers=int(os.environ["RIVAL_WORKERS"]), traffic={"timeout": 30}, logging={"access": {"enabled": False}}
)
class Pictures:
    """{"instances": [picture, ...]} to [probabilities, ...]."""

    def __init__(self):
        self.network = lenet.load_chosen()

    @bentoml.api(**JOINING)
    def predict(self, instances: Annotated[np.ndarray, DType("uint8")]) -> np.ndarray:
        return self.network.run(instances.reshape(-1, *lenet.SHAPE))
