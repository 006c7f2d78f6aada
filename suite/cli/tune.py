"""`suite tune`: let KerasTuner choose a domain's network."""

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, TextColumn

from suite.cli import options
from suite.cli.fit import show_data
from suite.cli.output import Output, metric_lines

if TYPE_CHECKING:
    from suite.domain import Domain
    from suite.training.callbacks import Progress
    from suite.training.data import Prepared
    from suite.training.fit import Settings
    from tuning.search import Search, Trial

SHARE_OF_EPOCHS = 3


@click.command(epilog="Example: suite tune image_cls --strategy bayesian --trials 12")
@click.argument("domain")
@click.option(
    "--strategy",
    type=click.Choice(["random", "bayesian", "hyperband"]),
    default="random",
    show_default=True,
    help="How to search.",
)
@click.option("--trials", type=click.IntRange(1), default=8, show_default=True, help="How many networks to try.")
@click.option(
    "--trial-epochs", type=click.IntRange(1), help="Epochs of a trial (else a third of the final training's)."
)
@options.data
@options.training
@options.threshold
@options.common
def command(
    domain: str,
    strategy: str,
    trials: int,
    trial_epochs: int | None,
    source: str | None,
    name: str | None,
    epochs: int | None,
    seed: int,
    objective: str | None,
    models: Path,
    as_json: bool,
    quiet: bool,
    **others: Any,
) -> None:
    """Try networks of DOMAIN, then train the best fully and save it as the next version of a model."""
    from suite import artifact
    from suite.domain import get

    output = Output(as_json, quiet)
    rule = options.take_rule(others)
    chosen = get(domain)
    name = artifact.check_name(name or domain)
    output.say(f"tuning {domain}")

    from suite import domains

    dataset = domains.load_data(chosen, source, options.data_options(seed, others))
    show_data(dataset, output)
    output.say("loading TensorFlow")

    from suite.config import load_tensorflow

    load_tensorflow()

    from suite import workflow
    from suite.training import evaluate, tracking
    from suite.training.callbacks import Report
    from suite.training.data import prepare
    from suite.training.fit import Settings

    objective = objective or chosen.objective
    evaluate.check_objective(objective, len(dataset.labels))
    workflow.check_rule(chosen, dataset, rule or workflow.F1)
    prepared = prepare(chosen, dataset)
    epochs = epochs or chosen.recipe.epochs_for(len(prepared.rows["train"]))
    of_trial = Settings(trial_epochs or max(1, epochs // SHARE_OF_EPOCHS), seed, objective)
    result = _search(chosen, prepared, strategy, trials, of_trial, output)
    output.say(f"best: trial {result.best.id} with {result.objective} {result.best.score:.4f}; now training it fully")
    hp = workflow.choose(chosen, prepared, epochs, result.best.hyperparameters)
    with output.training() as report:
        outcome = workflow.train(
            chosen, dataset, prepared, hp, Settings(epochs, seed, objective), rule=rule or workflow.F1,
            callbacks=[tracking.tensorboard(models, name), Report(report, objective)],
        )  # fmt: skip
    command_line = shlex.join(["suite", *sys.argv[1:]])
    folder, card = workflow.save(models, name, outcome, command=command_line, search=result.to_json())
    lines = [*metric_lines(card.metrics), *card.notes, f"saved {folder}", f"report {folder / 'report.html'}"]
    value = {
        "best": asdict(result.best),
        "trials": [asdict(trial) for trial in result.trials],
        "artifact": str(folder),
        "name": card.name,
        "version": card.version,
        "metrics": card.metrics,
    }
    output.result(lines, value)


def _search(
    domain: "Domain", prepared: "Prepared", strategy: str, trials: int, settings: "Settings", output: Output
) -> "Search":
    from tuning.search import search

    columns = (
        TextColumn("trial {task.fields[number]}/{task.total:.0f}"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with output.bar(*columns) as bar:
        task = bar.add_task("", total=trials, number=1, state="")
        ended: list[Trial] = []

        def on_progress(progress: "Progress") -> None:
            done = len(ended) + ((progress.epoch - 1) + progress.step / progress.steps) / progress.epochs
            scores = " ".join(f"{key} {value:.4f}" for key, value in progress.metrics.items())
            bar.update(
                task, completed=done, number=len(ended) + 1, state=f"epoch {progress.epoch}/{progress.epochs} {scores}"
            )

        def on_trial(trial: "Trial") -> None:
            ended.append(trial)
            score = "no score" if trial.score is None else f"{trial.score:.4f}"
            settings = " ".join(
                f"{key.replace('/', '.')}={value:.4g}"
                if isinstance(value, float)
                else f"{key.replace('/', '.')}={value}"
                for key, value in trial.hyperparameters.items()
            )
            output.say(f"trial {len(ended)}/{trials} {trial.status} {score} in {trial.seconds:.1f} s  {settings}")

        return search(
            domain,
            prepared,
            strategy=strategy,
            trials=trials,
            settings=settings,
            on_progress=on_progress,
            on_trial=on_trial,
        )
