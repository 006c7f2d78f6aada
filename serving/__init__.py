"""The prediction service: a Flask application under gunicorn that answers from saved models."""
