"""Peak memory of reading a large CSV file: python -m tests.benchmarks.readers [MEGABYTES]"""

import csv
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

MEGABYTE = 1_000_000
NUMBERS = 28


def generate(path: Path, size: int) -> int:
    """A table of payments of about `size` bytes; returns its rows."""
    generator = random.Random(0)
    # A few thousand different rows, over and over: what is measured is reading, not generating.
    rows = [
        [
            *(f"{generator.gauss(0, 1):.9f}" for _ in range(NUMBERS)),
            generator.choice(["FR", "DE", "IT"]),
            int(i % 50 == 0),
        ]
        for i in range(5_000)
    ]
    count = 0
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"v{number}" for number in range(NUMBERS)), "country", "is_fraud"])
        while file.tell() < size:
            writer.writerows(rows)
            count += len(rows)
    return count


def read(path: str) -> None:
    """Read the file in this process and print what it took."""
    from suite.data import tables
    from suite.data.options import DataOptions

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = perf_counter()
    dataset = tables.read(Path(path), DataOptions())
    seconds = perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held = sum(values.nbytes for values in dataset.inputs.values())
    size = Path(path).stat().st_size
    print(
        f"CSV of {size / MEGABYTE:,.0f} MB, {len(dataset.y):,} rows: read in {seconds:.1f} s, "
        f"peak {peak * 1024 / MEGABYTE:,.0f} MB (before reading {before * 1024 / MEGABYTE:,.0f} MB, "
        f"arrays {held / MEGABYTE:,.0f} MB)"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--read"]:
        read(sys.argv[2])
    else:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "payments.csv"
            generate(source, int(sys.argv[1] if sys.argv[1:] else 1_000) * MEGABYTE)
            subprocess.run([sys.executable, "-m", "tests.benchmarks.readers", "--read", str(source)], check=True)
