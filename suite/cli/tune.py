"""`suite tune`: let KerasTuner choose a domain's network."""

from typing import Any

import click

from suite.api import steps
from suite.api.output import Output
from suite.api.tune import TuneRequest, tune
from suite.cli import complete, options, stopping
from suite.cli.tune_options import search_options


@click.command(epilog="Example: suite tune image_cls --strategy bayesian --time 30m --workers 2")
@click.argument("domain", shell_complete=complete.domain)
@search_options
@options.data
@options.training
@options.threshold
@options.common
def command(as_json: bool, quiet: bool, **values: Any) -> None:
    """Search for the best network of DOMAIN, train it to the end and save it as the next version of a model.

    Without --trials and --time it takes about ten minutes. The best network is trained again on training and validation
    rows together, and measured once on the test rows. --resume continues a search that was stopped.
    """
    rule = options.pop_threshold_rule(values)
    reader = options.pop_reader_options(values)
    output = Output(as_json, quiet)
    with stopping.soon():
        found = tune(TuneRequest(**values, rule=rule, reader=reader), output)
    folder, card = found.saved.folder, found.saved.card
    trials = {"best": found.best.to_json(), "trials": [trial.to_json() for trial in found.trials]}
    output.result(steps.saved_lines(folder, card), trials | steps.saved_json(folder, card))
