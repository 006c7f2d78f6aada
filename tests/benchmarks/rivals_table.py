"""Gradient boosting and linear models on tables, each trained on every split of an .npz.

Run in the rivals' environment with the .npz and where to write the answers. It holds `numbers` float32 (N, F), NaN
where missing, `categories` int32 (N, C), `y`, and `train_0`, `test_0`, `train_1`, ...: row numbers. Answers hold
`MODEL_0`, `MODEL_1`, ...: of those test rows, and `seconds_MODEL` in all. y float is a number to predict, and answers
are (N,); else they are probabilities (N, classes).

Boosting: up to 500 rounds at a rate of 0.05 with rows and columns sampled, on all training rows; categories as such. On
fewer than 10,000 training rows, as many rounds as five-fold cross-validation among them finds best.
"""

import sys
from time import perf_counter

import lightgbm
import numpy as np
import scipy.sparse
import xgboost
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROUNDS, RATE, THREADS = 500, 0.05, 2
FEW, FOLDS = 10_000, 5


def linear(numbers, categories, y, train, test):
    filled = np.where(np.isnan(numbers), np.nan_to_num(np.nanmedian(numbers[train], axis=0)), numbers)
    scaler = StandardScaler().fit(filled[train])
    one_hot = OneHotEncoder(handle_unknown="ignore").fit(categories[train]) if categories.shape[1] else None

    def features(rows):
        scaled = scaler.transform(filled[rows])
        return scaled if one_hot is None else scipy.sparse.hstack([scaled, one_hot.transform(categories[rows])]).tocsr()

    if is_number(y):
        # RidgeCV centres only dense features.
        dense = [part if isinstance(part, np.ndarray) else part.toarray() for part in map(features, (train, test))]
        return RidgeCV(np.logspace(-2, 3, 6)).fit(dense[0], y[train]).predict(dense[1])
    model = LogisticRegression(max_iter=2000)
    return model.fit(features(train), y[train]).predict_proba(features(test))


def lightgbm_(numbers, categories, y, train, test):
    x = np.concatenate([numbers, categories.astype(np.float32)], axis=1)
    names = list(range(numbers.shape[1], x.shape[1]))
    objective, metric = {
        "number": ("regression", "l2"), "two": ("binary", "binary_logloss"), "many": ("multiclass", "multi_logloss")
    }[kind(y)]  # fmt: skip
    options = {
        "objective": objective, "learning_rate": RATE, "num_leaves": 15, "min_child_samples": 20, "subsample": 0.8,
        "subsample_freq": 1, "colsample_bytree": 0.8, "reg_lambda": 1.0, "num_threads": THREADS, "verbosity": -1,
        "seed": 0, "deterministic": True, "force_row_wise": True,
    } | ({"num_class": int(y.max()) + 1} if objective == "multiclass" else {})  # fmt: skip
    data = lightgbm.Dataset(x[train], y[train], categorical_feature=names, free_raw_data=False)
    rounds = ROUNDS
    if len(train) < FEW:
        found = lightgbm.cv(
            options | {"metric": metric}, data, ROUNDS, nfold=FOLDS, seed=0, stratified=not is_number(y)
        )
        rounds = 1 + int(np.argmin(found[f"valid {metric}-mean"]))
    return both(lightgbm.train(options, data, rounds).predict(x[test]), y)


def xgboost_(numbers, categories, y, train, test):
    x = np.concatenate([numbers, categories.astype(np.float32)], axis=1)
    types = ["q"] * numbers.shape[1] + ["c"] * categories.shape[1]

    def matrix(rows):
        return xgboost.DMatrix(x[rows], y[rows], feature_types=types, enable_categorical=True)

    objective, metric = {
        "number": ("reg:squarederror", "rmse"), "two": ("binary:logistic", "logloss"),
        "many": ("multi:softprob", "mlogloss"),
    }[kind(y)]  # fmt: skip
    options = {
        "objective": objective, "eta": RATE, "max_depth": 5, "subsample": 0.8, "colsample_bytree": 0.8,
        "lambda": 1.0, "nthread": THREADS, "seed": 0, "tree_method": "hist", "eval_metric": metric,
    } | ({"num_class": int(y.max()) + 1} if kind(y) == "many" else {})  # fmt: skip
    rounds = ROUNDS
    if len(train) < FEW:
        found = xgboost.cv(
            options, matrix(train), ROUNDS, nfold=FOLDS, stratified=not is_number(y), seed=0, as_pandas=False
        )
        rounds = 1 + int(np.argmin(found[f"test-{metric}-mean"]))
    return both(xgboost.train(options, matrix(train), rounds).predict(matrix(test)), y)


def is_number(y):
    return y.dtype.kind == "f"


def kind(y):
    return "number" if is_number(y) else "two" if y.max() == 1 else "many"


def both(answers, y):
    """Probabilities of both classes, where there are two."""
    return np.stack([1 - answers, answers], axis=1) if kind(y) == "two" else answers


MODELS = {"linear": linear, "lightgbm": lightgbm_, "xgboost": xgboost_}


def main(source, target):
    with np.load(source) as saved:
        data = dict(saved)
    table = data["numbers"], data["categories"], data["y"]
    answers = {}
    for name, model in MODELS.items():
        started = perf_counter()
        for split in range(sum(key.startswith("test_") for key in data)):
            answers[f"{name}_{split}"] = model(*table, data[f"train_{split}"], data[f"test_{split}"])
        answers[f"seconds_{name}"] = perf_counter() - started
    np.savez(target, **answers)


main(*sys.argv[1:])
