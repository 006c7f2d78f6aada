"""The suite as estimators of scikit-learn: `Classifier` and `Regressor` stand in pipelines, searches and validation.

from sklearn.model_selection import cross_val_score

from suite.sklearn import Classifier

cross_val_score(Classifier(epochs=20), X, y)
"""

from suite.api import installation

try:
    from suite.sklearn.data import InvalidData, InvalidType
    from suite.sklearn.estimators import Classifier, Regressor
except ModuleNotFoundError as error:
    if not installation.is_for_training(error.name or ""):
        raise
    raise installation.without_training(error.name or "") from None

__all__ = ["Classifier", "InvalidData", "InvalidType", "Regressor"]
