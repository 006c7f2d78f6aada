"""POST /predict: instances in, predictions out."""

import json
import time

from flask import Blueprint, Response, current_app, request

from serving.codec import answers, body, images, tables, tensors, texts
from serving.codec.body import Asked
from serving.config import Config
from serving.engines import Arrays
from serving.errors import ServiceError
from serving.repository import Model, Repository
from suite.errors import SuiteError

routes = Blueprint("predict", __name__)


@routes.post("/predict")
def predict() -> Response:
    """Answer JSON {"model"?, "version"?, "instances": [...]}, or pictures uploaded as a form."""
    start = time.perf_counter()
    config: Config = current_app.config["SERVICE"]
    repository: Repository = current_app.extensions["repository"]
    asked = body.read(request, config.max_body, config.max_rows)
    model = repository.get(asked.model, asked.version, "image" if asked.files else "")
    predictions = _answer(model, asked, config.max_elements)
    milliseconds = round((time.perf_counter() - start) * 1000, 3)
    head = {"model": model.name, "version": model.version, "engine": _engine(model), "milliseconds": milliseconds}
    return Response(f'{json.dumps(head)[:-1]}, "predictions": {predictions}}}\n', mimetype="application/json")


def _answer(model: Model, asked: Asked, max_elements: int) -> str:
    assert model.engine is not None
    raw = _decode(model, asked, max_elements)
    try:
        outputs = model.engine.run(raw)
    except SuiteError as error:
        raise ServiceError(422, str(error)) from error
    return model.write(outputs) if model.write else answers.tensors(outputs, asked.rows)


def _engine(model: Model) -> str:
    return model.engine.name if model.engine else ""


def _decode(model: Model, asked: Asked, max_elements: int) -> Arrays:
    """The model's raw inputs."""
    card = model.card
    if card is None:
        return tensors.read(asked, model.signature.inputs, max_elements)
    if model.kind == "image":
        spec = card.inputs[0]
        height, width, channels = spec.shape
        return {spec.name: images.read(asked, (height, width, channels), max_elements)}
    if asked.files:
        raise ServiceError(400, f"the model '{model.name}' takes no pictures: send JSON 'instances'")
    if model.kind == "text":
        return {card.inputs[0].name: texts.read(asked.instances)}
    return tables.read(asked.instances, card.inputs, card.ignored)
