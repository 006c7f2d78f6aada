"""Every domain with its default settings next to common alternatives; writes a table for each task to figures/.

Give the names of tasks to measure only those.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from suite import artifact
from tests.benchmarks import domains_images, domains_table, domains_text
from tests.benchmarks.results import Row, table

FIGURES = Path(__file__).with_name("figures")
TASKS: dict[str, Callable[[], list[Row]]] = {
    **{name: partial(domains_images.measure, task) for name, task in domains_images.TASKS.items()},
    "sentiment": domains_text.measure,
    **{name: partial(domains_table.measure, task) for name, task in domains_table.TASKS.items()},
}


def main(names: list[str]) -> None:
    """Measure the tasks one by one."""
    for name in names or TASKS:
        text = table(TASKS[name]())
        print(text, flush=True)
        FIGURES.mkdir(exist_ok=True)
        artifact.replace_file(FIGURES / f"{name}.md", f"{text}\n\n`make bench-domains TASKS={name}`\n".encode())


if __name__ == "__main__":
    main(sys.argv[1:])
