"""What every protocol comes down to: instances or tensors in, a model's outputs out."""

import json
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from serving.codecs.base import Limits, Named
from serving.codecs.payload import Payload
from serving.codecs.responses import Outputs
from serving.config import Config
from serving.context import Arrival
from serving.engines.base import Arrays
from serving.errors import ServiceError
from serving.models.loader import Model
from serving.models.repository import Repository
from serving.models.shadow import Shadow
from serving.observability.metrics import Metrics
from serving.scheduling.batcher import Run
from serving.scheduling.deadline import NO_DEADLINE, Deadline
from serving.scheduling.operations import Call


class Core:
    """Answers what routes have read; knows nothing of HTTP."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.limits = Limits.of(config)
        self.metrics = Metrics(Path(config.runtime) if config.runtime else None)
        self.repository = Repository(config, self.metrics)
        self.shadow = Shadow()

    async def model(
        self, arrived: Arrival, name: str | None, version: int | str | None = None, kind: str = ""
    ) -> Model:
        """The model that a request asks; ServiceError 400, 403, 404 or 503."""
        name = self.repository.only(kind) if name is None else name
        found = self.repository.at_hand(name, version)
        arrived.model = name
        if arrived.may_ask and not arrived.may_ask(name):
            raise ServiceError(403, f"this key is not for the model '{name}': ask who gave it to you")
        model: Model = found or await Call(partial(self.repository.get, name, version))
        arrived.version = model.version
        return model

    async def run(self, model: Model, raw: Arrays, patience: Deadline = NO_DEADLINE) -> Outputs:
        """The model's outputs for raw inputs; ServiceError 413, 422, 499, 503 or 504."""
        assert model.lane
        outputs: Outputs = await Run(model.lane, raw, patience)
        other = self.repository.shadow(model)
        if other:
            self.shadow.give(other, raw, outputs)
        return outputs

    async def decode(self, model: Model, payload: Payload, patience: Deadline = NO_DEADLINE) -> Arrays:
        """The model's raw inputs from what a body holds; ServiceError 400, 413, 499 or 504."""
        is_slow = model.codec.is_slow(payload)
        return await _decoded(partial(model.codec.decode, payload, patience), patience, is_slow)

    async def decode_named(self, model: Model, tensors: Named, patience: Deadline = NO_DEADLINE) -> Arrays:
        """The same from whole arrays by input name."""
        is_slow = model.codec.is_slow(tensors)
        return await _decoded(partial(model.codec.decode_named, tensors, patience), patience, is_slow)


async def _decoded(decode: Callable[[], Arrays], patience: Deadline, is_slow: bool) -> Arrays:
    """What is decoded; what may take long as a step, if somebody still waits for it."""

    def wanted() -> Arrays:
        patience.check()
        return decode()

    found: Arrays = await Call(wanted) if is_slow else decode()
    return found


def document(model: Model, outputs: Outputs, rows: int, seconds: float) -> str:
    """Our own answer: a JSON object with one prediction a row."""
    head = _head(model.name, model.version, model.engine)
    written = model.codec.encode(outputs, rows)
    return f'{head}{round(1000 * seconds, 3)}, "predictions": {written}}}\n'


@lru_cache(1024)
def _head(name: str, version: int, engine: str) -> str:
    """What all answers of a model begin with."""
    return json.dumps({"model": name, "version": version, "engine": engine})[:-1] + ', "milliseconds": '
