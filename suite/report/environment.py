"""The machine that a network is trained on, for its card."""

import os
import platform
from pathlib import Path

from suite.config import cores

CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int | float]:
    """System, processor, the cores that this process may use, and memory in GB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    system = f"{platform.system()} {platform.release()}"
    return {"system": system, "processor": _processor(), "cores": cores(), "memory_gb": round(memory, 1)}


def _processor() -> str:
    if CPUINFO.exists():
        for line in CPUINFO.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
