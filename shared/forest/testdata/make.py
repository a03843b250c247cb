"""Trains the small models beside this file and writes what XGBoost itself says of some rows.

    python make.py FOLDER        (xgboost 3.2.0, numpy 2.4.6)

Per model: NAME.json as `save_model` writes it, NAME.csv with the rows, and NAME.golden.csv with a line per row: the
margin, the contributions, then the interactions row by row. Everything is drawn from a fixed seed; no real data.
"""

import json
import pathlib
import sys

import numpy as np
import xgboost as xgb

ROWS = 40


def table(rng, n, columns, missing):
    """Random rows: "q" columns are numbers, a number k stands for a categorical column of k categories."""
    data = np.empty((n, len(columns)), np.float32)
    for place, kind in enumerate(columns):
        data[:, place] = rng.normal(size=n).round(2) if kind == "q" else rng.integers(0, kind, n)
    data[rng.random(data.shape) < missing] = np.nan
    return data


def awkward(rng, rows, columns):
    """The rows with some values that training never saw: unknown, negative and broken codes, extremes, infinities."""
    rows = rows.copy()
    strange = rng.random(rows.shape) < 0.08
    values = [-1, -0.5, -0.0, 1.7, 5, 33, 1e9, -1e9, 3.4e38, np.nan]
    rows[strange] = rng.choice(np.array(values, np.float32), strange.sum())
    return rows


def model(folder, seed, name, columns, n=600, missing=0.05, rounds=4, early_stopping=False, **settings):
    rng = np.random.default_rng(seed)
    data = table(rng, n, columns, missing)
    filled = np.nan_to_num(data, nan=0.7)
    signal = filled[:, 0] * filled[:, -1] + np.sin(2 * filled).sum(axis=1) / 2
    label = (signal + rng.normal(size=n) > np.median(signal)).astype(int)
    names = [f"x{place}" for place in range(len(columns))]
    types = ["q" if kind == "q" else "c" for kind in columns]

    def matrix(rows, label=None):
        return xgb.DMatrix(rows, label, feature_names=names, feature_types=types, enable_categorical=True)

    settings = {"objective": "binary:logistic", "seed": seed, "nthread": 1, "eta": 0.3, **settings}
    if early_stopping:
        held = table(rng, n, columns, missing)
        noise = matrix(held, rng.integers(0, 2, n))
        booster = xgb.train(
            settings, matrix(data, label), rounds, [(noise, "noise")], early_stopping_rounds=rounds, verbose_eval=False
        )
        used = (0, booster.best_iteration + 1)
        assert used[1] < rounds, "early stopping left no tree out"
    else:
        booster = xgb.train(settings, matrix(data, label), rounds)
        used = (0, 0)
    booster.save_model(folder / f"{name}.json")

    rows = awkward(rng, table(rng, ROWS, columns, missing), columns)
    asked = matrix(rows)
    golden = np.hstack(
        [
            booster.predict(asked, output_margin=True, iteration_range=used).reshape(ROWS, 1),
            booster.predict(asked, pred_contribs=True, iteration_range=used),
            booster.predict(asked, pred_interactions=True, iteration_range=used).reshape(ROWS, -1),
        ]
    )
    write(folder / f"{name}.csv", names, rows)
    write(folder / f"{name}.golden.csv", None, golden)


def write(path, header, rows):
    with open(path, "w") as file:
        if header:
            print(",".join(header), file=file)
        for row in rows:
            print(",".join("" if np.isnan(value) else f"{value:.9g}" for value in row), file=file)


def main(folder):
    q = "q"
    model(folder, 1, "deep", [q, q, q, q, 3], rounds=3, max_depth=12, min_child_weight=0, reg_lambda=0.1)
    model(folder, 2, "stump", [q, q], rounds=1, max_depth=1)
    model(folder, 3, "one_hot", [3, 4, q, 3], rounds=6, max_depth=3, max_cat_to_onehot=10)
    model(folder, 4, "partition", [12, 40, q, 5], rounds=6, max_depth=4, max_cat_to_onehot=1, min_child_weight=0)
    model(folder, 5, "missing", [q, q, q, 3], rounds=8, missing=0.6, max_depth=4)
    model(folder, 6, "repeated", [q, q], rounds=8, max_depth=6)
    model(folder, 7, "single_leaf", [q, q], rounds=3, max_depth=2, gamma=1e6)
    model(folder, 8, "pairs", [q, q, 3, 4, 2], rounds=40, max_depth=2, subsample=0.7)
    model(folder, 9, "wide", [q] * 12, rounds=3, max_depth=9, min_child_weight=0, reg_lambda=0)
    model(folder, 10, "stopped", [q, q, 3], rounds=12, max_depth=3, early_stopping=True, num_parallel_tree=2)
    model(folder, 11, "lossguide", [q, q, q, 4], rounds=4, grow_policy="lossguide", max_leaves=60, max_depth=0)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
