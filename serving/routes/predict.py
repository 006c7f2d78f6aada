"""POST /predict: instances in, predictions out."""

from functools import partial
from time import perf_counter

from serving.context import RequestContext
from serving.http import body
from serving.http.dispatch import Route
from serving.http.messages import Request, Response
from serving.inference import InferenceService, document


def routes(service: InferenceService) -> list[Route]:
    """The route of our own protocol."""

    async def predict(request: Request, context: RequestContext) -> Response:
        """Answer JSON {"model"?, "version"?, "instances": [...]}, pictures uploaded as a form, or one raw value."""
        started_at = perf_counter()
        asked = await service.read(context, body.cost(request), partial(body.read, request, service.config))
        model = await service.model(context, asked.model, asked.version, "image" if asked.files else "")
        inputs = await service.decode(context, model, asked, body.cost(request))
        outputs = await service.run(context, model, inputs, body.cost(request))
        seconds = perf_counter() - started_at
        return Response(
            await service.write(context, asked.rows, partial(document, model, outputs, asked.rows, seconds))
        )

    return [Route("POST", "/predict", predict)]
