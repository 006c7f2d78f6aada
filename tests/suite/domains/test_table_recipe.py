"""How long the networks for tables are trained."""

from suite import domain as registry


def test_more_rows_have_fewer_epochs_and_more_steps() -> None:
    rows = [100, 1_000, 10_000, 200_000, 10_000_000]
    recipe = registry.get("fraud").recipe
    epochs = [recipe.epochs_for(count) for count in rows]
    steps = [count * each for count, each in zip(rows, epochs, strict=True)]
    assert epochs[1] == recipe.epochs
    assert epochs == sorted(epochs, reverse=True)
    assert steps == sorted(steps)
    assert epochs[-1] == 5
