"""Tests of the schema file against the model, the customers and IBM's file, and of how it is read."""

import json
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pandas as pd

import telco
import train
from schema import Schema

HERE = Path(__file__).parent
TELCO = Path(os.environ.get("TELCO", HERE.parent.parent / "shared" / "telco" / "Telco-Customer-Churn.csv"))
CUSTOMERS = HERE.parent / "data" / "customers.csv"

GYM = """
as_of = 2026-03-01
roles = { id = { name = "member" }, outcome = { name = "left", columns = ["Cancelled"], left = ["1"], stayed = ["0"] } }
risk = { will_churn = 0.4, levels = [{ name = "low" }, { name = "high", from = 0.6 }] }

[[field]]
name = "plan"
columns = ["Plan", "Tarif"]
kind = "choice"
values = ["basic", { name = "plus", price = 12.5, spelled = ["Plus!"] }]
about = "plan"
required = true

[[field]]
name = "club"
kind = "choice"
values = ["Lyon", "Nice", { name = "elsewhere", other = true }]
about = "plan"

[[field]]
name = "coach"
kind = "flag"
needs = { plan = "plus" }
without = { spelled = "not offered" }
about = "plan"
price = 30

[[field]]
name = "visits"
kind = "whole"
most = 31
about = "behaviour"
model = false

[[field]]
name = "age"
kind = "number"
about = "person"
"""


class Reading(unittest.TestCase):
    """Another business's schema."""

    def setUp(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "schema.toml"
            path.write_text(GYM)
            self.schema = Schema(path)

    def test_features_are_the_fields_that_the_model_may_see_in_the_files_order(self):
        self.assertEqual(self.schema.feature_names, ["plan", "club", "coach", "age"])

    def test_features_with_more_than_two_codes_are_categories(self):
        self.assertEqual(self.schema.feature_types, ["q", "c", "c", "q"])

    def members(self, **columns):
        """Three members, encoded."""
        usual = {"Plan": ["basic"] * 3, "club": ["Lyon"] * 3, "coach": ["No"] * 3, "age": ["40"] * 3}
        return self.schema.encode(pd.DataFrame({**usual, **columns}))

    def test_values_are_accepted_in_every_spelling(self):
        rows = self.members(Plan=["basic", "Plus!", "plus"], coach=["not offered", "1", "No"], age=["40", "-1", "7.5"])
        np.testing.assert_array_equal(rows, [[0, 0, 2, 40], [1, 0, 1, -1], [1, 0, 0, 7.5]])

    def test_blanks_are_missing_unless_the_field_is_required(self):
        rows = self.members(Plan=["plus"] * 3, club=["", "Nice", " "], coach=["Yes", "", "No"], age=["", "1", "2"])
        np.testing.assert_array_equal(rows[:, 1:], [[np.nan, 1, np.nan], [1, np.nan, 1], [np.nan, 0, 2]])
        with self.assertRaisesRegex(SystemExit, r"column Plan holds \[''\]; allowed are \['basic', 'plus', 'Plus!'\]"):
            self.members(Plan=["basic", "", "plus"])

    def test_fields_whose_needs_do_not_hold_get_the_code_for_that(self):
        rows = self.members(Plan=["basic", "basic", "plus"], coach=["No", "", "No"])
        np.testing.assert_array_equal(rows[:, 2], [2, 2, 0])

    def test_one_value_can_stand_for_all_others(self):
        np.testing.assert_array_equal(self.members(club=["Brest", "Nice", ""])[:, 1], [2, 1, np.nan])
        with self.assertRaisesRegex(SystemExit, "column coach holds .*maybe"):
            self.members(coach=["maybe", "No", "No"])

    def test_prices_stand_beside_field_and_code(self):
        priced = [(field.name, code, price) for field, code, price in self.schema.priced]
        self.assertEqual(priced, [("plan", 1, 12.5), ("coach", 1, 30)])

    def test_columns_are_known_under_every_name(self):
        self.assertEqual(
            self.schema.columns,
            {"member", "left", "Cancelled", "plan", "Plan", "Tarif", "club", "coach", "visits", "age"},
        )

    def test_thresholds_are_those_of_the_levels_with_a_beginning(self):
        self.assertEqual(self.schema.thresholds, {"will_churn": 0.4, "high": 0.6})

    def test_outcomes_are_told_by_the_schemas_spellings_and_the_usual_ones(self):
        frame = pd.DataFrame({"Cancelled": ["1", "0", "Yes", "false"]})
        np.testing.assert_array_equal(self.schema.left(frame), [1, 0, 1, 0])
        with self.assertRaisesRegex(SystemExit, "column Cancelled holds .*perhaps"):
            self.schema.left(pd.DataFrame({"Cancelled": ["1", "perhaps"]}))

    def test_rows_without_an_outcome_are_not_settled(self):
        frame = pd.DataFrame({"Cancelled": ["1", "", " ", "0"]})
        self.assertEqual(list(self.schema.settled(frame).index), [0, 3])

    def test_flags_are_named_as_a_file_mostly_spells_them(self):
        self.assertEqual(self.schema["coach"].spelled_in(pd.Series(["0", "1", "No", "0"])), ["0", "1", "not offered"])
        self.assertEqual(self.schema["plan"].spelled_in(pd.Series(["Plus!"])), ["basic", "plus"])


class Telco(unittest.TestCase):
    """The committed schema."""

    def test_features_are_those_of_the_committed_model(self):
        learner = json.loads((HERE / "churn.json").read_text())["learner"]
        self.assertEqual(telco.SCHEMA.feature_names, learner["feature_names"])
        self.assertEqual(telco.SCHEMA.feature_types, learner["feature_types"])

    def test_every_column_of_the_customers_is_known(self):
        self.assertEqual(set(pd.read_csv(CUSTOMERS, nrows=0)) - telco.SCHEMA.columns, set())

    def test_every_field_has_a_column_of_the_customers(self):
        columns = set(pd.read_csv(CUSTOMERS, nrows=0))
        for field in telco.SCHEMA.fields.values():
            self.assertIn(field.column, columns, field.name)

    @unittest.skipUnless(TELCO.is_file(), f"{TELCO} is absent; set TELCO to IBM's file to test the prices")
    def test_prices_are_the_fit_of_ibms_file(self):
        frame = telco.read(TELCO)
        prices = [price for _, _, price in telco.SCHEMA.priced]
        self.assertEqual(prices, train.rounded(telco.fit_prices(frame)))
        r_squared, error = telco.variance_explained(frame, prices)
        self.assertGreater(r_squared, 0.998)
        text = " ".join((HERE / "README.md").read_text().split())
        self.assertIn(f"(R² {r_squared:.4f}, root mean squared error ${error:.2f})", text)


if __name__ == "__main__":
    unittest.main()
