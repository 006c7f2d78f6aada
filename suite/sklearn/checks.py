"""Where the estimators differ from what scikit-learn's `check_estimator` asks for, and why.

check_estimator(Regressor(epochs=20), expected_failed_checks=EXPECTED_FAILED_CHECKS["Regressor"])
"""

from collections.abc import Mapping

_FEW = "has {}, and 20 are needed to train, validate and test"

# By the estimator's name, a reason for each check.
EXPECTED_FAILED_CHECKS: Mapping[str, Mapping[str, str]] = {
    "Classifier": {},
    "Regressor": {
        "check_fit2d_1feature": _FEW.format("10 rows"),
        "check_fit2d_1sample": _FEW.format("one row"),
        "check_n_features_in_after_fitting": _FEW.format("15 rows"),
        "check_regressors_no_decision_function": _FEW.format("10 rows"),
    },
}
