"""Extensions of the Open Inference Protocol that Triton's client uses: model configuration and statistics.

Requests for trace settings, log settings and shared memory get an error that says that they are not supported.

https://github.com/triton-inference-server/server/tree/main/docs/protocol
"""

import re
from typing import Any, NoReturn

from flask import Blueprint

from serving.codecs.open_inference import OF_DTYPE
from serving.errors import ServiceError
from serving.models import catalogue, loader
from serving.models.loader import READY, Model
from serving.routes import loaded, may_ask, service
from serving.routes.open_inference import PLATFORMS
from serving.signature import Tensor

views = Blueprint("triton", __name__, url_prefix="/v2")

BACKENDS = {"tf": "tensorflow", "litert": "litert", "onnx": "onnxruntime"}
SHARED_MEMORY = ("systemsharedmemory", "cudasharedmemory")
SERIES = re.compile(r'(suite_\w+)\{model="(?P<model>[^"]*)"(?P<rest>[^}]*)\} (?P<value>\S+)')
NANOSECONDS = 1_000_000_000


@views.get("/models/<name>/config")
@views.get("/models/<name>/versions/<int:version>/config")
def config(name: str, version: int | None = None) -> dict[str, Any]:
    """Describe the tensors of a model and how its requests are batched."""
    model = catalogue.ready(loaded(name, version))
    limits = loader.limits(model, service().config)
    tensors = (*model.signature.inputs.values(), *model.signature.outputs.values())
    is_batched = all(tensor.shape and tensor.shape[0] is None for tensor in tensors)
    described: dict[str, Any] = {
        "name": model.name,
        "platform": PLATFORMS.get(model.engine, model.engine),
        "backend": BACKENDS.get(model.engine, model.engine),
        "version_policy": {"specific": {"versions": [model.version]}},
        "max_batch_size": service().config.max_rows if is_batched else 0,
        "input": [_tensor(key, one, is_batched) for key, one in model.signature.inputs.items()],
        "output": [_tensor(key, one, is_batched) for key, one in model.signature.outputs.items()],
    }
    if limits.max_rows > 1:
        described["dynamic_batching"] = {
            "preferred_batch_size": [limits.max_rows],
            "max_queue_delay_microseconds": round(1e6 * limits.max_delay),
            "default_queue_policy": {"max_queue_size": limits.max_waiting},
        }
    return described


@views.get("/models/stats")
@views.get("/models/<name>/stats")
@views.get("/models/<name>/versions/<int:version>/stats")
def statistics(name: str | None = None, version: int | None = None) -> dict[str, Any]:
    """Return statistics of one model or of all models, summed over all workers and all versions of a model."""
    repository = service().repository
    if name is None:
        ready = [model for model in repository.models(may_ask()) if model.state == READY]
        models = [model for model in ready if repository.answers(model)]
    else:
        models = [catalogue.ready(loaded(name, version))]
        if not repository.answers(models[0]):
            raise ServiceError(400, "all versions of a model are counted together: ask without a version")
    counted = _counted()
    return {"model_stats": [_statistics(model, counted.get(model.name, {})) for model in models]}


@views.route("/trace/setting", methods=["GET", "POST"])
@views.route("/models/<name>/trace/setting", methods=["GET", "POST"])
def trace_setting(name: str = "") -> NoReturn:
    """Refuse: these settings are fixed when the service starts."""
    raise ServiceError(
        501, "traces cannot be set by requests: OpenTelemetry's variables (OTEL_...) set them as the service starts"
    )


@views.route("/logging", methods=["GET", "POST"])
def logging() -> NoReturn:
    """Refuse: these settings are fixed when the service starts."""
    raise ServiceError(501, "the log cannot be set by requests: SUITE_ACCESS_LOG sets it as the service starts")


def shared_memory_status(region: str = "") -> list[Any]:
    """List the regions of shared memory, of which there are none."""
    if region:
        raise ServiceError(404, f"there is no region '{region[:50]}': this service takes tensors in the body alone")
    return []


def register_shared_memory(region: str) -> NoReturn:
    """Refuse: the service does not use shared memory."""
    raise ServiceError(501, "shared memory is not used: send tensors in the body, as binary data")


def unregister_shared_memory(region: str = "") -> dict[str, Any]:
    """Do nothing, because nothing was registered."""
    return {}


for kind in SHARED_MEMORY:
    for rule in (f"/{kind}/", f"/{kind}/region/<region>/"):
        views.add_url_rule(f"{rule}status", f"{kind}_status", shared_memory_status)
        views.add_url_rule(f"{rule}unregister", f"{kind}_unregister", unregister_shared_memory, methods=["POST"])
    rule = f"/{kind}/region/<region>/register"
    views.add_url_rule(rule, f"{kind}_register", register_shared_memory, methods=["POST"])


def _tensor(name: str, tensor: Tensor, is_batched: bool) -> dict[str, Any]:
    datatype = OF_DTYPE.get(tensor.dtype, tensor.dtype.upper()).replace("BYTES", "STRING")
    shape = (None,) if tensor.shape is None else tensor.shape[is_batched:]
    return {"name": name, "data_type": f"TYPE_{datatype}", "dims": [-1 if one is None else one for one in shape]}


def _counted() -> dict[str, dict[str, float]]:
    """Sum the metrics of all workers by model and series; requests are also split by whether the status is 200."""
    found: dict[str, dict[str, float]] = {}
    for line in service().metrics.text().splitlines():
        series = SERIES.fullmatch(line)
        if series and "_bucket" not in series[1]:
            ending = "" if "status=" not in series["rest"] else "_ok" if 'status="200"' in series["rest"] else "_failed"
            sums = found.setdefault(series["model"], {})
            sums[series[1] + ending] = sums.get(series[1] + ending, 0.0) + float(series["value"])
    return found


def _statistics(model: Model, counted: dict[str, float]) -> dict[str, Any]:
    def duration(name: str) -> dict[str, int]:
        seconds, count = (counted.get(f"suite_{name}_seconds_{part}", 0.0) for part in ("sum", "count"))
        return {"count": int(count), "ns": int(seconds * NANOSECONDS)}

    asked = duration("request")
    failed = int(counted.get("suite_requests_total_failed", 0.0))
    return {
        "name": model.name,
        "version": str(model.version),
        "inference_count": int(counted.get("suite_batch_rows_sum", 0.0)),
        "execution_count": int(counted.get("suite_batch_rows_count", 0.0)),
        "inference_stats": {
            # The time of failed requests is not kept separately; they are few and quick.
            "success": asked | {"count": int(counted.get("suite_requests_total_ok", 0.0))},
            "fail": {"count": failed, "ns": 0},
            "queue": duration("queue"),
            "compute_infer": duration("model"),
        },
    }
