"""nginx and haproxy before a service, as their documents recommend, for as long as a block lasts."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import processes
from tests.benchmarks.traffic.client import Address

HOST = "127.0.0.1"
# Seconds for a proxy to listen; and how often another port is tried where one was taken meanwhile.
PATIENCE, TRIES = 10.0, 3
NGINX = """\
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    upstream service {{
        server {service};
        keepalive 16;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto https;
    server {{
        listen {host}:{first};
        location / {{ proxy_pass http://service; }}
    }}
    server {{
        listen {host}:{second};
        location / {{
            proxy_pass http://service;
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
}}
"""
HAPROXY = """\
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option http-keep-alive
    option forwardfor
frontend public
    bind {host}:{first}
    http-request set-header X-Forwarded-Proto https
    default_backend service
backend service
    server service {service}
"""


@contextmanager
def nginx(service: str, folder: Path) -> Iterator[Mapping[str, Address]]:
    """With buffers for requests and answers, and without; in front of what listens at `service`."""
    folder.mkdir()
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    command = ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "proxy.conf")]
    with _running(command, NGINX, folder, service, user) as (first, second):
        yield {"nginx": first, "nginx without buffers": second}


@contextmanager
def haproxy(service: str, folder: Path) -> Iterator[Mapping[str, Address]]:
    """In front of what listens at `service`."""
    folder.mkdir()
    with _running(["haproxy", "-db", "-q", "-f", str(folder / "proxy.conf")], HAPROXY, folder, service) as (first, _):
        yield {"haproxy": first}


ALL = {"nginx": nginx, "haproxy": haproxy}


def missing(program: str) -> str:
    """What is to be done where a program is not installed; empty where it is."""
    package = "nginx-light" if program == "nginx" else program
    return "" if shutil.which(program, path=_path()) else f"there is no '{program}' here: apt-get install {package}"


def _path() -> str:
    # Where Debian has what is not for everybody.
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


@contextmanager
def _running(
    command: list[str], configuration: str, folder: Path, service: str, user: str = ""
) -> Iterator[tuple[Address, Address]]:
    """The program in the foreground, once it listens at two addresses or at the first of them."""
    log = folder / "log"
    for _ in range(TRIES):
        first, second = _free_ports()
        text = configuration.format(host=HOST, first=first, second=second, service=service, folder=folder, user=user)
        (folder / "proxy.conf").write_text(text)
        with log.open("wb") as file:
            process = subprocess.Popen(command, env={**os.environ, "PATH": _path()}, stdout=file, stderr=file)
        try:
            if _listens(process, first):
                yield Address(HOST, first, is_proxy=True), Address(HOST, second, is_proxy=True)
                return
        finally:
            processes.end(process)
    raise AssertionError(f"{command[0]} did not start:\n{log.read_text()[-2000:]}")


def _free_ports() -> tuple[int, int]:
    with socket.create_server((HOST, 0)) as first, socket.create_server((HOST, 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]


def _listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
