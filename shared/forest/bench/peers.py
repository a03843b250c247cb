"""Measures the engine beside its peers, in the same run, and prints how many times faster it is.

    python peers.py SCORE MODELS CUSTOMERS.csv [--woodelf]

SCORE is the built example (`target/release/examples/score`), MODELS the folder of churn.json and telco.py. Depth 2 is
the shipped model; 100 trees of depth 4 and of depth 6, rate 0.1, are trained here on the customers. Everything runs on
one thread; a time is the median of several runs, and a run starts from rows of numbers in memory. XGBoost's
interactions take milliseconds a row, so that they are measured on the first rows only.

With --woodelf also against woodelf-explainer on the customers twenty times over. It reads no categorical splits: for
that comparison the same settings are trained with every feature a number.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np  # noqa: E402 (the threads are counted when it is imported)
import pandas as pd  # noqa: E402
import xgboost as xgb  # noqa: E402

# Rows on which XGBoost's interactions are measured.
INTERACTION_ROWS = 100

# What the engine is to reach against XGBoost, by depth: margins, contributions, interactions.
TARGETS = {2: (20, 400, 4000), 4: (3, 25, 200), 6: (2, 20, 200)}
ONE_ROW_TARGET = 50
WOODELF_TARGET = 2

SHIPPED = {
    "max_depth": 2,
    "eta": 0.02,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "reg_lambda": 5,
    "min_child_weight": 5,
}
SETTINGS = {2: (SHIPPED, 600), 4: ({"max_depth": 4, "eta": 0.1}, 100), 6: ({"max_depth": 6, "eta": 0.1}, 100)}


class Engine:
    """The engine's command line."""

    def __init__(self, score, folder):
        self.score = score
        self.folder = folder

    def rows(self, name, names, rows):
        """Writes rows to a file that `seconds` reads."""
        path = self.folder / f"{name}.csv"
        pd.DataFrame(rows, columns=names).to_csv(path, index=False)
        return path

    def seconds(self, model, rows, *options, repeat):
        """Seconds per row, as the engine measures them."""
        command = [self.score, model, *options, "--repeat", str(repeat)]
        with open(rows) as file:
            run = subprocess.run(command, stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if run.returncode:
            sys.exit(run.stderr)
        return float(run.stderr.split()[0]) * 1e-9


def seconds(work, repeat):
    """The median time of some runs, after one to warm up where there are several.

    Processor time: on a busy machine a long run is interrupted more than a short one, which would flatter the engine.
    """
    times = []
    for _ in range(repeat + (repeat > 1)):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times[repeat > 1 :])


def duration(value):
    """A time with a unit that suits it."""
    return f"{value * 1e9:.0f} ns" if value < 1e-5 else f"{value * 1e6:.0f} µs"


def report(depth, what, peer, theirs, ours, target):
    ratio = theirs / ours
    verdict = "" if ratio >= target else "  BELOW TARGET"
    print(
        f"depth {depth}  {what:<22} {peer} {duration(theirs):>9}   forest {duration(ours):>9}   "
        f"{ratio:>7,.0f} times faster (target {target:,}){verdict}",
        flush=True,
    )


def train(depth, matrix, path):
    settings, rounds = SETTINGS[depth]
    booster = xgb.train({"objective": "binary:logistic", "seed": 1, "nthread": 1, **settings}, matrix, rounds)
    booster.save_model(path)
    return path


def against_xgboost(engine, depth, model, rows, names, types):
    booster = xgb.Booster({"nthread": 1}, model_file=model)

    def matrix(rows):
        return xgb.DMatrix(rows, feature_names=names, feature_types=types, enable_categorical=True, nthread=1)

    everyone, first = matrix(rows), matrix(rows[:INTERACTION_ROWS])
    margins, contributions, interactions = TARGETS[depth]
    all_rows, one_row = engine.rows("all", names, rows), engine.rows("one", names, rows[:1])

    theirs = seconds(lambda: booster.inplace_predict(rows, predict_type="margin"), 9) / len(rows)
    report(depth, "margins", "xgboost", theirs, engine.seconds(model, all_rows, repeat=101), margins)
    theirs = seconds(lambda: booster.inplace_predict(rows[:1], predict_type="margin"), 501)
    report(depth, "margin of one row", "xgboost", theirs, engine.seconds(model, one_row, repeat=2001), ONE_ROW_TARGET)
    theirs = seconds(lambda: booster.predict(everyone, pred_contribs=True), 3) / len(rows)
    ours = engine.seconds(model, all_rows, "--contributions", repeat=51)
    report(depth, "contributions", "xgboost", theirs, ours, contributions)
    theirs = seconds(lambda: booster.predict(first, pred_interactions=True), 3) / INTERACTION_ROWS
    ours = engine.seconds(model, all_rows, "--interactions", repeat=21)
    report(depth, f"interactions ({INTERACTION_ROWS} rows)", "xgboost", theirs, ours, interactions)


def against_woodelf(engine, depth, model, rows, names):
    from woodelf import WoodelfExplainer

    booster = xgb.Booster(model_file=model)
    frame = pd.DataFrame(rows, columns=names)
    explainer = WoodelfExplainer(booster, feature_perturbation="tree_path_dependent")
    path = engine.rows("twenty_times", names, rows)
    theirs = seconds(lambda: explainer.shap_values(frame, verbose=False), 3) / len(rows)
    ours = engine.seconds(model, path, "--contributions", repeat=11)
    report(depth, "contributions", "woodelf", theirs, ours, WOODELF_TARGET)
    theirs = seconds(lambda: explainer.shap_interaction_values(frame, verbose=False, as_df=True), 1) / len(rows)
    ours = engine.seconds(model, path, "--interactions", repeat=3)
    report(depth, "interactions", "woodelf", theirs, ours, WOODELF_TARGET)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("score", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("customers", type=Path)
    parser.add_argument("--woodelf", action="store_true")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.models))
    import telco

    frame = telco.read(arguments.customers, allow_other_data=True)
    rows, label = telco.SCHEMA.encode(frame).astype(np.float32), telco.SCHEMA.left(frame)
    names, types = telco.SCHEMA.feature_names, telco.SCHEMA.feature_types
    print(f"{len(rows):,} customers, {len(names)} features; time per row, one thread")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        engine = Engine(arguments.score, folder)
        matrix = xgb.DMatrix(rows, label, feature_names=names, feature_types=types, enable_categorical=True)
        for depth in TARGETS:
            shipped = arguments.models / "churn.json"
            model = shipped if depth == 2 else train(depth, matrix, folder / f"depth{depth}.json")
            against_xgboost(engine, depth, model, rows, names, types)
        if arguments.woodelf:
            many = np.tile(rows, (20, 1))
            print(f"\n{len(many):,} rows, every feature a number")
            matrix = xgb.DMatrix(rows, label, feature_names=names)
            for depth in TARGETS:
                model = train(depth, matrix, folder / f"numeric{depth}.json")
                against_woodelf(engine, depth, model, many, names)


if __name__ == "__main__":
    main()
