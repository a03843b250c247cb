"""Trains the churn model of a workspace and writes churn.json, card.json and evaluation.json into its models/.

train.py [CUSTOMERS.csv] [--workspace FOLDER] [--out FOLDER] [--allow-other-data] [--data-date YYYY-MM-DD]
train.py [CUSTOMERS.csv] [--workspace FOLDER] --search

Without a file it trains on the workspace's own customers. Customers whose outcome is not known yet are left out.
"""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import numpy as np
import pandas as pd
import scipy
import sklearn
import xgboost
from sklearn.metrics import log_loss, roc_auc_score

import churn_model
import evaluation
from workspace import Workspace, sha256

ROOT = Path(__file__).parent.parent
LIBRARIES = [np, pd, scipy, sklearn, xgboost]

SEARCH_REPEATS = 2
# Each entry changes the shipped settings; "rounds" is the number of trees.
SEARCH = [
    {},
    {"max_depth": 1, "rounds": 1200},
    {"max_depth": 3},
    {"max_depth": 3, "rounds": 400},
    {"max_depth": 4, "rounds": 300},
    {"max_depth": 4, "eta": 0.1, "rounds": 100},
    {"rounds": 400},
    {"rounds": 800},
    {"rounds": 1200, "eta": 0.01},
    {"rounds": 240, "eta": 0.05},
    {"subsample": 0.5},
    {"subsample": 1.0},
    {"colsample_bytree": 0.3},
    {"colsample_bytree": 1.0},
    {"reg_lambda": 1},
    {"reg_lambda": 20},
    {"min_child_weight": 1},
    {"min_child_weight": 20},
]


def rounded(value):
    """The same structure with every float at nine significant digits, which any CPU reproduces."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.9g}")
    return value


def write_json(path, value, **layout):
    """Writes the rounded value; `layout` goes to `json.dumps`."""
    path.write_text(json.dumps(rounded(value), **layout) + "\n")


def training_distribution(schema, frame, rows):
    """What drift is measured against: the share of customers in each category or each of ten equal-mass bins.

    Bin i of a number holds edges[i-1] <= value < edges[i]; shares are of the values that are not missing.
    """
    features = {}
    for field, column in zip(schema.features.values(), rows.T, strict=True):
        values = None if field.values is None else field.spelled_in(frame[field.column])
        present = column[~np.isnan(column)]
        if values is None:
            edges = np.unique(np.quantile(present, np.arange(1, evaluation.BINS) / evaluation.BINS))
            counts = np.bincount(np.searchsorted(edges, present, side="right"), minlength=len(edges) + 1)
            bins = {"edges": edges}
        else:
            counts = np.bincount(present.astype(int), minlength=len(values))
            bins = {"values": values}
        features[field.name] = {**bins, "shares": counts / len(present), "missing": float(np.isnan(column).mean())}
    return features


def groups_of(schema, name, frame):
    """The value of a flag or choice of each customer, as `evaluation.json` names its groups."""
    names = np.array([*schema[name].values, "unknown"])
    codes = schema.codes(name, frame, {})
    return names[np.where(np.isnan(codes), len(names) - 1, codes).astype(int)]


def search(schema, rows, labels, same):
    """Prints as a Markdown table how each candidate does out of fold, uncalibrated."""
    print("| change | trees | ROC-AUC | log loss |\n|---|---|---|---|")
    for change in SEARCH:
        settings, rounds = churn_model.changed(change)
        scores = []
        for seed in range(SEARCH_REPEATS):
            margins, _ = evaluation.out_of_fold(schema, rows, labels, settings, rounds, seed, same)
            probabilities = churn_model.calibrate(margins, 1, 0)
            scores.append((roc_auc_score(labels, probabilities), log_loss(labels, probabilities)))
        auc, loss = np.mean(scores, axis=0)
        named = ", ".join(f"{name} {value}" for name, value in change.items() if name != "rounds") or "none"
        print(f"| {named} | {rounds} | {auc:.4f} | {loss:.4f} |", flush=True)


def train(workspace, source, frame, data_date, out):
    """Trains on all customers of the source file, evaluates out of fold, and writes the three files into `out`."""
    schema, source_sha256 = workspace.schema, sha256(source)
    rows, labels = schema.encode(frame), schema.left(frame)
    same = workspace.same_rows(frame, rows)

    settings, rounds = workspace.settings, workspace.rounds
    # Each repeat has its own random numbers, so that they may be trained side by side.
    with ThreadPoolExecutor(cpu_count()) as pool:
        repeats = list(
            pool.map(
                lambda seed: evaluation.out_of_fold(schema, rows, labels, settings, rounds, seed, same),
                range(evaluation.REPEATS),
            )
        )
    probabilities = [evaluation.cross_calibrated(margins, labels, folds) for margins, folds in repeats]
    slope, intercept = churn_model.fit_calibration(
        np.concatenate([margins for margins, _ in repeats]), np.tile(labels, len(repeats))
    )

    booster = churn_model.fit(schema, rows, labels, settings, rounds)
    out.mkdir(parents=True, exist_ok=True)
    model_file = out / "churn.json"
    booster.save_model(model_file)

    card = {
        "version": f"{schema.name}-xgb-{sha256(model_file)[:8]}",
        "trained_on": {
            "file": source.name,
            "source": workspace.source_of(source_sha256),
            "sha256": source_sha256,
            "customers": len(labels),
            "churners": int(labels.sum()),
        },
        "data_date": data_date,
        "base_rate": labels.mean(),
        "libraries": {library.__name__: library.__version__ for library in LIBRARIES},
        "settings": {**settings, "rounds": rounds},
        "calibration": {"method": "platt", "slope": slope, "intercept": intercept},
        "metrics": {
            "folds": evaluation.FOLDS,
            "repeats": evaluation.REPEATS,
            **evaluation.summary(probabilities, labels),
        },
        "training_distribution": training_distribution(schema, frame, rows),
    }
    write_json(out / "card.json", card, indent=2)

    groups = {name: groups_of(schema, name, frame) for name in workspace.groups}
    report = {"version": card["version"], **evaluation.report(probabilities, labels, groups)}
    write_json(out / "evaluation.json", report, separators=(",", ":"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, nargs="?", metavar="CUSTOMERS.csv", help="default: the workspace's customers")
    parser.add_argument("--workspace", type=Path, default=ROOT, help="folder of the workspace (default: the repository)")
    parser.add_argument("--out", type=Path, help="folder to write to (default: the workspace's models)")
    parser.add_argument("--allow-other-data", action="store_true", help="train on another file than the one that is known")
    parser.add_argument("--data-date", help="the day the customers are dated to (default: the schema's)")
    parser.add_argument("--search", action="store_true", help="compare settings and write nothing")
    options = parser.parse_args()

    workspace = Workspace(options.workspace)
    source = options.source or workspace.customers
    frame = workspace.schema.settled(workspace.read(source, allow_other_data=options.allow_other_data))
    if options.search:
        rows = workspace.schema.encode(frame)
        search(workspace.schema, rows, workspace.schema.left(frame), workspace.same_rows(frame, rows))
    else:
        date = options.data_date or workspace.schema.as_of
        train(workspace, source, frame, date, options.out or workspace.models)


if __name__ == "__main__":
    main()
