"""Tests of the simulated population; those that need IBM's file are skipped where it is absent ($TELCO names it)."""

import filecmp
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import numpy as np

import simulate  # first, for it makes the modules beside the model importable
import behaviour
import fidelity
import telco

HERE = Path(__file__).parent
TELCO = Path(os.environ.get("TELCO", HERE.parent.parent / "shared" / "telco" / "Telco-Customer-Churn.csv"))
# What the schema knows and the model never sees, the variant last.
BEHAVIOUR = [field for field in telco.SCHEMA.fields.values() if field.about == "behaviour"]
ADDED_COLUMNS = [*(field.column for field in BEHAVIOUR), telco.SCHEMA["variant"].column]


class Population(unittest.TestCase):
    """The committed customers."""

    @classmethod
    def setUpClass(cls):
        cls.customers = telco.read(HERE / "customers.csv", allow_other_data=True)
        cls.churned = telco.SCHEMA.left(cls.customers) == 1
        cls.truth = json.loads((HERE / "truth.json").read_text())

    def test_columns_and_ids_have_telcos_shape(self):
        self.assertEqual(list(self.customers), [*telco.COLUMNS, *ADDED_COLUMNS])
        self.assertEqual(len(self.customers), 7043)
        for customer_id in self.customers["customerID"]:
            self.assertRegex(customer_id, re.compile(r"^[0-9]{4}-[A-Z]{5}$"))

    def test_every_row_keeps_the_rules_of_the_plan(self):
        # Against the population's own price list: it is drawn from the real one's.
        broken = fidelity.broken_rules(self.customers, self.customers)
        broken = {rule: count for rule, count in broken.items() if "real customer" not in rule}
        self.assertEqual(set(broken.values()), {0}, broken)

    def test_behaviour_is_within_its_ranges(self):
        for field in BEHAVIOUR:
            values = self.customers[field.column].astype(int)
            self.assertTrue(values.between(0, field.most).all(), field.name)

    def test_the_schemas_warning_signs_catch_a_useful_share_that_leaves_more_often(self):
        self.assertEqual(len(BEHAVIOUR), 3)
        for field in BEHAVIOUR:
            values = self.customers[field.column].astype(int)
            caught = values > field.alarm.get("above", np.inf)
            caught |= values < field.alarm.get("below", -np.inf)
            self.assertTrue(0.05 <= caught.mean() <= 0.2, (field.name, caught.mean()))
            self.assertGreater(self.churned[caught].mean(), 1.5 * self.churned[~caught].mean())

    def test_automatic_payers_rarely_pay_late(self):
        automatic = self.customers["PaymentMethod"].str.contains("automatic")
        late = self.customers["PaymentDelay"].astype(int) > 0
        self.assertLess(late[automatic].mean(), 0.1)
        self.assertGreater(late[~automatic].mean(), 0.3)

    def test_the_variant_is_the_parity_of_the_ids_hash(self):
        for customer_id, variant in zip(self.customers["customerID"], self.customers["variant"], strict=True):
            first_byte = int(hashlib.sha256(customer_id.encode()).hexdigest()[:2], 16)
            self.assertEqual(variant, "B" if first_byte % 2 else "A")

    def test_the_arms_are_halves_and_their_difference_is_compatible_with_the_truth(self):
        treated = (self.customers["variant"] == "B").to_numpy()
        self.assertAlmostEqual(treated.mean(), 0.5, delta=0.02)
        rates = self.churned[~treated].mean(), self.churned[treated].mean()
        error = np.sqrt(sum(rate * (1 - rate) / (len(treated) / 2) for rate in rates))
        self.assertAlmostEqual(rates[1] - rates[0], self.truth["variant_effect"], delta=1.96 * error)


