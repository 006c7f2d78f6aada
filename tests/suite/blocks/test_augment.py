from typing import Any

import numpy as np
import pytest
from keras_tuner import HyperParameters

ALL = {
    "augment/shift": 0.2,
    "augment/flip": True,
    "augment/randaugment": 2,
    "augment/strength": 1.0,
    "augment/erase": 0.5,
    "augment/mixup": 0.4,
    "augment/cutmix": 1.0,
}
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (64, 12, 10, 3), dtype=np.uint8)
TARGETS = np.eye(4, dtype=np.float32)[RNG.integers(0, 4, 64)]


def augmented(values: dict[str, Any], seed: int = 0, pictures: np.ndarray = PICTURES) -> tuple[np.ndarray, np.ndarray]:
    """The augmented pictures as training sees them: a graph inside tf.data."""
    import tensorflow as tf

    from suite.blocks import augment

    hp = HyperParameters()
    hp.values.update({"augment/shift": 0.0, "augment/erase": 0.0, **values})
    change = augment.pictures(hp, "augment", "image")
    assert change
    data = tf.data.Dataset.from_tensors(({"image": pictures}, TARGETS[: len(pictures)]))
    inputs, targets = next(iter(data.map(lambda inputs, targets: change(inputs, targets, tf.constant([seed, 1])))))
    return inputs["image"].numpy(), targets.numpy()


@pytest.mark.parametrize("name", [*ALL, "all"])
def test_the_seed_alone_decides(name: str) -> None:
    values = ALL if name == "all" else {name: ALL[name]}
    if name == "augment/strength":
        values |= {"augment/randaugment": 1}
    first, again, other = augmented(values), augmented(values), augmented(values, seed=1)
    assert first[0].dtype == np.uint8
    assert first[0].shape == PICTURES.shape
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first[0] != other[0]).any()
    assert (first[0] != PICTURES).any()
    np.testing.assert_allclose(first[1].sum(axis=1), 1, atol=1e-5)


def test_without_augmentation_nothing_changes() -> None:
    from suite.blocks import augment

    hp = HyperParameters()
    hp.values |= {"augment/shift": 0.0, "augment/erase": 0.0}
    assert augment.pictures(hp, "augment", "image") is None


def test_pictures_are_shifted_and_filled_with_their_edge_pixels() -> None:
    rows, columns = np.mgrid[:12, :10]
    picture = np.stack([rows * 10, columns * 10, rows * 0], axis=-1).astype(np.uint8)
    moved, targets = augmented({"augment/shift": 0.2}, pictures=np.stack([picture] * 64))
    assert (targets == TARGETS).all()
    seen = set()
    for result in moved:
        down, across = int(result[6, 5, 0]) // 10 - 6, int(result[6, 5, 1]) // 10 - 5
        expected = picture[np.clip(np.arange(12) + down, 0, 11)][:, np.clip(np.arange(10) + across, 0, 9)]
        assert (result == expected).all()
        seen.add((down, across))
    assert {down for down, _ in seen} == set(range(-2, 3))
    assert {across for _, across in seen} == set(range(-2, 3))


def test_about_half_are_mirrored() -> None:
    flipped, _ = augmented({"augment/flip": True})
    mirrored = (flipped == PICTURES[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((flipped == PICTURES).all(axis=(1, 2, 3)) ^ mirrored).all()
    assert 16 < mirrored.sum() < 48


def test_erased_boxes_have_the_mean_colour_and_an_allowed_size() -> None:
    erased, _ = augmented({"augment/erase": 0.5})
    changed = (erased != PICTURES).any(axis=-1)
    assert 16 < changed.any(axis=(1, 2)).sum() < 48
    assert changed.mean(axis=(1, 2)).max() <= 0.3
    for before, after, mask in zip(PICTURES, erased, changed, strict=True):
        if mask.any():
            assert np.abs(after[mask] - before.mean(axis=(0, 1))).max() <= 1


def test_mixup_blends_a_picture_and_its_target_by_the_same_share() -> None:
    mixed, targets = augmented({"augment/mixup": 1.0})
    other, other_targets = np.roll(PICTURES, 1, axis=0), np.roll(TARGETS, 1, axis=0)
    different = (other_targets != TARGETS).any(axis=1)
    share = targets[different][TARGETS[different] == 1][:, None, None, None]
    np.testing.assert_allclose(mixed[different], share * PICTURES[different] + (1 - share) * other[different], atol=1)
    assert 0.2 < share.std() < 0.4  # uniform: 0.29


def test_cutmix_pastes_a_box_and_counts_its_pixels() -> None:
    mixed, targets = augmented({"augment/cutmix": 1.0})
    pasted = (mixed != PICTURES).any(axis=-1)
    other, other_targets = np.roll(PICTURES, 1, axis=0), np.roll(TARGETS, 1, axis=0)
    assert ((mixed == other) | ~pasted[..., None]).all()
    different = (other_targets != TARGETS).any(axis=1)
    kept = 1 - pasted.mean(axis=(1, 2))
    np.testing.assert_allclose(targets[different][TARGETS[different] == 1], kept[different], atol=1e-5)
    assert 0.2 < kept.std() < 0.4


def test_each_change_of_randaugment_does_what_its_name_says() -> None:
    import tensorflow as tf

    from suite.blocks import randaugment

    def one(name: str, amount: float) -> np.ndarray:
        numbers = tf.fill((64,), randaugment.CHANGES.index(name))
        return np.asarray(randaugment.perform(tf.constant(x), numbers, tf.fill((64,), amount)))

    x = PICTURES.astype(np.float32) / 2 + 20
    np.testing.assert_allclose(one("identity", 1.0), x, atol=1e-3)
    np.testing.assert_allclose(one("brightness", -0.5), x * 0.55, atol=1e-3)
    np.testing.assert_allclose(one("contrast", -0.5).std(), x.std(), rtol=0.6)
    assert one("contrast", -0.5).std() < x.std() < one("contrast", 0.5).std()
    assert (np.ptp(one("colour", -1.0), axis=-1) < np.ptp(x, axis=-1) + 1e-3).all()
    np.testing.assert_allclose(one("autocontrast", 0.1).max(axis=(1, 2)), 255, atol=1e-2)
    np.testing.assert_allclose(one("solarize", 0.5), np.where(x > 127.5, 255 - x, x), atol=1e-3)
    np.testing.assert_allclose(one("posterize", 0.25), x // 8 * 8, atol=1e-3)
    assert np.abs(np.diff(one("sharpness", -1.0), axis=1)).mean() < np.abs(np.diff(x, axis=1)).mean()
    across = one("shift_across", 2 / (0.45 * 10))
    np.testing.assert_allclose(across[:, :, :-2], x[:, :, 2:], atol=1e-2)
    down = one("shift_down", 2 / (0.45 * 12))
    np.testing.assert_allclose(down[:, :-2], x[:, 2:], atol=1e-2)
    square = np.zeros((64, 11, 11, 3), np.float32)
    square[:, 5, :] = 200.0
    turned = np.asarray(randaugment.perform(tf.constant(square), tf.fill((64,), 2), tf.fill((64,), 1.0)))
    assert turned[0, 5, 5, 0] == pytest.approx(200, abs=1)
    assert abs(turned[0, :, 9, 0].argmax() - 5) == round(4 * np.tan(np.pi / 6))
    for name in ("shear_across", "shear_down"):
        sheared = one(name, 1.0)
        np.testing.assert_allclose(sheared.mean(), x.mean(), rtol=0.1)
        assert (np.abs(sheared - x) > 1).any()
