"""Adopts eight businesses' files as a user would, and compares each model with XGBoost on the same folds and columns; some minutes.

The files are outside of the project ($BUSINESSES names their folder); without them the tests are skipped. ENGAGETRACK names the program, which must
read workbooks.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost
from sklearn.metrics import roc_auc_score

import evaluation
from workspace import Workspace

ROOT = Path(__file__).parents[2]
BUSINESSES = Path(os.environ.get("BUSINESSES", ROOT.parent / "shared" / "businesses"))
TELCO = Path(os.environ.get("TELCO", ROOT.parent / "shared" / "telco" / "Telco-Customer-Churn.csv"))
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
    Business("ecommerce/E Commerce Dataset.xlsx", "Churn", "CustomerID", person=("gender", "marital_status")),
    Business("ecommerce/ECommerceDataset.csv", "Churn", "CustomerID", person=("gender", "marital_status")),
    Business(
        "hr_attrition/WA_Fn-UseC_-HR-Employee-Attrition.csv",
        "Attrition",
        "EmployeeNumber",
        dropped=("EmployeeCount", "Over18", "StandardHours"),
        person=("age", "gender", "marital_status"),
    ),
    Business("iranian/Customer_Churn.csv", "Churn", None, dropped=("Age Group",), person=("age",)),
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
    same = workspace.same_rows(frame, rows)
    options = {"feature_types": schema.feature_types, "enable_categorical": True, "nthread": 1}
    repeats = []
    for seed in range(evaluation.REPEATS):
        folds, scores = evaluation.fold_numbers(labels, seed, same), np.empty(len(labels))
        for number in range(evaluation.FOLDS):
            held_out = folds == number
            train = xgboost.DMatrix(rows[~held_out], labels[~held_out], **options)
            booster = xgboost.train(REFERENCE, train, REFERENCE_ROUNDS)
            scores[held_out] = booster.predict(xgboost.DMatrix(rows[held_out], **options))
        repeats.append(roc_auc_score(labels, scores))
    return float(np.mean(repeats))


class Server:
    """The program, serving a workspace on a free port."""

    def __init__(self, workspace, folder):
        environment = {**os.environ, "WORKSPACE": str(workspace), "PORT": "0", "USAGE_LOG": "off"}
        self.process = subprocess.Popen(
            [PROGRAM, "serve"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        line = self.process.stdout.readline().decode()
        if " is at " not in line:
            raise AssertionError(f"the server did not start: {line!r}")
        self.address = line.split()[-1]

    def get(self, path):
        """An answer in JSON, or as text."""
        with urllib.request.urlopen(f"{self.address}{path}") as response:
            body = response.read().decode()
            return json.loads(body) if "json" in response.headers["content-type"] else body

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


@unittest.skipUnless(
    BUSINESSES.is_dir(), f"{BUSINESSES} is absent; set BUSINESSES to the folder of the businesses' files"
)
class Businesses(unittest.TestCase):
    @unittest.skipUnless(TELCO.is_file(), f"{TELCO} is absent")
    def test_telco_by_the_shipped_schema_gives_the_shipped_model(self):
        with tempfile.TemporaryDirectory() as folder:
            into = Path(folder) / "telco"
            (into / "data").mkdir(parents=True)
            for name in ("schema.toml", "nudges.toml"):
                shutil.copy(ROOT / "data" / name, into / "data" / name)
            adopted = run(TELCO, into)
            self.assertEqual(adopted.returncode, 0, adopted.stdout + adopted.stderr[-2000:])
            self.assertEqual(
                (into / "models" / "churn.json").read_bytes(), (ROOT / "models" / "churn.json").read_bytes()
            )

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
        self.assertEqual(schema.columns_of("id")[0], business.id or "customer_id")
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
        self.serve(into)

    def serve(self, into):
        """Asks for what a user of the dashboard sees: the worklist, and all of the riskiest customer."""
        with Server(into, into.parent) as server:
            worklist = server.get("/v1/summary?sort=-probability&limit=5")["items"]
            self.assertEqual(len(worklist), 5)
            self.assertGreaterEqual(worklist[0]["probability"], worklist[4]["probability"])
            customer = worklist[0]["customer_id"]
            quoted = urllib.parse.quote(customer, safe="")
            explained = server.get(f"/v1/explain/{quoted}")
            self.assertIn("Mostly ", explained["sentence"])
            whole = explained["base_value"] + sum(part["contribution"] for part in explained["contributions"])
            self.assertAlmostEqual(whole, explained["prediction_value"], delta=1e-6)
            nudges = server.get(f"/v1/nudges/{quoted}?target=0.1")
            self.assertGreater(len(nudges["nudges"]), 0)
            self.assertIn("recourse", nudges)
            self.assertIn("change = {", (into / "data" / "nudges.toml").read_text())
            known = Workspace(into).schema.settled(Workspace(into).read(into / "data" / "customers.csv"))
            self.assertEqual(server.get("/v1/analytics")["known_outcomes"], len(known))
            self.assertIn(customer, server.get(f"/v1/summary/{quoted}"))


if __name__ == "__main__":
    unittest.main()