class Filling(unittest.TestCase):
    """`--keep`: customers that somebody brings."""

    def setUp(self):
        self.given = telco.read(HERE / "customers.csv", allow_other_data=True).head(1000)

    def test_nothing_that_is_there_changes(self):
        given = self.given.drop(columns=["SupportCalls", "variant"]).assign(UsageFrequency="7")
        filled = behaviour.fill(given, seed=1)
        self.assertEqual(list(filled), [*telco.COLUMNS, *ADDED_COLUMNS])
        self.assertTrue(filled[given.columns].equals(given))
        self.assertTrue(filled["variant"].equals(self.given["variant"]))

    def test_a_column_is_the_same_whichever_others_lack(self):
        alone = behaviour.fill(self.given.drop(columns="PaymentDelay"), seed=1)
        together = behaviour.fill(self.given[telco.COLUMNS], seed=1)
        self.assertTrue(alone["PaymentDelay"].equals(together["PaymentDelay"]))

    def test_customers_who_all_stayed_are_refused_with_a_reason(self):
        with self.assertRaisesRegex(SystemExit, "some who left and some who stayed"):
            behaviour.fill(self.given[telco.COLUMNS].assign(Churn="No"), seed=1)

    def test_the_script_keeps_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            self.given.drop(columns="variant").to_csv(folder / "mine.csv", index=False)
            shutil.copy(HERE / "schema.toml", folder)
            run("--keep", folder / "mine.csv", "--out", folder)
            kept = telco.read(folder / "customers.csv", allow_other_data=True)
            self.assertTrue(kept.drop(columns="simulated").equals(self.given))
            self.assertEqual(set(kept["simulated"]), {"variant"})
            schema = tomllib.loads((folder / "schema.toml").read_text())
            self.assertIn("those of mine.csv; variant are simulated", schema["note"])
            self.assertEqual(schema["title"], "Customers of mine.csv")

    def test_outcomes_may_be_spelled_in_other_ways_or_not_be_known(self):
        spelled = self.given["Churn"].map({"Yes": "Churned", "No": "stayed"})
        spelled.iloc[:20], spelled.iloc[20:30] = "Joined", ""
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            self.given[telco.COLUMNS].assign(Churn=spelled).to_csv(folder / "mine.csv", index=False)
            run("--keep", folder / "mine.csv", "--out", folder)
            kept = telco.read(folder / "customers.csv", allow_other_data=True)
        self.assertEqual(list(kept["Churn"][:30]), [""] * 30)
        self.assertTrue(kept["Churn"][30:].equals(self.given["Churn"][30:]))
        self.assertTrue(kept["SupportCalls"].astype(int).between(0, 100).all())

    def test_all_faults_of_a_file_are_said_at_once(self):
        wrong = self.given[telco.COLUMNS].copy()
        wrong.loc[0, "Contract"], wrong.loc[1, "tenure"], wrong.loc[2, "Churn"] = "Weekly", "two", "perhaps"
        wrong.loc[3, "customerID"] = wrong.loc[4, "customerID"]
        with tempfile.TemporaryDirectory() as folder:
            wrong.to_csv(Path(folder) / "mine.csv", index=False)
            done = run("--keep", Path(folder) / "mine.csv", "--out", folder, check=False)
        for part in (
            "Contract holds 'Weekly' in 1 row",
            "tenure holds 'two'",
            "Churn holds 'perhaps'",
            "customerID is not unique: 2 rows",
        ):
            self.assertIn(part, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_an_add_on_against_the_line_is_refused(self):
        wrong = self.given[telco.COLUMNS].copy()
        online = wrong.index[wrong["InternetService"] != "No"]
        wrong.loc[online[:3], "OnlineBackup"] = "No internet service"
        with tempfile.TemporaryDirectory() as folder:
            wrong.to_csv(Path(folder) / "mine.csv", index=False)
            done = run("--keep", Path(folder) / "mine.csv", "--out", folder, check=False)
        self.assertIn(
            "OnlineBackup is 'No internet service' in 3 rows in spite of what it needs of InternetService", done.stderr
        )


class Drawing(unittest.TestCase):
    def test_the_shift_brings_the_mean_where_it_should_be(self):
        chances = np.array([0.05, 0.2, 0.6, 0.9])
        shift = simulate.shifted_to(0.3, chances)
        moved = 1 / (1 + (1 - chances) / chances * np.exp(-shift))
        self.assertAlmostEqual(moved.mean(), 0.3)

    def test_amounts_are_spelled_as_telco_spells_them(self):
        self.assertEqual([simulate.spell_amount(x) for x in (29.85, 84.0, 20.5, np.nan)], ["29.85", "84", "20.5", " "])


@unittest.skipUnless(TELCO.is_file(), f"{TELCO} is absent; set TELCO to IBM's file to test the simulation against it")
class Reproduction(unittest.TestCase):
    def test_drawing_again_gives_the_committed_bytes_within_the_bounds(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            shutil.copy(HERE / "README.md", folder)
            # Fails when a figure is out of its bound.
            run(TELCO, "--out", folder)
            for name in ["customers.csv", "truth.json", "README.md"]:
                self.assertTrue(filecmp.cmp(folder / name, HERE / name, shallow=False), name)

    def test_the_real_file_drops_in_once_filled(self):
        with tempfile.TemporaryDirectory() as folder:
            run("--keep", TELCO, "--out", folder)
            real = telco.read(TELCO)
            filled = telco.read(Path(folder) / "customers.csv", allow_other_data=True)
            self.assertTrue(filled[telco.COLUMNS].equals(real))


def run(*arguments, check=True):
    """Runs the script as a user would."""
    return subprocess.run(
        [sys.executable, HERE / "simulate.py", *arguments], check=check, capture_output=True, text=True
    )


if __name__ == "__main__":
    unittest.main()
