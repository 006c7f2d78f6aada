"""POST /predict, which returns predictions for instances."""

from functools import partial
from time import perf_counter

from serving.codecs import responses
from serving.codecs.payload import Payload
from serving.context import RequestContext
from serving.http import body
from serving.http.dispatch import Route
from serving.http.messages import Request, Response
from serving.inference import InferenceService, document


def routes(service: InferenceService) -> list[Route]:
    """Return the route of our own protocol."""

    async def predict(request: Request, context: RequestContext) -> Response:
        """Answer JSON {"model"?, "version"?, "instances": [...]}, pictures uploaded as a form, or one raw value."""
        started_at = perf_counter()
        size = body.cost(request)
        payload = await service.read(context, size, partial(read, request))
        model = await service.model(context, payload.model, payload.version, "image" if payload.files else "")
        inputs = await service.decode(context, model.codec, payload, size)
        outputs = await service.run(context, model, inputs, size)
        encode = partial(document, model, outputs, payload.rows, perf_counter() - started_at)
        content = await service.write(context, responses.count(outputs), encode)
        return Response(content, headers=responses.unused_columns(payload.unused))

    def read(request: Request) -> Payload:
        content = body.content(request, service.config.max_body)
        kind = request.headers.get("content-type", "")
        return body.read(kind, content, request.query, service.limits, request.deadline)

    return [Route("POST", "/predict", predict)]
