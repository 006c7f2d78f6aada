"""What an oracle knows of the search that it serves."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OracleOptions:
    """At most `trials` trials (None: no bound) of `epochs` epochs each.

    `pruner` names the rule that ends trials early. In `folder` an oracle may write files for other tools.
    """

    trials: int | None
    epochs: int
    seed: int
    pruner: str | None = None
    folder: Path | None = None
