"""The estimators by scikit-learn's own checks. Most fit networks: `make check-estimators` runs these, too."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from suite.sklearn import Classifier, Regressor
from suite.sklearn.checks import EXPECTED_FAILED_CHECKS

ALL = "SUITE_TEST_ALL_CHECKS"
# Those that fit nothing, or for whom one or two networks are enough to say much.
FEW = {
    "check_classifiers_one_label", "check_classifiers_one_label_sample_weights", "check_classifiers_regression_target",
    "check_complex_data", "check_decision_proba_consistency",
    "check_do_not_raise_errors_in_init_or_set_params", "check_estimator_cloneable", "check_estimator_repr",
    "check_estimator_sparse_array", "check_estimator_sparse_matrix", "check_estimator_sparse_tag",
    "check_estimator_tags_renamed", "check_estimators_empty_data_messages", "check_estimators_partial_fit_n_features",
    "check_estimators_unfitted", "check_fit1d", "check_fit2d_1sample", "check_get_params_invariance",
    "check_mixin_order", "check_n_features_in", "check_no_attributes_set_in_init",
    "check_non_transformer_estimators_n_iter", "check_parameters_default_constructible",
    "check_regressors_no_decision_function", "check_requires_y_none", "check_set_params", "check_supervised_y_no_nan",
    "check_valid_tag_types",
}  # fmt: skip


def checks() -> list[Any]:
    """Each estimator with each check; those that are left out and those that are expected to fail are marked."""
    found = []
    for estimator in (Classifier(epochs=10, retrain=False), Regressor(epochs=20, retrain=False)):
        kind = type(estimator).__name__
        for one, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            reason = EXPECTED_FAILED_CHECKS[kind].get(name)
            marks: list[Any] = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
            if name not in FEW:
                marks.append(pytest.mark.skipif(ALL not in os.environ, reason="only 'make check-estimators' runs it"))
            found.append(pytest.param(one, check, marks=marks, id=f"{kind}-{name}"))
    return found


# Some checks have data of which scikit-learn warns.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("estimator", "check"), checks())
def test_estimators_keep_the_conventions(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def test_the_page_names_what_is_expected_to_fail() -> None:
    page = (Path(__file__).parents[3] / "suite" / "README.md").read_text()
    for reasons in EXPECTED_FAILED_CHECKS.values():
        for name, reason in reasons.items():
            assert f"| `{name}` | {reason} |" in page
