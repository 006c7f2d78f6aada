"""An epoch in mixed_bfloat16 against one in float32: the classic ConvNet and the default network for images.

Both train in turns on the same cores, on embedded pictures; a first epoch of each does not count. Prints the median
ratio of processor seconds, which other work on the machine blurs less than time that passes, with its quartiles.
"""

import statistics
from time import process_time
from typing import Any

from suite.config import load_tensorflow

# Preset, how many pictures, how many pairs of epochs.
CASES = [("lenet", 6_000, 15), ("", 2_000, 7)]


def trainer(preset: str, rows: int, precision: str) -> Any:
    """A function that trains an epoch and returns how many seconds of the processors it took."""
    from suite import domain as registry
    from suite import domains
    from suite.data.options import DataOptions
    from suite.training import fit, hyperparameters, model, steps
    from suite.training.data import TrainingChunks, prepare

    domain = registry.get("image_cls")
    prepared = prepare(domain, domains.load_data(domain, None, DataOptions()).sample(rows))
    values = {**domain.presets.get(preset, {}), "training.precision": precision}
    hp = hyperparameters.resolve(lambda hp: model.build(domain, hp, prepared, 1), values)
    fit.set_seeds(0)
    network, size = (
        model.build(domain, hp, prepared, 1),
        model.batch_size(hp, domain.recipe, len(prepared.rows["train"])),
    )
    dataset = TrainingChunks(prepared, size, seed=0, augmentation=domain.augmentation(hp)).dataset()
    network.train_function = steps.train_function(network, size)

    def epoch() -> float:
        started = process_time()
        network.fit(dataset, verbose=0, shuffle=False)
        return process_time() - started

    return epoch


def main() -> None:
    load_tensorflow()
    for preset, rows, pairs in CASES:
        plain, mixed = (trainer(preset, rows, precision) for precision in ("float32", "mixed_bfloat16"))
        times = [(plain(), mixed()) for _ in range(pairs + 1)][1:]
        ratios = [ours / theirs for theirs, ours in times]
        low, median, high = statistics.quantiles(ratios, n=4)
        seconds = statistics.median(theirs for theirs, _ in times)
        print(
            f"{preset or 'default'}: mixed_bfloat16 / float32 {median:.2f} (quartiles {low:.2f} to {high:.2f} over "
            f"{pairs} pairs; float32 {seconds:.2f} s of the processors an epoch)",
            flush=True,
        )


if __name__ == "__main__":
    main()
