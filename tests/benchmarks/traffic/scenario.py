"""A service with all that is before it and around it, for scenes in which traffic of many kinds comes at once."""

import itertools
import multiprocessing
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep

from serving.config import Config
from serving.server import launcher
from serving.server.launcher import Service
from tests.benchmarks import processes, serving_mix
from tests.benchmarks.open_loop import request
from tests.benchmarks.serving_load import body
from tests.benchmarks.serving_mix import Models
from tests.benchmarks.traffic import disturbances, loads, proxies, secured
from tests.benchmarks.traffic.client import Address, Kind, Target
from tests.benchmarks.traffic.disturbances import Beats, Disturbances, Disturber
from tests.benchmarks.traffic.loads import Record
from tests.benchmarks.traffic.probe import probe
from tests.benchmarks.traffic.scene import Scene

WORKERS, MAX_BODY = 2, 4 * 2**20
# Shares of a processor core for clients that behave and for those that do not.
ORDINARY_SHARE, HOSTILE_SHARE = 0.35, 0.2
# Seconds for what was asked to be over before memory is weighed; weighings.
REST, WEIGHINGS = 2.0, 5
PROCESSES = 4


@dataclass
class Stage:
    """A service that is ready, another over TLS, proxies before the first, and processes for their clients."""

    service: Service
    secured: Service | None
    target: Target
    pool: ProcessPoolExecutor
    disturber: Disturber
    missing: Sequence[str]

    def play(
        self, seconds: float, loads_of: Mapping[str, tuple[Sequence[Kind], float]], beats: Beats | None = None
    ) -> Scene:
        """Have clients (kinds, and their share of a processor core) busy for so long, and the service disturbed."""
        begun = monotonic()
        until = begun + seconds
        sent: dict[str, Future[Record]] = {
            name: self.pool.submit(loads.send, kinds, self.target, until, share)
            for name, (kinds, share) in loads_of.items()
        }
        probed = self.pool.submit(probe, self.target, self._questions(), until)
        done = self.disturber.disturb(beats, until) if beats else Disturbances()
        return Scene(begun, {name: record.result() for name, record in sent.items()}, probed.result(), done)

    def ordinary(self) -> tuple[Sequence[Kind], float]:
        """Clients that behave."""
        return loads.well_behaved(self.target), ORDINARY_SHARE

    def hostile(self) -> tuple[Sequence[Kind], float]:
        """Clients that do not."""
        kinds = loads.hostile(self.target)
        if self.secured and not proxies.missing("openssl"):
            kinds += secured.WITH_OPENSSL
        return kinds, HOSTILE_SHARE

    def weigh(self) -> float:
        """Megabytes of the services, when nothing is asked and all their workers are ready."""
        disturbances.recovered(self.service, WORKERS)
        sleep(REST)
        services = [one for one in (self.service, self.secured) if one]
        weighed = []
        for _ in range(WEIGHINGS):
            weighed.append(sum(processes.pss(one.pid) for one in services))
            sleep(REST / WEIGHINGS)
        return statistics.median(weighed)

    def complaints(self) -> list[str]:
        """Lines of the services' logs that tell of something that was not foreseen."""
        lines = [line for one in (self.service, self.secured) if one for line in one.log.read_text().splitlines()]
        return [line for line in lines if "Traceback" in line or "CRITICAL" in line or "could not be answered" in line]

    def processes(self) -> list[int]:
        """All that has been started."""
        begun = [one.pid for one in (self.service, self.secured) if one]
        begun += [child.pid for child in multiprocessing.active_children() if child.pid]
        return [pid for one in begun for pid in processes.tree(one)]

    def _questions(self) -> dict[str, tuple[str, bytes]]:
        asked = request("/predict", body(self.target.models.text, "a warm start"))
        places = [("", "plain"), *([(" over TLS", "tls")] if self.secured else [])]
        return {
            f"{path}{suffix}": (place, content)
            for suffix, place in places
            for path, content in (("/healthz", request("/healthz")), ("a model", asked))
        }


@contextmanager
def staged(store: Path, models: Models, folder: Path, with_tls: bool = True) -> Iterator[Stage]:
    """A stage, with what is installed of nginx, haproxy and openssl; `missing` says what to do about the others."""
    missing = [problem for name in (*proxies.ALL, "openssl") if (problem := proxies.missing(name))]
    with ExitStack() as stack:
        config = Config(models=store, port=0, workers=WORKERS, max_body=MAX_BODY)
        service = stack.enter_context(launcher.started(config))
        addresses = {"plain": _address(service)}
        over_tls = None
        if with_tls and not proxies.missing("openssl"):
            certificate, key = made_certificate(folder)
            config = replace(config, workers=1, certificate=certificate, private_key=key)
            over_tls = stack.enter_context(launcher.started(config))
            addresses["tls"] = _address(over_tls, certificate)
        launcher.wait_ready(service, WORKERS, 60)
        for name, proxy in proxies.ALL.items():
            if not proxies.missing(name):
                addresses |= stack.enter_context(proxy(service.url.partition("//")[2], folder / name))
        pool = stack.enter_context(ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")))
        list(pool.map(_warm, range(PROCESSES)))
        model = store / models.picture
        folders = _new_versions(model, folder)
        others = [over_tls] if over_tls else []
        disturber = Disturber(service, WORKERS, model, folders, others)
        requests = tuple(one for one in serving_mix.mix(models) if b" /readyz " not in one[0])
        target = Target(addresses, models, MAX_BODY, requests)
        yield Stage(service, over_tls, target, pool, disturber, missing)


def made_certificate(folder: Path) -> tuple[str, str]:
    """A certificate for 127.0.0.1, and its key."""
    certificate, key = str(folder / "cert.pem"), str(folder / "key.pem")
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*made, *named, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


def _address(service: Service, certificate: str = "") -> Address:
    host, port = service.url.partition("//")[2].split(":")
    return Address(host, int(port), certificate)


def _new_versions(model: Path, folder: Path) -> Iterator[Path]:
    """Further versions of a model, made when they are needed."""
    first = model / "1"
    kept = shutil.copytree(first, folder / "first")
    for number in itertools.count(2):
        yield disturbances.new_version(kept, folder, number)


def _warm(number: int) -> None:
    """Have a process of the pool started, with all that is imported here."""
    sleep(0.3)
