"""The functions of `import suite`: fit, tune and load."""

import os
from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import artifact
from suite.api import convert, keywords
from suite.api.boundary import plain_errors, without_warnings
from suite.api.keywords import FIT, READER, RULE, TUNE, Keyword
from suite.api.model import Model
from suite.errors import UsageError

if TYPE_CHECKING:
    from suite.training.thresholds import ThresholdRule

BESIDE = ("label", "quiet")
SPLITS_OF_THEIR_OWN = ("validation", "test")


@plain_errors
def fit(domain: str, data: Any = None, *, label: Any = None, quiet: bool = False, **options: Any) -> Model:
    """Train the network of a domain, and save it as the next version of a model.

    `data` is a path, a name of `suite data list`, a frame (pandas, polars, Arrow), columns by name, rows as
    dictionaries, or an array; for texts a list, for pictures an array. `label` is the name of a column, the labels, or
    a list of names of columns, in each of which a label holds or not.
    The other keywords are the options of the command `suite fit`, with the same defaults: `epochs=5` for --epochs 5,
    `cost_column="amount"` for --cost-column amount, `set={"training.learning_rate": 0.001}` for --set,
    `retrain=False` for --no-retrain. `quiet` prints nothing. SuiteError says what is wrong.
    """
    from suite.api import fit as training
    from suite.api.output import Output

    chosen, reader, rule = keywords.check(options, FIT, READER, RULE, beside=BESIDE)
    values = _common(domain, data, label, chosen, reader, rule)
    hp = values.get("file")
    if isinstance(hp, Mapping):
        values["assignments"] = {**hp, **values.get("assignments", {})}
        del values["file"]
    request = training.FitRequest(
        domain, **values, command=_call("fit", domain, data, label, values["reader"]["label_column"], options)
    )

    with without_warnings():
        saved = training.fit(request, Output(False, quiet))
    return Model(saved.folder, saved.card)


@plain_errors
def tune(domain: str, data: Any = None, *, label: Any = None, quiet: bool = False, **options: Any) -> Model:
    """Search for the best network of a domain, train it to the end, and save it as the next version of a model.

    Data and label are as in `fit`. The other keywords are the options of `suite tune`: `time="20m"`, `trials=30`,
    `set={"mlp.units": [64, 128], "mlp.dropout": (0, 0.3)}` (a list of values, or a pair for a range),
    `fix={"mlp.activation": "relu"}`, `pick=("fastest-within", 0.005)`.
    """
    from suite.api import steps
    from suite.api.output import Output

    chosen, reader, rule = keywords.check(options, TUNE, READER, RULE, beside=BESIDE)
    steps.need_training()

    from suite.api import tune as search

    values = _common(domain, data, label, chosen, reader, rule)
    if "pick" in values:
        values["pick"] = _selection_rule(values["pick"])
    request = search.TuneRequest(
        domain, **values, command=_call("tune", domain, data, label, values["reader"]["label_column"], options)
    )
    with without_warnings():
        saved = search.tune(request, Output(False, quiet)).saved
    return Model(saved.folder, saved.card)


@plain_errors
def load(model: str | os.PathLike[str], *, version: int | None = None, models: Any = None) -> Model:
    """A saved model, by NAME (the newest version), by NAME/VERSION, or by the path of its folder.

    Its answers need no TensorFlow where its card lists a light engine. `models` is the folder of models (default:
    $SUITE_MODELS, else saved_models).
    """
    place = Path(model)
    if (place / artifact.CARD).is_file():
        folder = place
    elif place.is_dir() and artifact.versions(place):
        folder = artifact.find(place.parent, place.name if version is None else f"{place.name}/{version}")
    else:
        folder = artifact.find(keywords.models_folder(models), str(model) if version is None else f"{model}/{version}")
    card = artifact.read_card(folder)
    if card is None:
        raise UsageError(f"{folder} has no card, so its inputs are unknown: ask it through 'suite serve'")
    return Model(folder, card)


def _common(
    domain: str, data: Any, label: Any, chosen: dict[str, Any], reader: dict[str, Any], rule: dict[str, Any]
) -> dict[str, Any]:
    """The fields of a request that fit and tune have in common."""
    from suite.domain import get

    kind = get(domain).kind
    source, column = convert.source(kind, data, label)
    for split in SPLITS_OF_THEIR_OWN:
        if split in reader:
            # Their labels are in a column of the same name.
            reader[split] = convert.source(kind, reader[split])[0]
    if column is not None:
        reader["label_column"] = column
    chosen["models"] = keywords.models_folder(chosen.get("models"))
    return chosen | {"source": source, "reader": _all_options(reader), "rule": _rule(rule)}


def _all_options(reader: dict[str, Any]) -> dict[str, Any]:
    return {"label_column": None} | dict.fromkeys(READER) | reader


def _rule(values: dict[str, Any]) -> "ThresholdRule | None":
    from suite.api import steps

    return steps.threshold_rule(*(values.get(name) for name in RULE))


def _selection_rule(value: Any) -> Any:
    from tuning import trial_selection

    names = list(trial_selection.COST_BY_RULE)
    is_pair = isinstance(value, tuple | list) and len(value) == 2
    if not is_pair or value[0] not in names or not isinstance(value[1], int | float) or not 0 <= value[1] < 1:
        raise UsageError(f"pick={value!r} makes no sense: give a rule ({', '.join(names)}) and a share, such as 0.005")
    return trial_selection.parse_rule(value[0], float(value[1]))


def _call(verb: str, domain: str, data: Any, label: Any, column: str | None, options: Mapping[str, Any]) -> str:
    """The call as the card tells it; data in memory is named by its type. `column` is what names the label."""
    words = [repr(domain)]
    if data is not None:
        words.append(_place_or_type(data))
    if label is not None:
        are_names = column is not None and convert.names_of(label) == column
        words.append(f"label={list(label) if are_names else _place_or_type(label)}")
    for name, value in options.items():
        shown = _place_or_type(value) if name in SPLITS_OF_THEIR_OWN or isinstance(value, os.PathLike) else repr(value)
        words.append(f"{name}={shown}")
    return f"suite.{verb}({', '.join(words)})"


def _place_or_type(value: Any) -> str:
    return repr(os.fspath(value)) if isinstance(value, str | os.PathLike) else f"<{type(value).__name__}>"


def _show_keywords(function: Callable[..., Any], *groups: Mapping[str, Keyword]) -> None:
    """Let notebooks and editors complete the keywords."""
    before = [one for one in Signature.from_callable(function).parameters.values() if one.kind != Parameter.VAR_KEYWORD]
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=keyword.default)
        for group in groups
        for name, keyword in group.items()
    ]
    function.__signature__ = Signature([*before, *added])  # type: ignore[attr-defined]


_show_keywords(fit, FIT, READER, RULE)
_show_keywords(tune, TUNE, READER, RULE)
