"""What every protocol comes down to: instances or tensors in, a model's outputs out."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from serving.codecs import csv as csv_table
from serving.codecs import images, tables, tensors, texts
from serving.codecs import named_tensors as named
from serving.codecs import responses as answers
from serving.codecs.payload import TOO_MANY, Asked
from serving.config import Config
from serving.context import Arrival
from serving.engines.base import Arrays, count_rows
from serving.errors import ServiceError
from serving.models.catalogue import everyone
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
        self.metrics = Metrics(Path(config.runtime) if config.runtime else None)
        self.repository = Repository(config, self.metrics)
        self.shadow = Shadow()

    async def model(
        self, arrived: Arrival, name: str | None, version: int | str | None = None, kind: str = ""
    ) -> Model:
        """The model that a request asks; ServiceError 400, 403, 404 or 503."""
        may_ask = arrived.may_ask or everyone
        name = self.repository.only(kind, may_ask) if name is None else name
        found = self.repository.at_hand(name, version, may_ask)
        arrived.model = name
        model: Model = found or await Call(partial(self.repository.get, name, version))
        arrived.version = model.version
        return model

    async def run(
        self, model: Model, raw: Arrays, patience: Deadline = NO_DEADLINE, signature: str = ""
    ) -> answers.Outputs:
        """The model's outputs for raw inputs; ServiceError 413, 422, 499, 503 or 504."""
        rows = count_rows(raw)
        if rows > self.config.max_rows:
            raise ServiceError(413, TOO_MANY.format(rows, self.config.max_rows))
        outputs: answers.Outputs = await Run(model.lane_of(signature), raw, patience)
        other = self.repository.shadow(model)
        if other and not signature:
            self.shadow.give(other, raw, outputs)
        return outputs

    async def decode(self, model: Model, asked: Asked, patience: Deadline = NO_DEADLINE) -> Arrays:
        """The model's raw inputs from what a body holds; ServiceError 400, 413, 499 or 504."""
        are_files = model.kind == "image" and images.are_files(asked)
        return await _read(partial(self._decode, model, asked), patience, are_files)

    async def decode_named(
        self, model: Model, given: dict[str, np.ndarray], patience: Deadline = NO_DEADLINE
    ) -> Arrays:
        """The same from whole arrays by input name."""
        are_files = model.kind == "image" and any(x.dtype.kind == "O" for x in given.values())
        return await _read(partial(self._decode_named, model, given), patience, are_files)

    def _decode(self, model: Model, asked: Asked) -> Arrays:
        card, most = model.card, self.config.max_elements
        if asked.array is not None:
            return self._decode_named(model, {next(iter(model.signature.inputs)): asked.array})
        if asked.columns is not None:
            return _of_csv(model, asked.columns)
        if card is None:
            return tensors.read(asked, model.signature.inputs, most)
        if model.kind == "image":
            spec = card.inputs[0]
            height, width, channels = spec.shape
            return {spec.name: images.read(asked, (height, width, channels), most)}
        if asked.files:
            raise ServiceError(400, f"the model '{model.name}' takes no pictures: send JSON 'instances'")
        if model.kind == "text":
            return {card.inputs[0].name: texts.read(asked.instances)}
        return tables.read(asked.instances, card.inputs, card.ignored)

    def _decode_named(self, model: Model, given: dict[str, np.ndarray]) -> Arrays:
        return named.read(given, model.card, model.signature, self.config.max_elements)


async def _read(decode: Callable[[], Arrays], patience: Deadline, are_files: bool) -> Arrays:
    """What is decoded; pictures, which may take long to be decompressed, as a step, if somebody still waits for it."""

    def wanted() -> Arrays:
        patience.check()
        return decode()

    found: Arrays = await Call(wanted) if are_files else decode()
    return found


def _of_csv(model: Model, columns: csv_table.Columns) -> Arrays:
    if model.card and model.kind == "table":
        return csv_table.raw_inputs(columns, model.card.inputs, model.card.ignored)
    if model.card and model.kind == "text":
        name = model.card.inputs[0].name
        if name not in columns:
            raise ServiceError(400, f"the CSV has no column '{name}': name the column of texts so")
        return {name: np.array(columns[name], object)}
    raise ServiceError(400, f"the model '{model.name}' takes no CSV: send JSON")


def document(model: Model, outputs: answers.Outputs, rows: int, seconds: float) -> str:
    """Our own answer: a JSON object with one prediction a row."""
    head = {
        "model": model.name,
        "version": model.version,
        "engine": model.engine,
        "milliseconds": round(1000 * seconds, 3),
    }
    written = model.write(outputs) if model.write else answers.tensors(outputs, rows)
    return f'{json.dumps(head)[:-1]}, "predictions": {written}}}\n'
