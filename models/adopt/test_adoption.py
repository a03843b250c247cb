"""Tests of whole adoptions, as `make adopt` runs them: from a file to a folder that the program serves."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import pandas as pd

from adopt import made
from adopt.adoption import PAGE

ROOT = Path(__file__).parents[2]
PROGRAM = Path(os.environ.get("ENGAGETRACK", ROOT / "target" / "debug" / "engagetrack"))


def run(path, into, *options):
    """Adopts a file as `make adopt` does."""
    command = [sys.executable, "-m", "adopt", path, "--into", into, "--program", PROGRAM, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "models")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def files_of(folder):
    """The bytes of each file but the page, which says of a second adoption that it is one."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != PAGE)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


class Adoption(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        folder = Path(cls.folder.name)
        frame, left = made.table(620)
        frame["churned"] = ["" if place % 40 == 7 else value for place, value in enumerate(frame["churned"])]
        # As a French spreadsheet exports it.
        frame["monthly fee"] = frame["monthly fee"].str.replace(".", ",")
        cls.file, cls.into = folder / "members.csv", folder / "gym"
        frame.to_csv(cls.file, index=False, sep=";")
        cls.adopted = run(cls.file, cls.into, "--as-of", "2025-06-30", "--currency", "EUR")
        assert cls.adopted.returncode == 0, cls.adopted.stdout + cls.adopted.stderr

    def test_the_folder_is_a_workspace(self):
        checked = subprocess.run([PROGRAM, "check", self.into], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        schema = tomllib.loads((self.into / "data" / "schema.toml").read_text())
        self.assertEqual(
            (schema["name"], schema["currency"], schema["as_of"].isoformat()), ("gym", "EUR", "2025-06-30")
        )
        self.assertEqual(schema["roles"]["id"], {"name": "member"})
        fields = {field["name"]: field for field in schema["field"]}
        self.assertEqual(fields["monthly_fee"]["kind"], "money")
        self.assertEqual(fields["sex"]["about"], "person")
        self.assertEqual(fields["contract"]["change"], "up")
        self.assertEqual(fields["started_days"]["kind"], "whole")

    def test_the_page_is_printed_and_written(self):
        self.assertEqual((self.into / PAGE).read_text().strip(), self.adopted.stdout.strip())
        for part in (
            "## The model",
            "ROC-AUC",
            "±",
            "## Kept",
            "## Guesses to check",
            "delimiter: semicolon",
            "look again",
        ):
            self.assertIn(part, self.adopted.stdout)
        self.assertIn(f"make run WORKSPACE={self.into}", self.adopted.stdout)

    def test_customers_without_an_outcome_are_kept_and_not_trained_on(self):
        with (self.into / "data" / "customers.csv").open() as file:
            customers = list(csv.DictReader(file))
        unknown = sum(customer["churned"] == "" for customer in customers)
        card = json.loads((self.into / "models" / "card.json").read_text())
        self.assertEqual(len(customers), 620)
        self.assertGreater(unknown, 10)
        self.assertEqual(card["trained_on"]["customers"], 620 - unknown)

    def test_adopting_again_keeps_edits(self):
        with tempfile.TemporaryDirectory() as folder:
            again = Path(folder) / "gym"
            shutil.copytree(self.into, again)
            before = files_of(again)
            self.assertEqual(run(self.file, again).returncode, 0)
            self.assertEqual(files_of(again), before)

            schema = (again / "data" / "schema.toml").read_text()
            schema = schema.replace('label = "Visits"', 'label = "Visits in a month"')
            edited = schema.replace('name = "plan"', 'name = "package"\ncolumns = ["plan"]')
            (again / "data" / "schema.toml").write_text(edited)
            nudges = (again / "data" / "nudges.toml").read_text().replace("plan =", "package =")
            (again / "data" / "nudges.toml").write_text(nudges)
            done = run(self.file, again)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual((again / "data" / "schema.toml").read_text(), edited)
            self.assertEqual((again / "data" / "nudges.toml").read_text(), nudges)
            self.assertIn(
                "package", json.loads((again / "models" / "churn.json").read_text())["learner"]["feature_names"]
            )

    def test_parameters_propose_anew_until_somebody_has_edited(self):
        with tempfile.TemporaryDirectory() as folder:
            again = Path(folder) / "gym"
            shutil.copytree(self.into, again)
            told = run(self.file, again, "--as-of", "2025-06-30", "--currency", "GBP", "--drop", "sex")
            self.assertEqual(told.returncode, 0, told.stdout + told.stderr)
            schema = tomllib.loads((again / "data" / "schema.toml").read_text())
            self.assertEqual(schema["currency"], "GBP")
            self.assertNotIn("sex", [field["name"] for field in schema["field"]])

            path = again / "data" / "schema.toml"
            path.write_text(path.read_text().replace('label = "Visits"', 'label = "Visits in a month"'))
            before = files_of(again)
            refused = run(self.file, again, "--currency", "EUR", "--drop", "plan", "--target", "churned")
            self.assertEqual(refused.returncode, 1)
            for part in ("CURRENCY=EUR", "DROP=plan", "has been edited", "`currency`"):
                self.assertIn(part, refused.stdout)
            self.assertNotIn("TARGET=", refused.stdout)
            self.assertEqual(files_of(again), before)

    def test_rows_of_one_customer_are_in_one_fold(self):
        frame, left = made.table(620)
        twice = pd.concat([frame, frame.assign(member="x" + frame["member"])])
        with tempfile.TemporaryDirectory() as folder:
            path, into = Path(folder) / "members.csv", Path(folder) / "gym"
            twice.assign(account_id=[f"a{number % 620 // 2}" for number in range(len(twice))]).to_csv(path, index=False)
            adopted = run(path, into, "--id", "member")
            self.assertEqual(adopted.returncode, 0, adopted.stdout + adopted.stderr)
            self.assertIn("1,240 rows share their features or an id with another. These are in one fold", adopted.stdout)
            self.assertIn("620 rows are the same as an earlier one", adopted.stdout)
            card = json.loads((into / "models" / "card.json").read_text())
        once = json.loads((self.into / "models" / "card.json").read_text())
        # A model that has seen the double of everybody would know nearly all.
        self.assertLess(card["metrics"]["roc_auc"]["mean"], once["metrics"]["roc_auc"]["mean"] + 0.03)

    def test_what_is_refused_leaves_the_folder_as_it_was(self):
        before = files_of(self.into)
        refused = run(self.file, self.into, "--read", "delimiter:tab")
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(files_of(self.into), before)

    def test_an_uncertain_reading_is_asked_about_and_confirmed(self):
        # Either way round there are as many rows as columns.
        frame, _ = made.table(3)
        names = list(frame)[:3]
        square = {name: dict(zip(names, frame[name], strict=True)) for name in names}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "square.json"
            path.write_text(json.dumps(square))
            asked = run(path, Path(folder) / "gym")
            self.assertEqual(asked.returncode, 1)
            self.assertIn("READ=orient:columns", asked.stdout)
            told = run(path, Path(folder) / "gym", "--read", "orient:columns")
            self.assertNotIn("READ=", told.stdout)
            self.assertIn("TARGET=", told.stdout)

    def test_a_folder_that_was_not_adopted_is_not_touched(self):
        refused = run(self.file, ROOT / "examples" / "saas")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("Choose another folder", refused.stdout)


if __name__ == "__main__":
    unittest.main()
