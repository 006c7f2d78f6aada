"""POST /predict: instances in, predictions out."""

from time import perf_counter
from typing import TYPE_CHECKING

from serving import context as arrival
from serving.http import body
from serving.http import content_encoding as content
from serving.http.dispatch import Reply, View
from serving.inference import Core, document
from serving.scheduling import deadline as patience

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


async def predict(core: Core, environ: "WSGIEnvironment") -> Reply:
    """Answer JSON {"model"?, "version"?, "instances": [...]}, pictures uploaded as a form, or one raw value."""
    start = perf_counter()
    waits = patience.of_request(environ)
    text = content.read(environ, core.config.max_body, waits)
    payload = body.read(
        environ.get("CONTENT_TYPE", ""), text, environ.get("QUERY_STRING", ""), core.limits, waits
    )  # fmt: skip
    model = await core.model(arrival.of(environ), payload.model, payload.version, "image" if payload.files else "")
    outputs = await core.run(model, await core.decode(model, payload, waits), waits)
    return Reply(document(model, outputs, payload.rows, perf_counter() - start).encode())


VIEWS: list[tuple[str, View]] = [("/predict", predict)]
