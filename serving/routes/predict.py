"""POST /predict: instances in, predictions out."""

from time import perf_counter
from typing import TYPE_CHECKING

from serving import context as arrival
from serving.codecs import payload as body
from serving.http.dispatch import Reply, View
from serving.inference import Core, document
from serving.scheduling import deadline as patience

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


async def predict(core: Core, environ: "WSGIEnvironment") -> Reply:
    """Answer JSON {"model"?, "version"?, "instances": [...]}, pictures uploaded as a form, or one raw value."""
    start = perf_counter()
    asked = body.read(environ, core.config.max_body, core.config.max_rows)
    model = await core.model(arrival.of(environ), asked.model, asked.version, "image" if asked.files else "")
    waits = patience.of_request(environ)
    outputs = await core.run(model, await core.decode(model, asked, waits), waits)
    return Reply(document(model, outputs, asked.rows, perf_counter() - start).encode())


VIEWS: list[tuple[str, View]] = [("/predict", predict)]
