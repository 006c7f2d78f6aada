"""What can be set, and the only place where the service reads its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from suite.errors import UsageError

PREFIX = "SUITE_"
QUOTA = Path("/sys/fs/cgroup/cpu.max")
QUOTA_V1 = Path("/sys/fs/cgroup/cpu")
MEBIBYTE = 2**20
AUTO = "auto"
FASTEST_FIRST = ("litert", "onnx", "tf")


def cores() -> int:
    """The processor cores this process may use: its affinity, and its container's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return max(1, min(allowed, round(quota))) if quota else allowed


def _quota() -> float | None:
    try:
        if QUOTA.exists():
            limit, period = QUOTA.read_text().split()
        else:
            limit, period = ((QUOTA_V1 / f"cpu.cfs_{part}_us").read_text() for part in ("quota", "period"))
        return float(limit) / float(period) if float(limit) > 0 else None
    except (OSError, ValueError):
        # No control group, or no limit in it ("max").
        return None


@dataclass(frozen=True)
class Config:
    """Settings of a service; each is also read from the environment as SUITE_ and its name in capitals.

    Sizes of bodies are bytes; `max_elements` bounds the numbers of one request once decoded. `threads` is how many
    requests a worker has in hand, those that wait for a model included. At most `max_waiting` more wait; those for the
    same model run together, up to `max_batch` rows, and wait `max_delay_ms` for others. The store is looked at every
    `poll` seconds (0: once); of each model the newest `keep` versions are loaded. With a file of `keys` only who has
    one is answered; with a `certificate` and its `private_key` it is over TLS. Workers share a `runtime` folder in
    memory. `parent` is a process whose end the service must not outlive (0: none).
    """

    models: Path = Path("saved_models")
    host: str = "127.0.0.1"
    port: int = 8501
    engine: str = AUTO
    workers: int = field(default_factory=cores)
    threads: int = 64
    timeout: int = 60
    max_body: int = 32 * MEBIBYTE
    max_rows: int = 10_000
    max_elements: int = 64 * MEBIBYTE
    max_waiting: int = 256
    max_batch: int = 64
    max_delay_ms: int = 0
    poll: int = 1
    keep: int = 1
    access_log: bool = False
    keys: str = ""
    certificate: str = ""
    private_key: str = ""
    runtime: str = ""
    parent: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Config":
        """The settings in the environment, and defaults; UsageError naming a variable that is not a number."""
        values: dict[str, object] = {}
        for item in fields(cls):
            variable = PREFIX + item.name.upper()
            if variable in environment:
                values[item.name] = _read(variable, environment[variable], item.type)
        return cls(**values)  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        """The variables from which `from_environment` reads the same settings."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["access_log"] = int(self.access_log)
        return {PREFIX + name.upper(): str(value) for name, value in values.items()}

    @property
    def engine_threads(self) -> int:
        """The cores that one worker's engine may use, so that all workers together do not use more than there are."""
        return max(1, cores() // self.workers)


def traces_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether OpenTelemetry's own variables name a place for traces; the rest of those is for its library to read."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    names = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return any(environment.get(name) for name in names)


def _read(variable: str, text: str, kind: object) -> object:
    if kind in (str, Path):
        return Path(text) if kind is Path else text
    if not text.isdecimal():
        raise UsageError(f"{variable} is '{text}': give a whole number")
    return bool(int(text)) if kind is bool else int(text)
