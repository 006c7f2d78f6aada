"""Make the embedded data sets from their originals: python -m suite.data.embedded.make SOURCE

SOURCE holds fashion_mnist/ (the four idx .gz files), movie_sentiment/movie_sentiment.csv,
creditcard/creditcard.parquet wine/wine.data and tables/diamonds.csv. The same originals give the same files.
"""

import csv
import gzip
import io
import sys
from pathlib import Path

import numpy as np
from pyarrow import parquet

from suite.data import arrays

TARGET = Path(__file__).parent
CLASS_NAMES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
WINE = (
    "alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols", "flavanoids",
    "nonflavanoid phenols", "proanthocyanins", "color intensity", "hue", "OD280/OD315 of diluted wines", "proline",
)  # fmt: skip
TRAIN, TEST, OTHERS, DIAMONDS = 10_000, 2_000, 30_000, 2_000


def fashion_mnist(source: Path, target: Path) -> None:
    """10,000 of the training pictures and 2,000 of the test pictures, the same number of each class."""
    found = arrays.read_idx(source)
    generator = np.random.default_rng(0)
    parts = {}
    for name, size in (("train", TRAIN), ("test", TEST)):
        rows = np.flatnonzero(found.given_splits == name)
        each = size // len(CLASS_NAMES)
        chosen = [
            generator.choice(rows[found.y[rows] == label], each, replace=False) for label in range(len(CLASS_NAMES))
        ]
        order = generator.permutation(np.concatenate(chosen))
        parts[f"x_{name}"], parts[f"y_{name}"] = found.images[order], found.y[order].astype(np.uint8)
    np.savez_compressed(target / "fashion_mnist.npz", class_names=np.array(CLASS_NAMES), **parts)


def movie_sentiment(source: Path, target: Path) -> None:
    """Every sentence with its label; the mean rating, from which the label was made, is left out."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["text", "label"])
    with (source / "movie_sentiment.csv").open(newline="", encoding="utf-8") as file:
        writer.writerows((row["text"], row["label"]) for row in csv.DictReader(file))
    with (target / "movie_sentiment.csv.gz").open("wb") as file:
        file.write(gzip.compress(text.getvalue().encode(), mtime=0))


def card_fraud(source: Path, target: Path) -> None:
    """Every fraud and 30,000 of the other payments, in order of time."""
    table = parquet.read_table(source / "creditcard.parquet").sort_by("Time")
    fraud = table["Class"].to_numpy() == 1
    others = np.random.default_rng(0).choice(np.flatnonzero(~fraud), OTHERS, replace=False)
    rows = np.sort(np.concatenate([np.flatnonzero(fraud), others]))
    parquet.write_table(table.take(rows), target / "card_fraud.parquet", compression="zstd", compression_level=19)


def wine(source: Path, target: Path) -> None:
    """Every row, with names for its columns and its class at the end."""
    with (source / "wine.data").open(newline="") as file, (target / "wine.csv").open("w", newline="") as written:
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow([*WINE, "class"])
        writer.writerows([*row[1:], f"cultivar {row[0]}"] for row in csv.reader(file) if row)


def diamonds(source: Path, target: Path) -> None:
    """2,000 rows, drawn with seed 0, in the original's order."""
    header, *lines = (source / "diamonds.csv").read_text().splitlines()
    drawn = np.sort(np.random.default_rng(0).choice(len(lines), DIAMONDS, replace=False))
    text = "\n".join([header, *(lines[row] for row in drawn), ""])
    with (target / "diamonds.csv.gz").open("wb") as file:
        file.write(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    originals = Path(sys.argv[1])
    fashion_mnist(originals / "fashion_mnist", TARGET / "fashion_mnist")
    movie_sentiment(originals / "movie_sentiment", TARGET / "movie_sentiment")
    card_fraud(originals / "creditcard", TARGET / "card_fraud")
    wine(originals / "wine", TARGET / "wine")
    diamonds(originals / "tables", TARGET / "diamonds")
