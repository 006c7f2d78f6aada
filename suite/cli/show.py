"""`suite show`: a domain's network and what a search may change about it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from suite.cli import drawing, options, spaces
from suite.cli.output import Output


@click.command(epilog="Example: suite show image_cls --preset lenet --set lenet.activation=tanh")
@click.argument("domain")
@options.data
@options.network
@options.printing
def command(
    domain: str,
    source: str | None,
    preset: str | None,
    file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **reader: Any,
) -> None:
    """Draw the network of DOMAIN and list its hyperparameters.

    It is drawn as 'suite fit' with the same options would build it; without --data for the domain's own small set.
    The search space is that of 'suite tune'.
    """
    from suite import domains
    from suite.domain import get

    output = Output(as_json, quiet)
    chosen = get(domain)
    values, _ = options.hyperparameters(chosen, preset, file, assignments)
    dataset = domains.load_data(chosen, source, options.data_options(0, reader))
    output.say("loading TensorFlow")

    from suite.config import load_tensorflow

    load_tensorflow()

    from suite import workflow
    from suite.training import architecture
    from suite.training.data import Prepared
    from suite.training.model import build
    from tuning import domain_space, space

    # The network depends on what preprocessing learned; no row goes through it here.
    prepared = Prepared({}, dataset.y, dataset.rows, dataset.labels, chosen.adapt(dataset))
    hp = workflow.choose(chosen, prepared, 1, values)
    model = build(chosen, hp, prepared, 1)
    layers = architecture.layers(model)
    cost = architecture.multiply_adds(model)
    fixed = {item.name: hp.values[item.name] for item in hp.space if type(item).__name__ == "Fixed"}
    found = domain_space.explore(chosen, prepared, fixed)
    combinations, continua = space.size(found)
    values = {name.replace("/", "."): value for name, value in hp.values.items()}
    lines = [
        f"{chosen.name}: {dataset.source.get('name') or source}, {len(dataset.labels)} classes",
        "",
        *drawing.draw(layers),
        "",
        f"{model.count_params():,} parameters, {_cost(cost)}",
        "",
        *spaces.lines(found, values),
        "",
        f"{space.describe_size(found)}",
        spaces.COUNTED,
    ]
    if chosen.presets:
        lines.append(
            f"presets: {', '.join(chosen.presets)} (suite show {chosen.name} --preset {next(iter(chosen.presets))})"
        )
    result = {
        "domain": chosen.name,
        "data": dataset.source,
        "labels": dataset.labels,
        "hyperparameters": values,
        "layers": [asdict(layer) for layer in layers],
        "parameters": model.count_params(),
        "multiply_adds": cost,
        "space": spaces.to_json(found),
        "size": {"combinations": combinations, "continua": continua},
        "presets": {name: dict(preset) for name, preset in chosen.presets.items()},
    }
    output.result(lines, result)


def _cost(multiply_adds: int | None) -> str:
    if multiply_adds is None:
        return "multiply-adds not counted (it reads in a loop)"
    return f"{multiply_adds:,} multiply-adds for an answer, in convolutions and matrix products"
