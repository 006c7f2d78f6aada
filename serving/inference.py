"""What every protocol comes down to: a model and its inputs in, its outputs out."""

import json
from asyncio import AbstractEventLoop, Task, wrap_future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from serving.codecs import responses
from serving.config import Config
from serving.context import RequestContext
from serving.deadline import Deadline
from serving.engines.base import Arrays, count_rows
from serving.errors import ServiceError
from serving.models.catalogue import ready
from serving.models.loader import Model
from serving.models.repository import Repository
from serving.models.shadow import Shadow
from serving.observability.metrics import Metrics
from serving.scheduling.batcher import ROWS, InferenceCall
from serving.scheduling.operations import OperationQueue
from serving.scheduling.scheduler import Scheduler

TOO_MANY = "{:,} instances in one request: send at most {:,}"
# Reading up to so many bytes, or writing up to so many rows, is not worth a thread.
SMALL, FEW_ROWS = 2**14, 256


class InferenceService:
    """Answers what handlers have read from requests; knows nothing of HTTP.

    `bind` gives it the event loop in which its coroutines run.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.metrics = Metrics(Path(config.runtime) if config.runtime else None)
        self.repository = Repository(config, self.metrics)
        self.shadow = Shadow()
        self.is_stopping = False
        self._loop: AbstractEventLoop
        self._scheduler: Scheduler
        # The loop itself keeps no tasks.
        self._comparing: set[Task[None]] = set()
        self._operations = OperationQueue(config.max_waiting, config.threads)

    def bind(self, loop: AbstractEventLoop) -> Scheduler:
        """Let what takes long run on threads, for this event loop."""
        self._loop = loop
        executor = ThreadPoolExecutor(self.config.threads, thread_name_prefix="compute")
        self._scheduler = Scheduler(loop, executor, self.config.threads)
        return self._scheduler

    async def compute(self, context: RequestContext, function: Callable[[], Any]) -> Any:
        """What a function returns, called on a thread; its error, or ServiceError 499, 503 or 504."""
        return await self._scheduler.compute(self._operations, context.deadline, function)

    async def read(self, context: RequestContext, size: int, function: Callable[[], Any]) -> Any:
        """What a function makes of so many bytes, called on a thread if these are many."""
        return function() if size <= SMALL else await self.compute(context, function)

    async def write(self, context: RequestContext, rows: int, function: Callable[[], Any]) -> Any:
        """What a function makes of so many rows, called on a thread if these are many."""
        return function() if rows <= FEW_ROWS else await self.compute(context, function)

    async def model(
        self, context: RequestContext, name: str | None, version: int | str | None = None, kind: str = ""
    ) -> Model:
        """The model that a request asks; ServiceError 400, 403, 404 or 503."""
        name = self.repository.only(kind, context.may_ask) if name is None else name
        model = self.repository.at_hand(name, version, context.may_ask)
        # Only the names of models that there are: what is counted by them stays bounded.
        context.model = name
        if model is None:
            model = ready(await wrap_future(self.repository.load(name, version, context.may_ask)))
        context.version = model.version
        return model

    async def decode(self, context, model, asked, size):
        from serving.codecs import images

        are_files = model.kind == "image" and images.are_files(asked)
        return await self.read(context, 2**62 if are_files else size, partial(self._decode, model, asked))

    async def decode_named(self, context, model, given, size):
        are_files = model.kind == "image" and any(x.dtype.kind == "O" for x in given.values())
        return await self.read(context, 2**62 if are_files else size, partial(self._decode_named, model, given))

    def _decode(self, model, asked):
        from serving.codecs import images, tables, tensors, texts

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

    def _decode_named(self, model, given):
        from serving.codecs import named_tensors

        return named_tensors.read(given, model.card, model.signature, self.config.max_elements)

    async def run(
        self, context: RequestContext, model: Model, inputs: Arrays, size: int = 0, signature: str = ""
    ) -> Arrays:
        """The outputs for inputs that were read from `size` bytes; ServiceError 413, 422, 499, 503 or 504."""
        rows = count_rows(inputs)
        if rows > self.config.max_rows:
            raise ServiceError(413, TOO_MANY.format(rows, self.config.max_rows))
        batcher = model.batcher_of(signature)
        form = ROWS if model.card else batcher.engine.batch_key(inputs)
        call = InferenceCall(inputs, context.deadline, form, size <= SMALL, context.on_run)
        outputs = await self._scheduler.infer(batcher, call)
        other = self.repository.shadow(model)
        if other and not signature and self.shadow.begin(other):
            task = self._loop.create_task(self._compare(other, inputs, outputs))
            self._comparing.add(task)
            task.add_done_callback(self._comparing.discard)
        return outputs

    async def _compare(self, model: Model, inputs: Arrays, expected: Arrays) -> None:
        """Ask a shadow too, and compare what it answers."""
        try:
            call = InferenceCall(inputs, Deadline(), may_inline=False)
            outputs = await self._scheduler.infer(model.batcher_of(""), call)
            self.shadow.compare(model, expected, outputs)
        except Exception as error:
            self.shadow.fail(model, error)


def document(model: Model, outputs: Arrays, rows: int, seconds: float) -> bytes:
    """Our own answer: a JSON object with one prediction a row."""
    head = {
        "model": model.name,
        "version": model.version,
        "engine": model.engine,
        "milliseconds": round(1000 * seconds, 3),
    }
    written = model.write(outputs) if model.write else responses.tensors(outputs, rows)
    return f'{json.dumps(head)[:-1]}, "predictions": {written}}}\n'.encode()


def _of_csv(model, columns):
    import numpy as np

    from serving.codecs import csv

    if model.card and model.kind == "table":
        return csv.raw_inputs(columns, model.card.inputs, model.card.ignored)
    if model.card and model.kind == "text":
        name = model.card.inputs[0].name
        if name not in columns:
            raise ServiceError(400, f"the CSV has no column '{name}': name the column of texts so")
        return {name: np.array(columns[name], object)}
    raise ServiceError(400, f"the model '{model.name}' takes no CSV: send JSON")
