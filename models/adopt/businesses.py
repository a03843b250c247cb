"""Adopts eight businesses' files as a user would, and compares each model with XGBoost on the same folds and columns; some minutes.

The files are outside of the project ($BUSINESSES names their folder); without them the tests are skipped. ENGAGETRACK names the program.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost
from sklearn.metrics import roc_auc_score

import evaluation
from workspace import Workspace

ROOT = Path(__file__).parents[2]
BUSINESSES = Path(os.environ.get("BUSINESSES", ROOT.parent / "shared" / "businesses"))
PROGRAM = Path(os.environ.get("ENGAGETRACK", ROOT / "target" / "debug" / "engagetrack"))
REFERENCE = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.05,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "seed": 1,
    "nthread": 1,
}
REFERENCE_ROUNDS = 300
MOST_BELOW = 0.005


@dataclass(frozen=True)
class Business:
    """A file, what is said of it, and what is expected."""

    file: str
    target: str
    id: str | None
    options: tuple = ()
    # What the first attempt, without the options, must stop for, each a part of a fault.
    stops: tuple = ()
    dropped: tuple = ()
    person: tuple = ()
    derived: tuple = ()


TABLES = [
    Business(
        "bank_churn_modelling/Churn_Modelling.csv",
        "Exited",
        "CustomerId",
        dropped=("RowNumber", "Surname", "Gender Encoded", "IsHighValueCustomer", "AgeGroup"),
        person=("geography", "gender", "age"),
        derived=("balance_salary_ratio",),
    ),
    Business(
        "bigml_orange/churn-bigml-80.csv",
        "Churn",
        None,
        person=("state", "area_code"),
        derived=("total_day_charge", "total_eve_charge", "total_night_charge", "total_intl_charge"),
    ),
    Business(
        "bigml_orange/telco_churn_uci_names.csv",
        "churn",
        "phone number",
        person=("state", "area_code"),
        derived=("total_day_charge", "total_eve_charge", "total_night_charge", "total_intl_charge"),
    ),
    Business("ecommerce/ECommerceDataset.csv", "Churn", "CustomerID", person=("gender", "marital_status")),
    Business(
        "hr_attrition/WA_Fn-UseC_-HR-Employee-Attrition.csv",
        "Attrition",
        "EmployeeNumber",
        dropped=("EmployeeCount", "Over18", "StandardHours"),
        person=("age", "gender", "marital_status"),
    ),
    Business("iranian/Customer_Churn.csv", "Churn", None, person=("age_group", "age")),
    Business(
        "maven_telecom/telecom_customer_churn.csv",
        "Customerstatus",
        "Customerid",
        options=("--left", "Churned", "--stayed", "Stayed", "--drop", "Churncategory,Churnreason"),
        stops=("which of them means that a customer left",),
        person=("gender", "age", "married"),
        derived=("totalrevenue", "totallongdistancecharges"),
    ),
    Business(
        "ravenstack/ravenstack_subscriptions.csv",
        "churn_flag",
        "subscription_id",
        options=("--drop", "end_date"),
        stops=("end_date seems to know the outcome",),
        dropped=("account_id",),
        derived=("arr_amount",),
    ),
    Business("subscription_churn/customer_churn_dataset-testing-master.csv", "Churn", None, person=("age", "gender")),
]


def run(path, into, *options):
    """Adopts a file as `make adopt` does."""
    command = [sys.executable, "-m", "adopt", path, "--into", into, "--program", PROGRAM, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "models")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def reference_auc(workspace):
    """The ROC-AUC of XGBoost with usual settings, the mean over the same repeats."""
    schema = workspace.schema
    frame = schema.settled(workspace.read(workspace.customers, allow_other_data=True))
    rows, labels = schema.encode(frame), schema.left(frame)
    options = {"feature_types": schema.feature_types, "enable_categorical": True, "nthread": 1}
    repeats = []
    for seed in range(evaluation.REPEATS):
        folds, scores = evaluation.fold_numbers(labels, seed), np.empty(len(labels))
        for number in range(evaluation.FOLDS):
            held_out = folds == number
            train = xgboost.DMatrix(rows[~held_out], labels[~held_out], **options)
            booster = xgboost.train(REFERENCE, train, REFERENCE_ROUNDS)
            scores[held_out] = booster.predict(xgboost.DMatrix(rows[held_out], **options))
        repeats.append(roc_auc_score(labels, scores))
    return float(np.mean(repeats))


@unittest.skipUnless(
    BUSINESSES.is_dir(), f"{BUSINESSES} is absent; set BUSINESSES to the folder of the businesses' files"
)
class Businesses(unittest.TestCase):
    def test_each_is_adopted_and_its_model_is_as_good_as_xgboost(self):
        for business in TABLES:
            with self.subTest(business.file), tempfile.TemporaryDirectory() as folder:
                self.adopt(business, Path(folder) / "adopted")

    def adopt(self, business, into):
        path = BUSINESSES / business.file
        if business.stops:
            first = run(path, into, "--target", business.target)
            self.assertEqual(first.returncode, 1, first.stderr)
            for stop in business.stops:
                self.assertIn(stop, first.stdout)
            self.assertFalse(into.exists())
        began = time.monotonic()
        adopted = run(path, into, "--target", business.target, *business.options)
        seconds = time.monotonic() - began
        self.assertEqual(adopted.returncode, 0, adopted.stdout + adopted.stderr[-2000:])
        workspace = Workspace(into)
        schema = workspace.schema
        found = (
            None if "columns" not in schema.roles["id"] and schema.roles["id"]["name"] not in ("customer_id",) else True
        )
        id_column = schema.columns_of("id")[0]
        self.assertEqual(id_column, business.id or "customer_id", found)
        for column in business.dropped:
            self.assertIn(f"| {column} |", adopted.stdout.split("## Dropped")[1].split("## ")[0])
        for name in business.person:
            self.assertEqual(schema[name].about, "person", name)
        for name in business.derived:
            self.assertFalse(schema[name].in_model, name)
        ours = json.loads((into / "models" / "card.json").read_text())["metrics"]["roc_auc"]["mean"]
        theirs = reference_auc(workspace)
        print(f"{business.file}: AUC {ours:.4f}, XGBoost {theirs:.4f}, {seconds:.0f} s", flush=True)
        self.assertGreater(ours, theirs - MOST_BELOW)


if __name__ == "__main__":
    unittest.main()
