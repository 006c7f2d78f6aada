from typing import Any
from xml.etree import ElementTree

import pytest

from suite.report import column_drawing, drawing, network
from suite.report.network import Block


def layers_of(blocks: list[Block]) -> list[str]:
    return [name for block in blocks for name in block.names]


def residual(repeats: int) -> Any:
    import keras
    from keras import layers

    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="first")(image)
    for number in range(repeats):
        y = layers.Conv2D(4, 3, padding="same", name=f"conv_{number}")(x)
        y = layers.Activation("relu", name=f"relu_{number}")(layers.BatchNormalization(name=f"norm_{number}")(y))
        x = layers.Add(name=f"add_{number}")([x, y])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(3, activation="softmax", name="answer")(x))


def test_layers_without_weights_are_drawn_with_the_layer_before() -> None:
    blocks = network.blocks(residual(1))
    assert [block.title for block in blocks] == [
        "image (float32)", "Conv2D 4 3×3", "Conv2D 4 3×3", "Add", "GlobalAveragePooling2D", "Dense 3",
    ]  # fmt: skip
    assert blocks[2].rest == ("BatchNormalization", "relu")
    assert blocks[2].parameters == 4 * 4 * 9 + 4 + 4 * 4
    assert [block.sources for block in blocks] == [(), (0,), (1,), (1, 2), (3,), (4,)]
    assert blocks[5].rest == ("softmax",)


def test_equal_groups_are_drawn_once_with_their_number() -> None:
    blocks = network.blocks(residual(5))
    assert len(blocks) == len(network.blocks(residual(1)))
    assert [(block.times, block.group) for block in blocks if block.times > 1] == [(5, 2)]
    assert blocks[4].sources == (3,)
    assert ">×5</text>" in drawing.draw(blocks)


def test_a_long_run_keeps_its_ends() -> None:
    import keras
    from keras import layers

    x = first = keras.Input((4,), name="x")
    for units in range(1, 31):
        x = layers.Dense(units)(x)
    blocks = network.blocks(keras.Model(first, x))
    middle = blocks[network.ENDS_OF_RUN]
    assert [block.title for block in blocks[:2]] == ["x (float32)", "Dense 1"]
    assert middle.title == "23 more layers"
    assert len(blocks) == 2 * network.ENDS_OF_RUN + 1
    assert len(layers_of(blocks)) == 31
    assert [block.sources for block in blocks[1:]] == [(number,) for number in range(len(blocks) - 1)]


def test_functions_between_layers_are_drawn_too() -> None:
    import keras
    from keras import layers, ops

    x = keras.Input((4,), name="x")
    y = layers.Dense(4, name="dense")(ops.expand_dims(x, 1))
    blocks = network.blocks(keras.Model(x, y * 2))
    assert [block.title for block in blocks] == ["x (float32)", "Dense 4"]
    assert blocks[0].rest == ("ExpandDims",)
    assert blocks[1].rest == ("Multiply",)


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    found = ElementTree.fromstring(svg).findall("./g[@class]/rect")
    return [tuple(float(box.get(key, "nan")) for key in ("x", "y", "width", "height")) for box in found]  # type: ignore[misc]


@pytest.mark.parametrize("repeats", [0, 1, 3])
def test_boxes_of_a_drawing_lie_within_it_and_apart(repeats: int) -> None:
    apart_within(str(drawing.draw(network.blocks(residual(repeats)))))


def test_every_domains_network_can_be_drawn(made: Any) -> None:
    import keras

    import suite.blocks.bags
    import suite.training.model  # noqa: F401

    model = keras.models.load_model(made.folder / "model.keras")
    blocks = network.blocks(model)
    assert sum(block.parameters * max(1, block.times) for block in blocks) >= model.count_params()
    assert set(layers_of(blocks)) <= {operation.name for operation in model.operations}
    svg = str(drawing.draw(blocks))
    # A wide network is drawn as a column only.
    assert (svg in (made.folder / "report.html").read_text()) is drawing.fits_page(blocks)
    apart_within(svg)


def apart_within(svg: str) -> None:
    left, top, width, height = (float(x) for x in ElementTree.fromstring(svg).get("viewBox", "").split())
    found = boxes(svg)
    for x, y, wide, high in found:
        assert left <= x
        assert x + wide <= left + width
        assert top <= y
        assert y + high <= top + height
    for number, (x, y, wide, high) in enumerate(found):
        for other in found[number + 1 :]:
            aside = x + wide <= other[0] or other[0] + other[2] <= x
            assert aside or y + high <= other[1] or other[1] + other[3] <= y


def test_in_one_column_every_edge_is_drawn_and_chains_stay_together() -> None:
    blocks = [
        Block("numbers", (3,), 0, ()),
        Block("words", (2,), 0, ()),
        Block("Dense 4", (4,), 16, (0,)),
        Block("Embedding 2", (2,), 8, (1,)),
        Block("Concatenate", (6,), 0, (2, 3)),
    ]
    root = ElementTree.fromstring(str(column_drawing.draw(blocks)))
    titles = [text.text for text in root.iter("text") if text.get("class") == "name"]
    assert titles == ["numbers", "Dense 4", "words", "Embedding 2", "Concatenate"]
    assert len([path for path in root.iter("path") if path.get("class") == "edge"]) == 4
    assert float(root.get("width", "0")) < 360
    assert {rect.get("x") for rect in root.iter("rect")} == {"-112.0"}


def test_in_one_column_a_repeated_group_has_one_frame_around_all_its_blocks() -> None:
    blocks = network.blocks(residual(5))
    root = ElementTree.fromstring(str(column_drawing.draw(blocks)))
    (frame,) = (rect for rect in root.iter("rect") if rect.get("class") == "repeat")
    top, bottom = float(frame.get("y", "0")), float(frame.get("y", "0")) + float(frame.get("height", "0"))
    inside = [rect for rect in root.iter("rect") if rect is not frame and top < float(rect.get("y", "0")) < bottom]
    assert len(inside) == next(block.group for block in blocks if block.times > 1)


def test_a_network_of_many_branches_is_too_wide_for_a_page() -> None:
    branches = [Block("Dense", (1,), 1, (0,)) for _ in range(6)]
    assert drawing.fits_page([Block("in", (1,), 0, ()), *branches[:3], Block("out", (1,), 0, (1, 2, 3))])
    assert not drawing.fits_page([Block("in", (1,), 0, ()), *branches, Block("out", (1,), 0, tuple(range(1, 7)))])
