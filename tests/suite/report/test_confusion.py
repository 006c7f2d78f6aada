from xml.etree import ElementTree

import numpy as np

from suite.report import confusion


def test_up_to_fifty_classes_have_numbers() -> None:
    counts = np.eye(50, dtype=np.int64) * 9
    counts[0, 1] = 1
    table = confusion.matrix(counts)
    assert table is not None
    assert [count for count, _ in table[0][:3]] == [9, 1, 0]
    strengths = [strength for _, strength in table[0][:3]]
    assert strengths[0] > strengths[1] > strengths[2] == 0
    assert confusion.cluster([str(n) for n in range(50)], counts) is None
    assert confusion.matrix(np.eye(51, dtype=np.int64)) is None


def test_more_classes_are_shown_by_clusters_of_those_confused_with_each_other() -> None:
    counts = np.eye(60, dtype=np.int64) * 20
    for first, second in ((3, 40), (40, 3), (3, 58), (58, 3), (40, 58), (7, 8), (8, 7)):
        counts[first, second] = 6
    counts[20, 30] = 1
    labels = [f"<{n}>" for n in range(60)]
    found = confusion.cluster(labels, counts)
    assert found is not None
    assert {frozenset(one.labels): (one.rows, one.wrong) for one in found.clusters} == {
        frozenset({"<3>", "<40>", "<58>"}): (90, 30),
        frozenset({"<7>", "<8>"}): (52, 12),
    }
    assert found.heat_map is not None
    drawing = ElementTree.fromstring(str(found.heat_map))
    assert len(drawing.findall("rect[@class='cluster']")) == 2
    assert "<3> predicted as <40>: 6" in [title.text for title in drawing.iter("title")]


def test_very_many_classes_have_clusters_without_a_map() -> None:
    counts = np.eye(1_200, dtype=np.int64) * 20
    counts[0, 1_199] = counts[1_199, 0] = 10
    found = confusion.cluster([str(n) for n in range(1_200)], counts)
    assert found is not None
    assert [sorted(one.labels) for one in found.clusters] == [["0", "1199"]]
    assert found.heat_map is None
