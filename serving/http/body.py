"""temporary"""

import io

from serving.codecs import payload
from serving.http import content_encoding


def cost(request):
    """How many bytes are to be read number by number."""
    if "content-encoding" in request.headers:
        return 2**62
    before = request.headers.get("inference-header-content-length", "")
    if before.isdigit() and len(before) < 10 and len(request.body) <= 2**17:
        return int(before)
    if (
        request.headers.get("content-type") in ("application/octet-stream", "application/x-npy", "application/npy")
        and len(request.body) <= 2**17
    ):
        return 0
    return len(request.body)


def read(request, config):
    environ = {
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "QUERY_STRING": request.query,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "REQUEST_METHOD": "POST",
    }
    if "content-encoding" in request.headers:
        environ["HTTP_CONTENT_ENCODING"] = request.headers["content-encoding"]
    return payload.read(environ, config.max_body, config.max_rows)


def decoded(content, encoding, max_body):
    return content_encoding.decode(content, encoding, max_body) if encoding not in ("", "identity") else content


def content(request, config):
    return decoded(request.body, request.headers.get("content-encoding", ""), config.max_body)
