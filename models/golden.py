"""Writes golden/: what XGBoost itself says of 500 simulated customers, for the serving engine to be tested against.

golden.py [--model churn.json] [--card card.json] [--customers CUSTOMERS.csv] [--out FOLDER]
"""

import argparse
import json
from pathlib import Path

import numpy as np
import xgboost

import churn_model
import telco

HERE = Path(__file__).parent
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
    parser.add_argument("--model", type=Path, default=HERE / "churn.json")
    parser.add_argument("--card", type=Path, default=HERE / "card.json")
    parser.add_argument("--customers", type=Path, default=HERE.parent / "data" / "customers.csv")
    parser.add_argument("--out", type=Path, default=HERE / "golden")
    options = parser.parse_args()

    booster = xgboost.Booster({"nthread": 1}, model_file=options.model)
    calibration = json.loads(options.card.read_text())["calibration"]
    rows = sample(telco.SCHEMA.encode(telco.read(options.customers, allow_other_data=True)))
    matrix = churn_model.matrix(rows)
    margins = booster.predict(matrix, output_margin=True)
    probabilities = churn_model.calibrate(margins.astype(float), calibration["slope"], calibration["intercept"])
    contributions = booster.predict(matrix, pred_contribs=True)
    interactions = booster.predict(matrix, pred_interactions=True)

    options.out.mkdir(exist_ok=True)
    write_csv(options.out / "rows.csv", telco.SCHEMA.feature_names, rows)
    write_csv(options.out / "margins.csv", ["margin", "probability"], zip(margins, probabilities, strict=True))
    write_csv(options.out / "contributions.csv", [*telco.SCHEMA.feature_names, "bias"], contributions)
    upper = np.triu_indices(interactions.shape[1])
    (options.out / "interactions.f32").write_bytes(interactions[:, *upper].astype("<f4").tobytes())


if __name__ == "__main__":
    main()
