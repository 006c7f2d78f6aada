"""`suite tune`: let KerasTuner choose a domain's network."""

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.cli import options, searching
from suite.cli.fit import show_data
from suite.cli.output import Output, metric_lines

if TYPE_CHECKING:
    from suite import workflow
    from suite.data.dataset import Dataset
    from suite.domain import Domain
    from suite.training import thresholds
    from suite.training.data import Prepared
    from tuning.picking import Rule
    from tuning.trial import Trial
    from tuning.tune import Found

MINUTES = 10


@click.command(epilog="Example: suite tune image_cls --strategy bayesian --time 30m --workers 2")
@click.argument("domain")
@searching.options
@options.data
@options.training
@options.threshold
@options.common
def command(
    domain: str,
    strategy: str,
    pruner: str | None,
    trials: int | None,
    seconds: float | None,
    folds: int | None,
    repeats: int,
    workers: int | None,
    timeout: float | None,
    ray: str | None,
    resume: bool,
    retrain: bool,
    pick: "Rule | None",
    sets: tuple[str, ...],
    fixes: tuple[str, ...],
    space: Path | None,
    source: str | None,
    name: str | None,
    epochs: int | None,
    seed: int,
    objective: str | None,
    onnx: bool,
    models: Path,
    as_json: bool,
    quiet: bool,
    **others: Any,
) -> None:
    """Try networks of DOMAIN, then train the best to the end and save it as the next version of a model.

    Without --trials and --time it takes about ten minutes. The best network is trained anew on training and validation
    rows together, and measured once on the test rows. A search that was stopped goes on with --resume.
    """
    from suite import artifact, domains
    from suite.domain import get

    output = Output(as_json, quiet)
    rule = options.take_rule(others)
    chosen = get(domain)
    name = artifact.check_name(name or domain)
    output.say(f"tuning {domain}")
    dataset = domains.load_data(chosen, source, options.data_options(seed, others))
    show_data(dataset, output)
    output.say("loading TensorFlow")

    from suite.config import load_tensorflow

    load_tensorflow()

    from suite import workflow
    from suite.training import onnx_model
    from suite.training.data import prepare
    from tuning import narrowing, objectives, picking, tracking, tune
    from tuning.plan import Plan

    if onnx:
        onnx_model.check_installed()
    goals = picking.measured(pick, objectives.parse(objective or chosen.objective, len(dataset.labels)))
    rule = rule or workflow.F1
    workflow.check_rule(chosen, dataset, rule)
    prepared = prepare(chosen, dataset)
    if seconds is None and trials is None:
        seconds = 60.0 * MINUTES
    epochs = epochs or chosen.recipe.epochs_for(len(prepared.rows["train"]))
    plan = Plan(
        strategy, goals, epochs, seed, trials, seconds, folds or 1, repeats, workers or 1, int(retrain), pruner
    )  # fmt: skip
    place = tune.folder(models, name)
    if resume and not tune.is_begun(place):
        output.say(f"nothing to resume: no search of '{name}' in {models}; beginning one")
    with searching.told_how_to_go_on(output), searching.Display(plan, output) as display:
        found = tune.tune(
            chosen, dataset, prepared, plan, narrowing.parse(sets, fixes, space), tune.Where(workers, timeout, ray),
            place, resume=resume, watcher=display.watcher(tracking.hparams(models, name)), report=display.report,
        )  # fmt: skip
    best = picking.pick(pick, goals, found.trials)
    outcome = _train(found, best, chosen, dataset, prepared, rule, models, name, output)
    command_line = shlex.join(["suite", *sys.argv[1:]])
    folder, card = workflow.save(
        models, name, outcome, command=command_line, search=found.to_json(best),
        runners_up=found.runners_up(best, chosen, prepared), onnx=onnx,
    )  # fmt: skip
    found.tidy()
    lines = [*metric_lines(card.metrics), *card.notes, f"saved {folder}", f"report {folder / 'report.html'}"]
    value = {
        "best": asdict(best),
        "trials": [asdict(trial) for trial in found.trials],
        "artifact": str(folder),
        "name": card.name,
        "version": card.version,
        "metrics": card.metrics,
    }
    output.result(lines, value)


def _train(
    found: "Found", best: "Trial", domain: "Domain", dataset: "Dataset", prepared: "Prepared", rule: "thresholds.Rule",
    models: Path, name: str, output: Output,
) -> "workflow.Outcome":  # fmt: skip
    """The winner trained to its last epoch, and then anew on validation rows too where that was planned."""
    from suite import workflow
    from suite.training import tracking
    from suite.training.callbacks import Report
    from suite.training.fit import Settings

    plan = found.plan
    goal = plan.objectives[0]
    output.say(f"best: trial {best.id} with {goal.name} {best.score:.4f}; now training it to the end")
    hp = workflow.choose(domain, prepared, plan.epochs, best.hyperparameters)
    settings = Settings(plan.epochs, plan.seed, str(goal.metric))
    with output.training() as report:
        outcome = workflow.train(
            domain, dataset, prepared, hp, settings, rule=rule, resumable=found.state(best),
            callbacks=[tracking.tensorboard(models, name), Report(report, settings.objective)],
        )  # fmt: skip
    if not plan.retrains:
        return outcome
    if not found.has_time_for(outcome.fitted.seconds):
        output.say("no time is left to train it anew on training and validation rows together: that was left out")
        return outcome
    output.say("training it anew on training and validation rows together")
    with output.training() as report:
        return workflow.retrain(outcome, [Report(report, settings.objective)])
