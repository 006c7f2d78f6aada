import numpy as np
import pytest

from suite.decision import is_flagged, predicted_classes

PROBABILITIES = np.array([[0.9, 0.1], [0.5, 0.5], [0.35, 0.65]])


@pytest.mark.parametrize(
    ("threshold", "classes"), [(None, [0, 0, 1]), (0.65, [0, 0, 1]), (0.5, [0, 1, 1]), (0.0, [1, 1, 1])]
)
def test_a_row_is_flagged_from_the_threshold_on(threshold: float | None, classes: list[int]) -> None:
    assert predicted_classes(PROBABILITIES, threshold).tolist() == classes


def test_one_score_is_decided_like_an_array_of_scores() -> None:
    scores = PROBABILITIES[:, 1]
    assert [is_flagged(float(score), 0.5) for score in scores] == is_flagged(scores, 0.5).tolist()


def test_the_likeliest_of_several_classes_wins() -> None:
    assert predicted_classes(np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]]), None).tolist() == [1, 0]
