"""Built-in data sets: small ones that come with the suite, and larger ones that Keras downloads."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.errors import SuiteError

if TYPE_CHECKING:
    import numpy as np

EMBEDDED = Path(__file__).parent / "embedded"
ENRICHED = (
    "Fraud is enriched to 1.6% of these rows (0.173% in the original data, all of whose frauds are here): "
    "the figures are not those of the full data."
)


@dataclass(frozen=True)
class Builtin:
    """A built-in data set; `file` is in embedded/NAME/. Without a file, Keras downloads the data.

    `label` names the column of labels where it is not told otherwise.
    """

    domain: str
    summary: str
    rows: int
    licence: str
    file: str = ""
    note: str = ""
    label: str | None = None

    @property
    def embedded(self) -> bool:
        """Whether it comes with the suite and needs no network."""
        return bool(self.file)


NAMES = {
    "fashion_mnist": Builtin("image_cls", "clothes, 28 x 28 grey, 10 classes", 12_000, "MIT", "fashion_mnist.npz"),
    "movie_sentiment": Builtin("text_cls", "film review sentences, 2 classes", 10_072, "MIT", "movie_sentiment.csv.gz"),
    "card_fraud": Builtin("fraud", "card payments, 492 frauds", 30_492, "ODbL 1.0", "card_fraud.parquet", ENRICHED),
    "wine": Builtin("table", "chemical analyses of wines, 3 cultivars", 178, "CC BY 4.0", "wine.csv"),
    "diamonds": Builtin("table", "prices of diamonds", 2_000, "MIT", "diamonds.csv.gz", label="price"),
    "mnist": Builtin("image_cls", "digits, 28 x 28 grey, 10 classes", 70_000, "CC BY-SA 3.0"),
    "fashion_mnist_full": Builtin("image_cls", "clothes, 28 x 28 grey, 10 classes", 70_000, "MIT"),
    "cifar10": Builtin("image_cls", "photographs, 32 x 32 RGB, 10 classes", 60_000, "not stated"),
    "cifar100": Builtin("image_cls", "photographs, 32 x 32 RGB, 100 classes", 60_000, "not stated"),
    "imdb": Builtin("text_cls", "film reviews, 2 classes", 50_000, "not stated"),
}  # fmt: skip
KERAS_NAMES = {"fashion_mnist_full": "fashion_mnist"}


def load(name: str, options: DataOptions) -> Dataset:
    """Read the data set of that name, like one's own data; SuiteError if it cannot be downloaded."""
    entry = NAMES[name]
    if entry.label:
        options = replace(options, label_column=options.label_column or entry.label)
    read = _reader(entry.domain)
    dataset = read(path(name), options) if entry.embedded else _download(name, options)
    dataset.source = {"name": name, **{key: value for key, value in dataset.source.items() if key != "path"}}
    dataset.notes = [entry.note] if entry.note else []
    return dataset


def path(name: str) -> Path:
    """The file of an embedded data set."""
    return EMBEDDED / name / NAMES[name].file


def _reader(domain: str) -> Callable[[Path, DataOptions], Dataset]:
    from suite.data import images, tables, texts

    return {"image_cls": images.read, "text_cls": texts.read, "fraud": tables.read, "table": tables.read_any}[domain]


def _download(name: str, options: DataOptions) -> Dataset:
    """Download through Keras, which checks the file's hash, and read the data with our own readers."""
    import tempfile

    import numpy as np

    from suite.config import load_tensorflow

    load_tensorflow()
    from keras import datasets

    module = getattr(datasets, KERAS_NAMES.get(name, name))
    try:
        (x_train, y_train), (x_test, y_test) = module.load_data()
        words = module.get_word_index() if name == "imdb" else {}
    except Exception as error:  # Keras raises a plain Exception if there is no network
        raise SuiteError(
            f"'{name}' has to be downloaded, and there is no network: "
            "connect, or choose an embedded set from 'suite data list'"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        if name == "imdb":
            path = Path(folder) / "imdb.csv"
            _write_reviews(path, [*x_train, *x_test], np.concatenate([y_train, y_test]), words)
        else:
            path = Path(folder) / f"{name}.npz"
            np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
        return _reader(NAMES[name].domain)(path, options)


def _write_reviews(path: Path, reviews: "list[Any]", labels: "np.ndarray", words: dict[str, int]) -> None:
    """Write reviews as text; Keras shifts word numbers by three, for start, unknown and padding."""
    import csv

    text = {number + 3: word for word, number in words.items()}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for review, label in zip(reviews, labels, strict=True):
            writer.writerow([" ".join(text.get(number, "") for number in review), ("negative", "positive")[label]])
