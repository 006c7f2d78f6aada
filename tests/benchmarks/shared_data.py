"""The location of full data sets, which only benchmarks use."""

import os
from pathlib import Path


def folder(name: str) -> Path:
    """The folder of that data set in $SUITE_BENCH_DATA, else in ../shared/data beside the checkout."""
    root = Path(os.environ.get("SUITE_BENCH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    if not (root / name).is_dir():
        raise SystemExit(f"this benchmark needs the data set '{name}' in {root}: set SUITE_BENCH_DATA to where it is")
    return root / name
