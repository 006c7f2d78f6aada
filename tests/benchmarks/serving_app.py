"""The service with one more route, which reads the body and answers nothing of use: what any answer costs at least."""

from flask import Flask, request

from serving.app import create_app


def create() -> Flask:
    """The application."""
    app = create_app()

    @app.post("/noop")
    def noop() -> dict[str, int]:
        return {"bytes": len(request.get_data(cache=False))}

    return app
