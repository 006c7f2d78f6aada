"""gunicorn's settings, from the same environment as the service. Nothing heavy is imported here: this is the master."""

import os
import tempfile
from pathlib import Path

from serving.config import Config
from serving.process import die_with

_config = Config.from_environment()
_memory = Path("/dev/shm")

bind = f"{_config.host}:{_config.port}"
worker_class = "gthread"
workers = _config.workers
threads = _config.threads
timeout = _config.timeout
graceful_timeout = 20
keepalive = 30
# Models are loaded after the fork: TensorFlow does not survive one.
preload_app = False
# Workers prove that they live by touching a file: not on a disk that may stall.
worker_tmp_dir = str(_memory) if os.access(_memory, os.W_OK) else tempfile.gettempdir()
control_socket_disable = True
accesslog = "-" if _config.access_log else None
errorlog = "-"
loglevel = "info"


def on_starting(server: object) -> None:
    """End with the process that started the service, where it asked for that."""
    if _config.parent:
        die_with(_config.parent)
