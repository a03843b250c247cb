"""Writes golden.json: what pandas and statsmodels say of some selections.

    python golden.py path/to/examples/analytics
"""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

import population

QUERIES = [
    "",
    "contract=Month-to-month&internet_service=Fiber+optic&internet_service=DSL&tenure_max=48",
    "contract=One+year&contract=Two+year&payment_method=Mailed+check&variant=B",
    "persona=strained&stage=onboarding&senior_citizen=false",
    "usage_frequency_max=9&support_calls_min=4",
    "payment_delay_min=16&payment_delay_max=30&monthly_charges_min=70&monthly_charges_below=90",
    "missing=total_charges",
    "risk_level=high&total_charges_min=100&total_charges_below=1000&tenure_min=2",
    "contract=Two+year&risk_level=high",
]


def outcome(part: pd.DataFrame) -> list:
    """Count, churned, churn rate, its Wilson interval, mean probability."""
    count, churned = len(part), int(part["churned"].sum())
    if count == 0:
        return [0, 0, None, None, None]
    interval = proportion_confint(churned, count, alpha=0.05, method="wilson")
    return [count, churned, churned / count, list(interval), float(part["probability"].mean())]


def analytics(frame: pd.DataFrame, query: str) -> dict:
    mask = population.passes(frame, query)
    part = frame[mask]
    by_risk = part.sort_values(["probability", "customer_id"], kind="stable").reset_index(drop=True)
    # Ten groups whose sizes differ by one at most.
    group = pd.Series(np.searchsorted(np.arange(1, 10) * len(part) // 10, by_risk.index, side="right"), dtype=int)
    groups = [by_risk[group == number] for number in range(10) if (group == number).any()]
    error = sum(abs(g["probability"].sum() - g["churned"].sum()) for g in groups)
    shap = frame.filter(like="shap_")
    apart = pd.DataFrame({"selection": shap[mask].mean(), "everyone_else": shap[~mask].mean()})
    return {
        "query": query,
        "outcome": outcome(part),
        "expected_churners": float(part["probability"].sum()),
        "monthly_revenue": float(part["monthly_charges"].sum()),
        "revenue_at_risk": float((part["monthly_charges"] * part["probability"]).sum()),
        "distributions": {
            field: [outcome(part[part[f"{field}_bin"] == bin]) for bin in frame[f"{field}_bin"].cat.categories]
            for field in population.FIELDS
        },
        "calibration": [outcome(g) for g in groups],
        "expected_calibration_error": error / len(part) if len(part) else None,
        "drivers": {
            name.removeprefix("shap_"): [row.selection, row.everyone_else]
            for name, row in apart.iterrows()
            if 0 < mask.sum() < len(frame)
        },
    }


def main(binary: str) -> None:
    table = subprocess.run([binary, "table"], check=True, capture_output=True, text=True).stdout
    frame = population.read(StringIO(table))
    lines = [json.dumps(analytics(frame, query)) for query in QUERIES]
    Path(__file__).with_name("golden.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
