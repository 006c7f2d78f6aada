"""Gradient boosting and logistic regression on tables, each trained on every split of an .npz.

Run in the rivals' environment with the .npz and where to write the answers. It holds `numbers` float32 (N, F), NaN
where missing, `categories` int32 (N, C), `y`, and `train_0`, `test_0`, `train_1`, ...: row numbers. Answers hold
`MODEL_0`, `MODEL_1`, ...: the scores of those test rows, and `seconds_MODEL` in all.

Boosting: up to 500 rounds at a rate of 0.05 with rows and columns sampled, on all training rows; categories as such. On
fewer than 10,000 training rows, as many rounds as five-fold cross-validation among them finds best.
"""

import sys
from time import perf_counter

import lightgbm
import numpy as np
import scipy.sparse
import xgboost
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROUNDS, RATE, THREADS = 500, 0.05, 2
FEW, FOLDS = 10_000, 5


def logistic(numbers, categories, y, train, test):
    filled = np.where(np.isnan(numbers), np.nanmedian(numbers[train], axis=0), numbers)
    scaler = StandardScaler().fit(filled[train])
    one_hot = OneHotEncoder(handle_unknown="ignore").fit(categories[train]) if categories.shape[1] else None

    def features(rows):
        scaled = scaler.transform(filled[rows])
        return scaled if one_hot is None else scipy.sparse.hstack([scaled, one_hot.transform(categories[rows])])

    model = LogisticRegression(max_iter=2000).fit(features(train), y[train])
    return model.predict_proba(features(test))[:, 1]


def lightgbm_(numbers, categories, y, train, test):
    x = np.concatenate([numbers, categories.astype(np.float32)], axis=1)
    names = list(range(numbers.shape[1], x.shape[1]))
    options = {
        "objective": "binary", "learning_rate": RATE, "num_leaves": 15, "min_child_samples": 20, "subsample": 0.8,
        "subsample_freq": 1, "colsample_bytree": 0.8, "reg_lambda": 1.0, "num_threads": THREADS, "verbosity": -1,
        "seed": 0, "deterministic": True, "force_row_wise": True,
    }  # fmt: skip
    data = lightgbm.Dataset(x[train], y[train], categorical_feature=names, free_raw_data=False)
    rounds = ROUNDS
    if len(train) < FEW:
        found = lightgbm.cv(options | {"metric": "binary_logloss"}, data, ROUNDS, nfold=FOLDS, seed=0)
        rounds = 1 + int(np.argmin(found["valid binary_logloss-mean"]))
    return lightgbm.train(options, data, rounds).predict(x[test])


def xgboost_(numbers, categories, y, train, test):
    x = np.concatenate([numbers, categories.astype(np.float32)], axis=1)
    types = ["q"] * numbers.shape[1] + ["c"] * categories.shape[1]

    def matrix(rows):
        return xgboost.DMatrix(x[rows], y[rows], feature_types=types, enable_categorical=True)

    options = {
        "objective": "binary:logistic", "eta": RATE, "max_depth": 5, "subsample": 0.8, "colsample_bytree": 0.8,
        "lambda": 1.0, "nthread": THREADS, "seed": 0, "tree_method": "hist",
    }  # fmt: skip
    rounds = ROUNDS
    if len(train) < FEW:
        found = xgboost.cv(options, matrix(train), ROUNDS, nfold=FOLDS, stratified=True, seed=0, as_pandas=False)
        rounds = 1 + int(np.argmin(found["test-logloss-mean"]))
    return xgboost.train(options, matrix(train), rounds).predict(matrix(test))


MODELS = {"logistic": logistic, "lightgbm": lightgbm_, "xgboost": xgboost_}


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
