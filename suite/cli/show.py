"""`suite show`: a domain's network, and what a search may change about it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.api import steps
from suite.api.output import Output
from suite.cli import complete, network_diagram, options, space_table
from suite.notation import dotted

if TYPE_CHECKING:
    import keras
    from keras_tuner import HyperParameters

    from suite.domain import Domain
    from suite.training.data import PreparedData
    from tuning.space import Dimension


@click.command(epilog="Example: suite show image_cls --preset lenet --set lenet.activation=tanh")
@click.argument("domain", shell_complete=complete.domain)
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

    The network is the one that 'suite fit' would build with the same options; without --data, for the domain's own
    small data set. The search space is that of 'suite tune'.
    """
    from suite.domain import get
    from suite.shapes_only.describe import described
    from suite.training import hyperparameters

    output = Output(as_json, quiet)
    chosen = get(domain)
    values, _ = steps.hyperparameters(chosen, preset, file, hyperparameters.parse_assignments(assignments))
    output.result(*described(lambda: _describe(chosen, source, reader, values), lambda: steps.load_tensorflow(output)))


def _describe(
    domain: "Domain", source: str | None, reader: dict[str, Any], values: dict[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """The network and the search space of a domain on its data, for people and for a script."""
    from suite import domains
    from suite.data.options import DataOptions
    from suite.training.data import PreparedData

    dataset = domains.load_data(domain, source, DataOptions(**reader))
    # Only the specification that preprocessing learned matters here: no row is transformed.
    prepared = PreparedData.of(domain, dataset, domain.adapt(dataset), {})
    hp, model = _build(domain, prepared, values)
    title = f"{domain.name}: {dataset.source.get('name') or source}, {prepared.task.describe(dataset.labels)}"
    chosen_values = {dotted(name): value for name, value in hp.values.items()}
    network_lines, network = _describe_network(model)
    space_lines, space = _describe_space(_explore(domain, prepared, hp), chosen_values)
    shared_lines, shared = _describe_supernet(domain, prepared, hp)
    lines = [title, "", *network_lines, "", *space_lines, *shared_lines, *_describe_presets(domain)]
    request = {"domain": domain.name, "data": dataset.source, "labels": dataset.labels}
    presets = {name: dict(preset_values) for name, preset_values in domain.presets.items()}
    return lines, request | {"hyperparameters": chosen_values} | network | space | shared | {"presets": presets}


def _build(
    domain: "Domain", prepared: "PreparedData", values: dict[str, Any]
) -> "tuple[HyperParameters, keras.Model]":  # fmt: skip
    from suite import workflow
    from suite.training.model import build

    hp = workflow.resolve_hyperparameters(domain, prepared, 1, values)
    return hp, build(domain, hp, prepared, 1)


def _describe_network(model: "keras.Model") -> tuple[list[str], dict[str, Any]]:
    """The drawing and the cost of a network, for people and for a script."""
    from suite.training import architecture

    layers, cost = architecture.layers(model), architecture.multiply_adds(model)
    lines = [*network_diagram.draw(layers), "", f"{model.count_params():,} parameters, {_cost(cost)}"]
    layer_values = [asdict(layer) for layer in layers]
    return lines, {"layers": layer_values, "parameters": model.count_params(), "multiply_adds": cost}


def _cost(multiply_adds: int | None) -> str:
    if multiply_adds is None:
        return "multiply-adds not counted (it reads in a loop)"
    return f"{multiply_adds:,} multiply-adds for an answer, in convolutions and matrix products"


def _explore(domain: "Domain", prepared: "PreparedData", hp: "HyperParameters") -> "list[Dimension]":
    """The search space, with the fixed hyperparameters at the values that were set."""
    from tuning import domain_space
    from tuning.hyperparameter_kinds import is_fixed

    fixed = {item.name: hp.values[item.name] for item in hp.space if is_fixed(item)}
    return domain_space.explore(domain, prepared, fixed)


def _describe_space(dimensions: "list[Dimension]", values: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The hyperparameters and the size of the space, for people and for a script."""
    from tuning import space

    combinations, continuous = space.size(dimensions)
    lines = [*space_table.lines(dimensions, values), "", space.describe_size(dimensions), space_table.SIZE_NOTE]
    size = {"combinations": combinations, "continua": continuous}
    return lines, {"space": space_table.to_json(dimensions), "size": size}


def _describe_supernet(
    domain: "Domain", prepared: "PreparedData", hp: "HyperParameters"
) -> tuple[list[str], dict[str, Any]]:  # fmt: skip
    """The hyperparameters that a supernet searches, for people and for a script."""
    from tuning import domain_space

    names = domain_space.relaxable(domain, prepared, hp.values)
    shared = ", ".join(names) or "none of these"
    lines = [f"by shared weights (--strategy oneshot, darts, enas): {shared}; the others one network after another"]
    return lines, {"shared_weights": names}


def _describe_presets(domain: "Domain") -> list[str]:
    if not domain.presets:
        return []
    example = f"suite show {domain.name} --preset {next(iter(domain.presets))}"
    return [f"presets: {', '.join(domain.presets)} ({example})"]
