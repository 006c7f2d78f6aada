"""An engine without a model, for what is around engines."""

import time

import numpy as np

from suite.errors import SuiteError


class Engine:
    """Doubles; takes a moment for a batch, or for each row of one, and refuses one that holds a negative number."""

    name, light, signature = "double", False, None

    def __init__(self, seconds: float = 0.0, seconds_a_row: float = 0.0) -> None:
        self.seconds, self.seconds_a_row = seconds, seconds_a_row
        self.ran, self.batches = list[int](), tuple[int, ...]()

    def run(self, raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.ran.append(len(raw["x"]))
        time.sleep(self.seconds + self.seconds_a_row * len(raw["x"]))
        if (raw["x"] < 0).any():
            raise SuiteError("negative")
        return {"y": raw["x"] * 2}

    def close(self) -> None: ...
