"""POST /predict: instances in, predictions out."""

import time

from flask import Blueprint, Response, request

from serving.codec import body
from serving.core import document
from serving.routes import core, patience

routes = Blueprint("predict", __name__)


@routes.post("/predict")
def predict() -> Response:
    """Answer JSON {"model"?, "version"?, "instances": [...]}, pictures uploaded as a form, or one raw value."""
    start, here = time.perf_counter(), core()
    asked = body.read(request, here.config.max_body, here.config.max_rows)
    model = here.repository.get(asked.model, asked.version, "image" if asked.files else "")
    outputs = here.run(model, here.decode(model, asked), patience())
    return Response(document(model, outputs, asked.rows, time.perf_counter() - start), mimetype="application/json")
