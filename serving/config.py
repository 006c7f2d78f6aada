"""What can be set, and the only place where the service reads its environment."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from suite.errors import UsageError, unknown

PREFIX = "SUITE_"
QUOTA = Path("/sys/fs/cgroup/cpu.max")
QUOTA_V1 = Path("/sys/fs/cgroup/cpu")
MEBIBYTE = 2**20
SHOWN = 40
# What a master has from its start to its end.
OF_ONE_MASTER = ("host", "port", "runtime", "settings", "parent")
AUTO = "auto"
ONE_OR_MORE = (
    "workers",
    "threads",
    "max_body",
    "max_rows",
    "max_elements",
    "max_batch",
    "keep_alive",
    "max_connections",
)
# Where a proxy may serve the service: nothing, or parts of a path after slashes.
PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+)*")
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

    Sizes of bodies are bytes; `max_elements` bounds the numbers of one request once decoded. A worker computes on so
    many `threads`, and has up to `max_connections`, each kept for `keep_alive` seconds between requests. Of one model
    `max_waiting` requests may wait; they run together, up to `max_batch` rows, and wait `max_delay_ms` for others. The
    store is looked at every `poll` seconds (0: once); of each model the newest `keep` versions are loaded. A proxy
    serves the service at `root_path`; what `trusted_proxies` say in X-Forwarded headers is believed. With a file of
    `keys` only who has one is answered; with a `certificate` and its `private_key` it is over TLS. Who is on this
    machine and has the `admin_token` may load and unload models. A file of `settings` goes before all this, and is
    read anew when the master gets SIGHUP. Workers share a `runtime` folder in memory. `parent` is a process whose end
    the service must not outlive (0: none).
    """

    models: Path = Path("saved_models")
    host: str = "127.0.0.1"
    port: int = 8501
    engine: str = AUTO
    workers: int = field(default_factory=cores)
    threads: int = 4
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
    keep_alive: int = 75
    max_connections: int = 1000
    root_path: str = ""
    trusted_proxies: str = "127.0.0.1,::1"
    keys: str = ""
    certificate: str = ""
    private_key: str = ""
    runtime: str = ""
    admin_token: str = field(default="", repr=False)
    settings: str = ""
    parent: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Config":
        """The settings in the environment, and defaults; UsageError naming a variable that is not a number."""
        values: dict[str, object] = {}
        for item in fields(cls):
            variable = PREFIX + item.name.upper()
            if variable in environment:
                values[item.name] = _read(variable, environment[variable], item.type)
        config = cls(**values)  # type: ignore[arg-type]
        config._check()
        return config

    def _check(self) -> None:
        """UsageError for a value that no service can go by."""
        if self.engine not in (AUTO, *FASTEST_FIRST):
            raise unknown("engine", self.engine, [AUTO, *FASTEST_FIRST])
        for name in ONE_OR_MORE:
            if getattr(self, name) < 1:
                raise UsageError(f"{PREFIX}{name.upper()} is 0: give 1 or more")
        if not PATH.fullmatch(self.root_path):
            raise UsageError(f"{PREFIX}ROOT_PATH is '{self.root_path[:SHOWN]}': give a path like /ml")

    @classmethod
    def of_file(cls, file: Path) -> dict[str, str]:
        """What a JSON file of settings says, as environment variables; UsageError naming what makes no sense in it."""
        try:
            found = json.loads(file.read_bytes())
            values = {name: _written(name, value) for name, value in found.items()}
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            raise UsageError(f'{file} holds no settings ({error}): write it like {{"max_batch": 32}}') from error
        names = [item.name for item in fields(cls) if item.name not in OF_ONE_MASTER]
        for name in values:
            if name not in names:
                raise unknown("setting", name, names)
        variables = {PREFIX + name.upper(): value for name, value in values.items()}
        try:
            cls.from_environment(variables)
        except UsageError as error:
            raise UsageError(f"{file}: {error}") from error
        return variables

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


def _written(name: str, value: object) -> str:
    """A setting as its environment variable has it; ValueError."""
    if not isinstance(value, str | int):
        raise ValueError(f"'{name}' is {json.dumps(value)[:SHOWN]}, and no number, text, true or false")
    return str(int(value) if isinstance(value, bool) else value)


def _read(variable: str, text: str, kind: object) -> object:
    if kind in (str, Path):
        return Path(text) if kind is Path else text
    if not text.isdecimal():
        raise UsageError(f"{variable} is '{text}': give a whole number")
    return bool(int(text)) if kind is bool else int(text)
