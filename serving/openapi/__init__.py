"""Generates an OpenAPI 3.1 document for the loaded models."""

from typing import Any

from serving.models.loader import READY, Model
from serving.openapi import instances, ops, predict, tfserving, v2
from serving.openapi.operations import SECURITY, Paths, Schema, Shown, error_responses, guarded

LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
ABOUT = """Predictions from saved models. Every body here is checked as its schema says, and every example works.

- A version that does not answer by itself is asked at `/versions/N`, or by what it is called at `/labels/L`, under the
  same addresses of `/v1/models/NAME` and, but for labels, `/v2/models/NAME`.
- Bodies may come in gzip, deflate or zstd (`Content-Encoding`).
- `X-Request-Timeout-Ms` says how long the sender waits: what would come later is not computed (504).
- `X-Request-Id` is kept, or made, and answered.
"""


def document(models: list[tuple[Model, bool]], version: str, needs_key: bool, max_rows: int) -> dict[str, Any]:
    """Return the document for models, each given with whether it answers requests that name no version."""
    is_only = len({model.name for model, _ in models}) == 1
    ready = [(model, is_default) for model, is_default in models if model.state == READY]
    shown = [Shown(model, is_default, is_only and is_default, max_rows) for model, is_default in ready]
    schemas: dict[str, Schema] = dict(ops.SCHEMAS)
    paths: Paths = predict.paths(shown)
    for one in shown:
        schemas |= {
            one.part("instance"): instances.instance(one.model),
            one.part("output"): instances.output(one.model),
            **predict.schemas(one),
        }
        paths |= tfserving.paths(one) | v2.paths(one)
    paths |= ops.paths()
    return {
        "openapi": "3.1.0",
        "info": {"title": "suite", "version": version, "description": ABOUT, "license": LICENSE},
        # Relative to the URL of the document, so that requests reach the service under any prefix of a proxy.
        "servers": [{"url": "."}],
        "tags": [*ops.TAGS, *({"name": name} for name in sorted({one.model.name for one in shown}))],
        "paths": guarded(paths, ops.KEYLESS_PATHS) if needs_key else paths,
        "components": {
            "schemas": schemas,
            "responses": error_responses(),
            "headers": ops.HEADERS,
            **(SECURITY if needs_key else {}),
        },
    }
