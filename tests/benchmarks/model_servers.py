"""The servers that are compared: our service and its rivals, how each is started, asked and read."""

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from serving.config import Config
from serving.server import launcher as run
from serving.server.launcher import Service
from tests.benchmarks import processes, rivals

HOST, WORKERS = "127.0.0.1", 2
# Seconds until a server must answer.
PATIENCE = 90.0
NETWORK = ("tensorflow==2.21.0", "ai-edge-litert==2.3.0")
APPLICATIONS = Path(__file__).with_name("rival_servers")
Probabilities = list[list[float]]


@dataclass(frozen=True)
class Server:
    """Something that serves the network: the body that asks it about pictures (N, 28, 28), what its answer says.

    `settled` returns once all of its workers answer, where it can be asked about that.
    """

    name: str
    engine: str
    path: str
    ask: Callable[[np.ndarray], Any]
    read: Callable[[Any], Probabilities]
    started: Callable[[], AbstractContextManager[Service]]
    settled: Callable[[Service], None] = lambda service: None


@dataclass(frozen=True)
class Rival:
    """A model server by others; `command` is made of its environment's programs, a folder of its own and ports."""

    name: str
    packages: tuple[str, ...]
    path: str
    ask: Callable[[np.ndarray], Any]
    read: Callable[[Any], Probabilities]
    command: Callable[[Path, Path, list[int], int], list[str]]

    def installed(self) -> str:
        """The interpreter of its environment."""
        return rivals.python(*NETWORK, *self.packages, apart=self.name.split()[0].lower())

    def server(self, model: Path, engine: str, rows: int) -> Server:
        """With the network on an engine, joining up to so many requests."""
        started = partial(_started, self, Path(self.installed()).parent, model, engine, rows)
        return Server(self.name, engine, self.path, self.ask, self.read, started)


def ours(models: Path, engine: str, **settings: object) -> Server:
    """Our service of the models in a folder."""
    config = Config(models=models, port=0, workers=WORKERS, engine=engine, **settings)  # type: ignore[arg-type]
    return Server(
        "suite serve", engine, "/predict", _ask, _read_ours, lambda: run.started(config),
        lambda service: run.wait_ready(service, WORKERS, PATIENCE),
    )  # fmt: skip


@contextmanager
def _started(rival: Rival, programs: Path, model: Path, engine: str, rows: int) -> Iterator[Service]:
    with tempfile.TemporaryDirectory() as name, (Path(name) / "log").open("wb") as log:
        ports = _free_ports(3)
        environment = {
            **os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(APPLICATIONS),
            "RIVAL_ENGINE": engine, "RIVAL_MODEL": str(model), "RIVAL_BATCH": str(rows),
            "RIVAL_WORKERS": str(WORKERS), "RIVAL_PORT": str(ports[0]), "CUDA_VISIBLE_DEVICES": "-1",
            "OMP_NUM_THREADS": "1", "BENTOML_HOME": name, "BENTOML_DO_NOT_TRACK": "True",
        }  # fmt: skip
        process = subprocess.Popen(
            rival.command(programs, Path(name), ports, rows), cwd=name, env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, process_group=0,
        )  # fmt: skip
        try:
            yield Service(f"http://{HOST}:{ports[0]}", process.pid, Path(log.name))
        finally:
            processes.end(process)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _litserve(programs: Path, folder: Path, ports: list[int], rows: int) -> list[str]:
    return [str(programs / "python"), str(APPLICATIONS / "litserve_app.py")]


def _bentoml(programs: Path, folder: Path, ports: list[int], rows: int) -> list[str]:
    return [str(programs / "bentoml"), "serve", "bentoml_app:Pictures", "--host", HOST, "--port", str(ports[0])]


def _mlserver(programs: Path, folder: Path, ports: list[int], rows: int) -> list[str]:
    named = dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True))
    settings = {"debug": False, "host": HOST, "parallel_workers": WORKERS, "metrics_dir": str(folder), **named}
    model: dict[str, object] = {"name": "pictures", "implementation": "mlserver_app.Pictures"}
    if rows > 1:
        model |= {"max_batch_size": rows, "max_batch_time": 0.002}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    return [str(programs / "mlserver"), "start", str(folder)]


def _ask(pictures: np.ndarray) -> Any:
    return {"instances": pictures.tolist()}


def _ask_v2(pictures: np.ndarray) -> Any:
    """Flat, which it reads fastest."""
    shape, data = list(pictures.shape), pictures.ravel().tolist()
    return {"inputs": [{"name": "image", "shape": shape, "datatype": "UINT8", "data": data}]}


def _read_ours(answer: Any) -> Probabilities:
    return [list(one["probabilities"].values()) for one in answer["predictions"]]


def _read_v2(answer: Any) -> Probabilities:
    (output,) = answer["outputs"]
    return np.reshape(output["data"], output["shape"]).tolist()  # type: ignore[no-any-return]


# uvloop and httptools make those faster that do not bring them.
RIVALS = (
    Rival(
        "LitServe 0.2.19", ("litserve==0.2.19",), "/predict", _ask, lambda answer: answer["predictions"], _litserve
    ),
    Rival(
        "BentoML 1.4.40", ("bentoml==1.4.40", "uvloop==0.23.0", "httptools==0.9.0"), "/predict", _ask,
        lambda answer: answer, _bentoml,
    ),
    # Its workers do not start with a later uvloop.
    Rival(
        "MLServer 1.7.1", ("mlserver==1.7.1", "uvloop==0.21.0", "httptools==0.9.0"), "/v2/models/pictures/infer",
        _ask_v2, _read_v2, _mlserver,
    ),
)  # fmt: skip
