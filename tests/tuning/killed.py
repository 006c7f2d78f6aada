"""Starts a simulated search again and again and kills it at seeded moments, then lets it end.

Arguments: a folder, a strategy, how often, a seed. Every training that ends adds a line to the folder's `trained`.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from simulated import search
from trainings import train

from tuning.task import Task, TaskResult


def main(place: Path, strategy: str, kills: int, seed: int) -> None:
    moments = random.Random(seed)

    def work(task: Task) -> TaskResult:
        time.sleep(0.02)
        with (place / "trained").open("a") as file:
            file.write(f"{task.trial} {task.run_index} {task.target_epoch} {sorted(task.values.items())}\n")
        return train(task)

    for attempt in range(kills + 1):
        child = os.fork()
        if not child:
            search(place, strategy, trials=15, work=work, epochs=9)
            os._exit(0)
        if attempt < kills:
            time.sleep(moments.uniform(0, 0.15))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
