"""Runs models on decoded inputs. The handlers of all protocols use this."""

import json
from asyncio import AbstractEventLoop, Task, wrap_future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from math import inf
from pathlib import Path
from typing import TypeVar

from serving.codecs.base import Codec, Limits, Named
from serving.codecs.payload import Payload
from serving.config import Config
from serving.context import RequestContext
from serving.deadline import Deadline
from serving.engines.base import Arrays, count_rows
from serving.models.catalogue import ready
from serving.models.loader import Model
from serving.models.repository import Repository
from serving.models.shadow import Shadow, size_of
from serving.observability.metrics import Metrics
from serving.scheduling.calls import DEFAULT_BATCH_KEY, InferenceCall
from serving.scheduling.operations import OperationQueue
from serving.scheduling.scheduler import Scheduler

Result = TypeVar("Result")
# The event loop itself parses up to this many bytes, and encodes up to this many elements: a thread would not pay off.
INLINE_BYTES, INLINE_ELEMENTS = 2**14, 4096


class InferenceService:
    """Finds models, runs them, and decodes and encodes their data; independent of HTTP.

    Call `bind` with the event loop in which its coroutines run.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.limits = Limits.of(config)
        self.metrics = Metrics(Path(config.runtime) if config.runtime else None)
        self.repository = Repository(config, self.metrics)
        self.shadow = Shadow()
        self.is_stopping = False
        self._loop: AbstractEventLoop
        self._scheduler: Scheduler
        # References to running tasks: the event loop itself only keeps weak ones.
        self._comparing: set[Task[None]] = set()
        self._operations = OperationQueue(config.max_waiting, config.threads)

    def bind(self, loop: AbstractEventLoop) -> Scheduler:
        """Create the scheduler and its threads for this event loop."""
        self._loop = loop
        executor = ThreadPoolExecutor(self.config.threads, thread_name_prefix="compute")
        self._scheduler = Scheduler(loop, executor, self.config.threads)
        return self._scheduler

    async def compute(self, context: RequestContext, function: Callable[[], Result]) -> Result:
        """Call a function on a thread and return its result; raise its error, or ServiceError 499, 503 or 504."""
        result: Result = await self._scheduler.compute(self._operations, context.deadline, function)
        return result

    async def read(self, context: RequestContext, size: float, function: Callable[[], Result]) -> Result:
        """Call a function that parses `size` bytes and return its result; use a thread if these are many."""
        return function() if size <= INLINE_BYTES else await self.compute(context, function)

    async def write(self, context: RequestContext, elements: int, function: Callable[[], Result]) -> Result:
        """Call a function that encodes this many elements and return its result; use a thread if these are many."""
        return function() if elements <= INLINE_ELEMENTS else await self.compute(context, function)

    async def model(
        self, context: RequestContext, name: str | None, version: int | str | None = None, kind: str = ""
    ) -> Model:
        """Return the model for a request, loading it if necessary; raise ServiceError 400, 403, 404 or 503."""
        name = self.repository.only(kind, context.may_ask) if name is None else name
        model = self.repository.find_ready(name, version, context.may_ask)
        # Only set for existing models, so that the number of metrics by model stays bounded.
        context.model = name
        if model is None:
            model = ready(await wrap_future(self.repository.load(name, version, context.may_ask)))
        context.version = model.version
        return model

    async def decode(self, context: RequestContext, codec: Codec, payload: Payload, size: float) -> Arrays:
        """Decode a payload read from `size` bytes into raw inputs; raise ServiceError 400, 413, 499, 503 or 504."""
        cost = inf if codec.is_slow(payload) else size
        return await self.read(context, cost, partial(codec.decode, payload, context.deadline))

    async def decode_named(self, context: RequestContext, codec: Codec, tensors: Named, size: float) -> Arrays:
        """Decode arrays by input name into raw inputs; raise ServiceError 400, 413, 499, 503 or 504."""
        cost = inf if codec.is_slow(tensors) else size
        return await self.read(context, cost, partial(codec.decode_named, tensors, context.deadline))

    async def run(
        self, context: RequestContext, model: Model, inputs: Arrays, size: float = 0, signature: str = ""
    ) -> Arrays:
        """Run a model on inputs read from `size` bytes and return its outputs.

        Raise ServiceError 413, 422, 499, 503 or 504.
        """
        rows = count_rows(inputs)
        self.limits.check_rows(rows)
        batcher = model.batcher_of(signature)
        batch_key = DEFAULT_BATCH_KEY if model.card else batcher.engine.batch_key(inputs)
        call = InferenceCall(inputs, context.deadline, batch_key, size <= INLINE_BYTES, context.on_run)
        outputs = await self._scheduler.infer(batcher, call)
        other = self.repository.shadow(model)
        if other and not signature:
            self._begin_comparison(other, inputs, outputs)
        return outputs

    def _begin_comparison(self, model: Model, inputs: Arrays, expected: Arrays) -> None:
        """Begin to run the shadow version on the same inputs, unless too much is being compared."""
        size = size_of(inputs) + size_of(expected)
        if self.shadow.begin(model, size):
            task = self._loop.create_task(self._compare(model, inputs, expected, size))
            self._comparing.add(task)
            task.add_done_callback(self._comparing.discard)

    async def _compare(self, model: Model, inputs: Arrays, expected: Arrays, size: int) -> None:
        """Run the shadow version on the same inputs, and compare its outputs."""
        try:
            call = InferenceCall(inputs, Deadline(), may_inline=False)
            outputs = await self._scheduler.infer(model.batcher_of(""), call)
            self.shadow.compare(model, expected, outputs, size)
        except Exception as error:
            self.shadow.fail(model, error, size)


def document(model: Model, outputs: Arrays, rows: int, seconds: float) -> bytes:
    """Return the response body of /predict: a JSON object with one prediction a row."""
    head = _head(model.name, model.version, model.engine)
    return f'{head}{round(1000 * seconds, 3)}, "predictions": {model.codec.encode(outputs, rows)}}}\n'.encode()


@lru_cache(1024)
def _head(name: str, version: int, engine: str) -> str:
    """Return the beginning of the response, which is the same for all responses of a model."""
    return json.dumps({"model": name, "version": version, "engine": engine})[:-1] + ', "milliseconds": '
