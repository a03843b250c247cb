"""What the bulk job does, with pandas and XGBoost, vectorised: the peer that it is measured against.

    python pandas_xgboost.py CUSTOMERS.csv RESULTS.csv
    python pandas_xgboost.py CUSTOMERS.parquet RESULTS.parquet

Run it from the root of the repository. Probability, risk, three strongest contributions and the best nudge of each
customer, on one thread. Prints the processor seconds from the first byte read to the last byte written; loading the
packages and the model is not counted.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import json
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost

MODELS = Path("models")
sys.path.append(str(MODELS))
import telco  # noqa: E402

# Behaviour, which nudges ask for and the model does not see.
BEHAVIOUR = [field for field in telco.SCHEMA.fields.values() if field.about == "behaviour"]
COMPARED = {"above": np.greater, "at_least": np.greater_equal, "below": np.less, "at_most": np.less_equal}
AT = {feature: position for position, feature in enumerate(telco.SCHEMA.feature_names)}


class Model:
    """The shipped model with its calibration."""

    def __init__(self):
        self.booster = xgboost.Booster({"nthread": 1}, model_file=MODELS / "churn.json")
        card = json.loads((MODELS / "card.json").read_text())
        self.slope, self.intercept = card["calibration"]["slope"], card["calibration"]["intercept"]

    def probabilities(self, rows):
        """Calibrated churn probabilities, 0 to 1."""
        margins = self.booster.inplace_predict(rows, predict_type="margin", validate_features=False)
        return 1 / (1 + np.exp(-(self.slope * margins.astype(float) + self.intercept)))

    def contributions(self, rows):
        """Calibrated SHAP values in log-odds, without the base value."""
        matrix = xgboost.DMatrix(
            rows, feature_types=telco.SCHEMA.feature_types, feature_names=telco.SCHEMA.feature_names
        )
        return self.slope * self.booster.predict(matrix, pred_contribs=True)[:, :-1]


def urgency_of(field, values):
    """How far behaviour is beyond what is unremarkable, which decides between nudges that project the same."""
    if "above" in field.alarm:
        return (values - field.alarm["above"]) / values
    return (field.alarm["below"] - values) / field.alarm["below"]


def holds(condition, values):
    """For whom a condition of the catalogue holds."""
    name, wanted = condition
    if isinstance(wanted, dict):
        return np.logical_and.reduce([COMPARED[bound](values[name], number) for bound, number in wanted.items()])
    if name == "variant":
        return values[name] == wanted
    wanted = wanted if isinstance(wanted, list) else [wanted]
    return np.isin(values[name], [telco.SCHEMA[name].code(value) for value in wanted])


def presence(catalogue, values):
    """Which nudges each customer gets; of those that exclude each other the first in the catalogue."""
    exclusions = {(nudge["id"], other) for nudge in catalogue for other in nudge.get("excludes", [])}
    present = {}
    for nudge in catalogue:
        name, changed = nudge["id"], set(nudge.get("change", {}))
        if nudge.get("otherwise"):
            continue
        mask = np.logical_and.reduce([holds(condition, values) for condition in nudge["when"].items()])
        for earlier, earlier_mask in present.items():
            same = changed & set(next(other for other in catalogue if other["id"] == earlier).get("change", {}))
            if same or {(name, earlier), (earlier, name)} & exclusions:
                mask &= ~earlier_mask
        present[name] = mask
    otherwise = next(nudge["id"] for nudge in catalogue if nudge.get("otherwise"))
    present[otherwise] = ~np.logical_or.reduce(list(present.values()))
    return present


def changed_rows(rows, change):
    """The rows after a nudge's change of plan, re-priced."""
    changed = rows.copy()
    price = np.zeros(len(rows))
    for feature, value in change.items():
        field = telco.SCHEMA[feature]
        for code, of_code in field.prices.items():
            price += of_code * ((field.code(value) == code) - (rows[:, AT[feature]] == code).astype(float))
        changed[:, AT[feature]] = field.code(value)
    if price.any():
        recurring, lifetime, tenure = (telco.SCHEMA.roles[role] for role in ("recurring", "lifetime", "tenure"))
        for name, moved_by in ((recurring, price), (lifetime, changed[:, AT[tenure]] * price)):
            changed[:, AT[name]] = np.clip(changed[:, AT[name]] + moved_by, 0, telco.SCHEMA[name].most)
    return changed


def best_nudges(catalogue, model, frame, rows, probabilities):
    """The position in the catalogue of each customer's best nudge, and what it projects."""
    values = {feature: rows[:, position] for feature, position in AT.items()}
    values |= {field.name: pd.to_numeric(frame[field.column]).to_numpy() for field in BEHAVIOUR}
    values["variant"] = frame["variant"].to_numpy()
    best = np.full(len(rows), -1)
    projected, urgent = np.full(len(rows), np.inf), np.zeros(len(rows))
    present = presence(catalogue, values)
    for position, nudge in enumerate(catalogue):
        who = np.flatnonzero(present[nudge["id"]])
        if not len(who):
            continue
        after, urgency = probabilities[who], np.zeros(len(who))
        if "change" in nudge:
            after = model.probabilities(changed_rows(rows[who], nudge["change"]))
        for feature in nudge.get("when", {}):
            if telco.SCHEMA[feature].alarm:
                with np.errstate(divide="ignore"):
                    urgency = np.maximum(urgency, urgency_of(telco.SCHEMA[feature], values[feature][who]))
        better = (after < projected[who]) | ((after == projected[who]) & (urgency > urgent[who]))
        who, after, urgency = who[better], after[better], urgency[better]
        best[who], projected[who], urgent[who] = position, after, urgency
    return best, projected


def main():
    customers, results = sys.argv[1:]
    model = Model()
    catalogue = tomllib.loads(Path("data/nudges.toml").read_text())["nudge"]
    start = time.process_time()

    if customers.endswith(".parquet"):
        frame = pd.read_parquet(customers, use_threads=False)
    else:
        frame = pd.read_csv(customers, dtype=str, keep_default_na=False)
    rows = telco.SCHEMA.encode(frame)
    probabilities = model.probabilities(rows)
    contributions = model.contributions(rows)
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :3]
    best, projected = best_nudges(catalogue, model, frame, rows, probabilities)

    known = {field.column for field in telco.SCHEMA.fields.values()}
    kept = [name for name in frame if name not in known]
    answer = frame[kept].copy()
    answer["churn_probability"] = probabilities
    levels = [telco.SCHEMA.thresholds["medium"], telco.SCHEMA.thresholds["high"]]
    answer["risk_level"] = np.array(["low", "medium", "high"])[np.searchsorted(levels, probabilities, side="right")]
    names = np.array(telco.SCHEMA.feature_names)
    for place in range(3):
        answer[f"reason_{place + 1}"] = names[order[:, place]]
        answer[f"contribution_{place + 1}"] = contributions[np.arange(len(rows)), order[:, place]]
    answer["nudge_id"] = np.array([nudge["id"] for nudge in catalogue])[best]
    answer["nudge_category"] = np.array([nudge["category"] for nudge in catalogue])[best]
    answer["projected_probability"] = projected
    if results.endswith(".parquet"):
        answer.to_parquet(results, index=False)
    else:
        answer.to_csv(results, index=False)

    print(time.process_time() - start)


if __name__ == "__main__":
    main()
