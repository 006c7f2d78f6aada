"""A saved model as Python code uses it."""

import html
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.api import convert, keywords
from suite.api.boundary import plain_errors
from suite.api.keywords import READER, Keyword
from suite.artifact import Card, Threshold
from suite.errors import SuiteError, UsageError, unknown

if TYPE_CHECKING:
    import numpy as np

    from serving.engines.base import Engine
    from suite.api.evaluate import Evaluation
    from suite.data.memory import Memory
    from suite.data.stream import RowOptions

PACKAGE = Path(__file__).parents[1]
REPORT = "report.html"
NOTEBOOK_HEIGHT = 720
SPLITS = ("train", "validation", "test", "all")
FILES: dict[str, Keyword] = {name: READER[name] for name in ("text_column", "encoding", "no_header", "sheet")}
LABELLED: dict[str, Keyword] = FILES | {
    name: READER[name] for name in ("group_column", "time_column", "validation", "test")
}


class SuiteWarning(UserWarning):
    """What is worth knowing about data that was answered, such as columns that the model does not use."""


class Model:
    """A version of a model: `path` is its folder, `card` all that is known of it.

    Answers come from a light engine where the card lists one, which is loaded with the first of them.
    """

    def __init__(self, path: Path, card: Card) -> None:
        self.path, self.card = path, card
        self._loaded: Engine | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.card.name

    @property
    def version(self) -> int:
        """The version's number."""
        return self.card.version

    @property
    def labels(self) -> list[str]:
        """The classes or labels, in the order of `predict_proba`; none where it answers with a number."""
        return self.card.labels

    @property
    def threshold(self) -> Threshold | None:
        """The probability of the second label from which rows are flagged, or for each of several labels that from
        which it holds; None for models without thresholds.
        """
        return self.card.threshold

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """The metrics on validation and test rows, by split."""
        return self.card.metrics

    @property
    def engine(self) -> str:
        """The name of the engine that answers."""
        return self._engine().name

    @plain_errors
    def predict(self, data: Any, *, keep: Any = (), allow_missing: bool = False, **options: Any) -> Any:
        """A table with a row for each row of `data`: label, score, p_LABEL for each label, and what is flagged.

        A model that predicts a number answers with prediction, and lower and upper bound of its interval. One of
        several labels answers with those that hold as prediction, separated by semicolons, and p_LABEL for each.

        `data` is as in `suite.fit`, without labels. The table is a pandas or polars frame if the data is one, with the
        same index, else one of Arrow. `keep` names columns of the data to keep in it, or is "all". Files that cannot be
        read have the reason in the column `error`. Other keywords are those of `suite predict`.
        """
        import pyarrow as pa

        from suite.api import predict

        kept = (keep,) if isinstance(keep, str) else tuple(keep)
        source, text_column, rows = self._rows(data, kept, allow_missing, options)
        columns, parts = predict.answer(self.card, self._engine(), source, text_column, rows)
        answers, errors = [], dict[str, str]()
        for part in parts:
            answers += part.rows
            errors |= part.errors
        if errors:
            _tell(str(predict.unreadable(self.card, errors, len(answers))))
        return convert.like(data, pa.Table.from_pylist(answers, predict.schema(columns)))

    @plain_errors
    def predict_proba(self, data: Any, *, allow_missing: bool = False, **options: Any) -> "np.ndarray":
        """The probabilities (rows, labels), in the order of `labels`."""
        from suite.api import predict

        source, text_column, rows = self._rows(data, (), allow_missing, options)
        return predict.probabilities(self.card, self._engine(), source, text_column, rows)

    @plain_errors
    def evaluate(
        self, data: Any = None, *, label: Any = None, split: str = "test", allow_missing: bool = False, **options: Any
    ) -> "Evaluation":
        """The metrics on a split of labelled data: test, train, validation or all; as `suite evaluate` measures them.

        Without data it is that of the model's training. Data is split as for a training: `split="all"` measures on all
        rows. Rows that the model was trained on are left out of the test rows, or told.
        """
        from suite.api.evaluate import evaluate
        from suite.api.output import Output

        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        (reader,) = keywords.check(options, LABELLED, beside=("label", "split", "allow_missing"))
        source, column = convert.source(self._kind, data, label)
        given = reader | {"label_column": column, "allow_missing": allow_missing}
        return evaluate(self.path, source, split, given, Output(False, quiet=True))

    @plain_errors
    def report(self) -> Path:
        """The path of report.html, which has the figures, curves and everything else about the model."""
        page = self.path / REPORT
        if not page.is_file():
            raise SuiteError(f"there is no {page}: restore it or fit the model again")
        return page

    def __repr__(self) -> str:
        test = self.metrics.get("test", {})
        metric = self.card.training.get("objective", "")
        figure = f", test {metric} {test[metric]:.4f}" if metric in test else ""
        answers = f"{len(self.labels)} labels" if self.labels else "a number"
        return f"<Model {self.name}/{self.version}: {self.card.domain}, {answers}{figure}>"

    def _repr_html_(self) -> str:
        """Figures and curves for a notebook; in a frame of its own, so that its style and the notebook's stay apart."""
        from suite.report import comparison, page

        try:
            reference = f"{self.path.parent.name}/{self.version}"
            content = page.render_summary(comparison.load(self.path.parent.parent, reference))
        except SuiteError as error:
            return f"<pre>{html.escape(f'{self!r}: {error}')}</pre>"
        return (
            f'<iframe srcdoc="{html.escape(content)}" title="{html.escape(self.name)}" '
            f'style="width: 100%; height: {NOTEBOOK_HEIGHT}px; border: 0"></iframe>'
        )

    @property
    def _kind(self) -> str:
        return str(self.card.preprocessing["kind"])

    def _engine(self) -> "Engine":
        if self._loaded is None:
            from suite.api.engine import load

            self._loaded = load(self.path, self.card)
        return self._loaded

    def _rows(
        self, data: Any, keep: tuple[str, ...], allow_missing: bool, options: dict[str, Any]
    ) -> "tuple[str | Memory, str | None, RowOptions]":
        """The data as a stream of rows reads it, the column of texts, and how it is read."""
        from suite.data.memory import Frame
        from suite.data.options import Reading
        from suite.data.stream import RowOptions

        (reader,) = keywords.check(options, FILES, beside=("keep", "allow_missing"))
        source, _ = convert.source(self._kind, data)
        if source is None:
            raise UsageError("there is no data to answer: give a path, a frame or an array")
        if isinstance(source, Frame):
            if self._kind == "table" and convert.is_array(data):
                convert.check_width(self.card, source.table.num_columns)
            # An index that is left out is not lost here: the answers have it.
            source = Frame(source.table)
        reading = Reading(reader.get("encoding"), bool(reader.get("no_header")), reader.get("sheet"))
        return source, reader.get("text_column"), RowOptions(reading, keep, allow_missing, _tell)


def _tell(line: str) -> None:
    warnings.warn(keywords.in_python(line), SuiteWarning, stacklevel=_depth_of_caller())


def _depth_of_caller() -> int:
    """How many calls above `_tell` the code is that called the suite."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and Path(frame.f_code.co_filename).is_relative_to(PACKAGE):
        depth, frame = depth + 1, frame.f_back
    return depth
