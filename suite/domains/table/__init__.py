"""Tables of any kind: rows to one of several classes, to a number, or to any number of labels."""

from typing import ClassVar

from suite.data import builtin, formats, tables, truth
from suite.data.dataset import Dataset
from suite.data.memory import Frame
from suite.data.options import DataOptions, Reading
from suite.data.source import Source
from suite.domain import Recipe
from suite.domains.tabular import DATA_OPTIONS, TableRecipe, TabularDomain
from suite.notation import join_names

# Labels of diamonds: the column that says whether each holds, and with which values.
MARKS = {
    "ideal cut": ("cut", ["Ideal"]),
    "colourless": ("color", ["D", "E", "F"]),
    "no visible flaws": ("clarity", ["IF", "VVS1", "VVS2"]),
}


class Table(TabularDomain):
    """Rows of a table to one of several classes, to a number, or to any number of labels."""

    name: ClassVar[str] = "table"
    summary: ClassVar[str] = "tables: CSV, JSON Lines, Parquet or a workbook, with a class, a number or several labels"
    default_data: ClassVar[str] = "wine"
    # Numbers need more steps and less noise than rare classes; most is gained as the learning rate falls to nothing.
    dropout: ClassVar[float] = 0.1
    recipe: ClassVar[Recipe] = TableRecipe(
        epochs=70, batch_size=128, patience=16, learning_rate=8e-3, weight_decay=3e-2
    )  # fmt: skip
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression", "multi_label")
    data_options: ClassVar[tuple[str, ...]] = ("task", *DATA_OPTIONS)

    def read(self, source: Source, options: DataOptions) -> Dataset:
        return tables.read_any(source, options)

    def task_of(self, dataset: Dataset) -> str:
        return truth.task_of(dataset.y)

    def example(self, task: str = "") -> Dataset:
        if task == "regression":
            return builtin.load("diamonds", DataOptions()).sample(300)
        if task == "multi_label":
            return tables.read_any(_marks(), DataOptions(label_column=join_names(list(MARKS)))).sample(300)
        return builtin.load(self.default_data, DataOptions())


def _marks() -> Frame:
    """The embedded diamonds with three marks of quality as labels, in place of the columns that say it."""
    import pyarrow as pa
    from pyarrow import compute as pc

    rows = pa.Table.from_batches(formats.batches(formats.TableFile(builtin.path("diamonds"), Reading())))
    for mark, (column, values) in MARKS.items():
        rows = rows.append_column(mark, pc.is_in(rows[column], pa.array(values)))
    return Frame(rows.drop_columns([column for column, _ in MARKS.values()]))


DOMAIN = Table()
