"""Writes golden/: what XGBoost itself says of 500 customers of a workspace, for the serving engine to be tested against.

golden.py [--workspace FOLDER] [--model churn.json] [--card card.json] [--customers CUSTOMERS.csv] [--out FOLDER]
"""

import argparse
import json
from os import cpu_count
from pathlib import Path

import numpy as np
import xgboost

import churn_model
from workspace import Workspace

ROOT = Path(__file__).parent.parent
ROWS = 500
# Of the rows, so many lose values, each value by this chance: the model must take its default branches.
ROWS_WITH_GAPS = 150
GAP_CHANCE = 0.2
SEED = 11


def sample(rows):
    """500 of the rows, the first 150 of them with gaps."""
    rng = np.random.default_rng(SEED)
    chosen = rows[rng.choice(len(rows), ROWS, replace=False)]
    chosen[:ROWS_WITH_GAPS][rng.random((ROWS_WITH_GAPS, rows.shape[1])) < GAP_CHANCE] = np.nan
    return chosen


def number(value):
    """A number as text: 32-bit floats to the last bit, 64-bit ones at twelve digits; blank when missing."""
    if np.isnan(value):
        return ""
    return f"{value:.{9 if isinstance(value, np.float32) else 12}g}"


def write_csv(path, header, rows):
    """Writes rows of numbers under a header."""
    lines = [",".join(header), *(",".join(map(number, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=ROOT, help="folder of the workspace (default: the repository)")
    parser.add_argument("--model", type=Path, help="default: the workspace's models/churn.json")
    parser.add_argument("--card", type=Path, help="default: the workspace's models/card.json")
    parser.add_argument("--customers", type=Path, help="default: the workspace's data/customers.csv")
    parser.add_argument("--out", type=Path, help="default: the workspace's models/golden")
    options = parser.parse_args()

    write(Workspace(options.workspace), options.model, options.card, options.customers, options.out)


def write(workspace, model=None, card=None, customers=None, out=None):
    """Writes the files; what is not given is the workspace's own."""
    schema, out = workspace.schema, out or workspace.models / "golden"
    booster = xgboost.Booster({"nthread": cpu_count()}, model_file=model or workspace.models / "churn.json")
    card = card or workspace.models / "card.json"
    calibration = json.loads(card.read_text())["calibration"]
    customers = workspace.read(customers or workspace.customers, allow_other_data=True)
    rows = sample(schema.encode(customers))
    matrix = churn_model.matrix(schema, rows)
    margins = booster.predict(matrix, output_margin=True)
    probabilities = churn_model.calibrate(margins.astype(float), calibration["slope"], calibration["intercept"])
    contributions = booster.predict(matrix, pred_contribs=True)
    interactions = booster.predict(matrix, pred_interactions=True)

    out.mkdir(exist_ok=True)
    write_csv(out / "rows.csv", schema.feature_names, rows)
    write_csv(out / "margins.csv", ["margin", "probability"], zip(margins, probabilities, strict=True))
    write_csv(out / "contributions.csv", [*schema.feature_names, "bias"], contributions)
    upper = np.triu_indices(interactions.shape[1])
    (out / "interactions.f32").write_bytes(interactions[:, *upper].astype("<f4").tobytes())


if __name__ == "__main__":
    main()
