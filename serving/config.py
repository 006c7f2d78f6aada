"""The settings of the service. Only this module reads them from the environment."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from suite import files
from suite.config import cores
from suite.errors import UsageError, shortened, unknown

PREFIX = "SUITE_"
MEBIBYTE = 2**20
SHOWN = 40
LONGEST_NUMBER = 20
# Settings that a running master cannot change.
FIXED_AT_START = ("host", "port", "runtime", "settings", "parent")
AUTO = "auto"
DAY = 86_400
# The least and the most that each setting which is a number may be. Larger numbers are slips of the pen, and would fail
# only when they are used, as a timeout, a port or a number of processes.
RANGES = {
    "port": (0, 65_535),
    # Each worker has a slot in the shared memory, and a reload doubles their number for a moment.
    "workers": (1, 128),
    "threads": (1, 1_000),
    "timeout": (0, DAY),
    "max_body": (1, 2**34),
    "max_rows": (1, 10_000_000),
    "max_elements": (1, 2**34),
    "max_waiting": (0, 10_000),
    "max_batch": (1, 10_000),
    "max_delay_ms": (0, 10_000),
    "poll": (0, DAY),
    "keep": (1, 1_000),
    "access_log": (0, 1),
    "keep_alive": (1, DAY),
    "max_connections": (1, 1_000_000),
    "parent": (0, 2**31 - 1),
}
# The path under which a proxy serves the service: empty, or parts that each begin with a slash.
PATH = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+)*")
FASTEST_FIRST = ("litert", "onnx", "tf")


def default_workers() -> int:
    """Return how many workers a service has if nobody says so: one a core."""
    return min(cores(), RANGES["workers"][1])


@dataclass(frozen=True)
class Config:
    """Settings of a service. Each is read from the environment variable SUITE_ plus its name in capitals.

    `max_body` is in bytes; `max_elements` limits the numbers of one request once decoded. A worker computes on
    `threads` threads and has up to `max_connections`, each kept open for `keep_alive` seconds between requests. Up to
    `max_waiting` requests wait for a model; they run in batches of up to `max_batch` rows, which wait up to
    `max_delay_ms` for more. The store is checked every `poll` seconds (0: once), and the newest `keep` versions of each
    model are loaded. `root_path` is the prefix under which a proxy serves the service; X-Forwarded headers of
    `trusted_proxies` are trusted. With a file of `keys`, requests need one of them; with a `certificate` and its
    `private_key`, the service speaks TLS. A client on this machine that has the `admin_token` may load and unload
    models. A file of `settings` takes precedence over the environment and is read again when the master gets SIGHUP.
    Workers share a `runtime` folder in memory. The service ends together with the process `parent` (0: none).
    """

    models: Path = Path("saved_models")
    host: str = "127.0.0.1"
    port: int = 8501
    engine: str = AUTO
    workers: int = field(default_factory=default_workers)
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
        """Read the settings, with defaults for those that are missing; raise UsageError for an invalid value."""
        values: dict[str, object] = {}
        for item in fields(cls):
            variable = PREFIX + item.name.upper()
            if variable in environment:
                values[item.name] = _read(variable, environment[variable], item.type)
        config = cls(**values)  # type: ignore[arg-type]
        config.check()
        return config

    def check(self) -> None:
        """Raise UsageError for a value that is not allowed."""
        for item in fields(self):
            if not _is_exportable(str(getattr(self, item.name))):
                variable = f"{PREFIX}{item.name.upper()}"
                raise UsageError(f"{variable} has a zero byte or half a character, as no path or text has: take it out")
        if self.engine not in (AUTO, *FASTEST_FIRST):
            raise unknown("engine", self.engine, [AUTO, *FASTEST_FIRST])
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise UsageError(f"{PREFIX}{name.upper()} is {value}: give a whole number from {least} to {most}")
        if not PATH.fullmatch(self.root_path):
            raise UsageError(f"{PREFIX}ROOT_PATH is '{self.root_path[:SHOWN]}': give a path like /ml")

    @classmethod
    def of_file(cls, file: Path) -> dict[str, str]:
        """Read a JSON file of settings into environment variables; raise UsageError for an invalid file or setting."""
        try:
            found = json.loads(files.read_small(file))
            values = {name: _written(name, value) for name, value in found.items()}
        except (OSError, ValueError, AttributeError, RecursionError) as error:
            reason = files.explain(error)
            raise UsageError(f'{file} holds no settings ({reason}): write it like {{"max_batch": 32}}') from error
        names = [item.name for item in fields(cls) if item.name not in FIXED_AT_START]
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
        """Return the variables from which `from_environment` reads the same settings."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["access_log"] = int(self.access_log)
        return {PREFIX + name.upper(): str(value) for name, value in values.items()}

    @property
    def address(self) -> str:
        """The host and the port, as in a URL: an IPv6 address is in brackets there."""
        is_ipv6 = self.host.count(":") > 1 and not self.host.startswith("[")
        return f"{f'[{self.host}]' if is_ipv6 else self.host}:{self.port}"

    @property
    def engine_threads(self) -> int:
        """The cores that the engine of one worker may use, so that all workers share the available cores."""
        return max(1, cores() // self.workers)


def traces_wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether OpenTelemetry's variables name an endpoint for traces; its library reads its other variables."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    names = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return any(environment.get(name) for name in names)


def _written(name: str, value: object) -> str:
    """Format a setting as the value of its environment variable; raise ValueError for another type."""
    if not isinstance(value, str | int):
        raise ValueError(f"'{name}' is {json.dumps(value)[:SHOWN]}, and no number, text, true or false")
    return str(int(value) if isinstance(value, bool) else value)


def _is_exportable(text: str) -> bool:
    """Return whether a text can be the value of an environment variable, through which workers get the settings."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _read(variable: str, text: str, kind: object) -> object:
    if kind in (str, Path):
        return Path(text) if kind is Path else text
    # Python refuses to read a number of thousands of digits, and no setting is one of more than LONGEST_NUMBER.
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER):
        least, most = RANGES[variable.removeprefix(PREFIX).lower()]
        raise UsageError(f"{variable} is {shortened(text)!r}: give a whole number from {least} to {most}")
    number = int(text)
    return bool(number) if kind is bool and number in (0, 1) else number
