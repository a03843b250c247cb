"""The same prediction by id as a Python service has it: FastAPI on uvicorn, XGBoost, the customers encoded in memory.

It is run by uvicorn, in a folder from which `models/` and `data/` can be reached, with `models/` on the path.
"""

import json
from pathlib import Path

import numpy as np
import telco
import xgboost as xgb
from fastapi import FastAPI, HTTPException
from scipy.special import expit

card = json.loads(Path("models/card.json").read_text())
booster = xgb.Booster({"nthread": 1}, model_file="models/churn.json")
customers = telco.read("data/customers.csv", allow_other_data=True)
rows = telco.SCHEMA.encode(customers).astype(np.float32)
row_of = {customer_id: row for row, customer_id in enumerate(customers["customerID"])}
slope, intercept = card["calibration"]["slope"], card["calibration"]["intercept"]


def probabilities(rows):
    return expit(slope * booster.inplace_predict(rows, predict_type="margin") + intercept)


population = np.sort(probabilities(rows))
app = FastAPI()


@app.get("/v1/predict/{customer_id}")
async def predict(customer_id: str):
    row = row_of.get(customer_id)
    if row is None:
        raise HTTPException(404)
    probability = float(probabilities(rows[row : row + 1])[0])
    return {
        "customer_id": customer_id,
        "probability": probability,
        "will_churn": probability >= telco.SCHEMA.thresholds["will_churn"],
        "risk_level": risk_level(probability),
        "percentile": 100 * float(np.searchsorted(population, probability)) / len(population),
        "base_rate": card["base_rate"],
        "model_version": card["version"],
    }


def risk_level(probability):
    for level in ("high", "medium"):
        if probability >= telco.SCHEMA.thresholds[level]:
            return level
    return "low"
