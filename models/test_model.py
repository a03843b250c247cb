"""Tests of the training scripts; those that need IBM's file are skipped where it is absent ($TELCO names it)."""

import csv
import filecmp
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from sklearn.metrics import roc_auc_score

import churn_model
import evaluation
import telco
import train
from workspace import Workspace, sha256

HERE = Path(__file__).parent
TELCO = Path(os.environ.get("TELCO", HERE.parent.parent / "shared" / "telco" / "Telco-Customer-Churn.csv"))
CUSTOMERS = HERE.parent / "data" / "customers.csv"


def numbers(path):
    """The rows of a CSV file of numbers, blank as NaN."""
    return pd.read_csv(path).to_numpy(float)


class Encoding(unittest.TestCase):
    def setUp(self):
        self.customers = telco.read(CUSTOMERS, allow_other_data=True)

    def test_a_customer_becomes_codes_and_numbers_in_feature_order(self):
        customer = self.customers.iloc[[0]].assign(
            gender="Male", SeniorCitizen="1", Partner="No", Dependents="Yes", tenure="0", PhoneService="Yes",
            MultipleLines="Yes", InternetService="No", **{add_on.column: add_on.without for add_on in telco.ADD_ONS},
            Contract="Two year", PaperlessBilling="No", PaymentMethod="Credit card (automatic)",
            MonthlyCharges="25.3", TotalCharges=" ",
        )  # fmt: skip
        expected = [1, 1, 0, 1, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 0, 3, 25.3, np.nan]
        np.testing.assert_array_equal(telco.SCHEMA.encode(customer)[0], expected)

    def test_an_unknown_value_names_its_column_and_the_allowed_ones(self):
        with self.assertRaisesRegex(SystemExit, "column Contract holds .*Weekly.*; allowed are .*Month-to-month"):
            telco.SCHEMA.encode(self.customers.assign(Contract="Weekly"))

    def test_text_in_a_number_names_its_column(self):
        with self.assertRaisesRegex(SystemExit, "column tenure: .*two"):
            telco.SCHEMA.encode(self.customers.assign(tenure="two"))

    def test_a_missing_file_says_where_to_download_it(self):
        with self.assertRaisesRegex(SystemExit, "does not exist. Download it from https://github.com/IBM/"):
            telco.read(HERE / "absent.csv")

    def test_another_file_is_refused_unless_allowed(self):
        with self.assertRaisesRegex(SystemExit, "--allow-other-data"):
            telco.read(CUSTOMERS)
        self.assertEqual(len(telco.read(CUSTOMERS, allow_other_data=True)), len(self.customers))

    def test_a_file_without_a_column_is_refused_by_its_name(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "customers.csv"
            self.customers.drop(columns="tenure").to_csv(path, index=False)
            with self.assertRaisesRegex(SystemExit, "lacks the columns tenure"):
                telco.read(path, allow_other_data=True)


class OtherWorkspace(unittest.TestCase):
    """A workspace that says nothing of its training file."""

    SCHEMA = """
        name = "gym"
        as_of = 2026-03-01
        roles = { id = { name = "member" }, outcome = { name = "quit", columns = ["Quit"] } }
        field = [
            { name = "coach", columns = ["Coach", "Trainer"], kind = "flag", about = "plan" },
            { name = "visits", kind = "whole", about = "behaviour" },
            { name = "club", kind = "choice", values = ["Lyon", "Nice"], about = "person" },
            { name = "age", kind = "whole", about = "person" },
        ]
    """
    @staticmethod
    def member(i):
        """A row: of one in nine it is not known yet whether they quit; those who come often mostly stay."""
        outcome = "" if i % 9 == 0 else "No" if i * 7 % 10 < i % 10 + 3 else "Yes"
        return f"m{i},{i % 10},{['No', 'Yes', ''][i % 3]},{['Lyon', 'Nice', ''][i % 7 % 3]},{20 + i % 50},{outcome}"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("data", "models"):
            (self.folder / name).mkdir()
        (self.folder / "data" / "schema.toml").write_text(self.SCHEMA)
        rows = ["member,visits,Trainer,club,age,Quit", *map(self.member, range(900))]
        (self.folder / "data" / "customers.csv").write_text("\n".join(rows))

    def test_columns_are_found_under_any_of_their_names(self):
        workspace = Workspace(self.folder)
        frame = workspace.read(workspace.customers)
        self.assertEqual(list(frame)[:3], ["member", "visits", "Coach"])

    def test_the_model_is_trained_on_those_whose_outcome_is_known(self):
        run(HERE / "train.py", "--workspace", self.folder)
        card, report = (
            json.loads((self.folder / "models" / name).read_text()) for name in ("card.json", "evaluation.json")
        )
        self.assertRegex(card["version"], "^gym-xgb-[0-9a-f]{8}$")
        self.assertEqual(card["trained_on"]["customers"], 800)
        self.assertIsNone(card["trained_on"]["source"])
        self.assertEqual(card["data_date"], "2026-03-01")
        distribution = card["training_distribution"]
        self.assertEqual(list(distribution), ["coach", "visits", "club", "age"])
        self.assertEqual(distribution["coach"]["missing"], 0.375)
        # A number has no groups; who did not say is a group.
        self.assertEqual(list(report["by_group"]), ["club"])
        self.assertEqual([row["group"] for row in report["by_group"]["club"]], ["Lyon", "Nice", "unknown"])
        self.assertEqual(sum(row["customers"] for row in report["by_group"]["club"]), 800)


class Evaluation(unittest.TestCase):
    labels = np.array([0, 0, 0, 0, 1, 0, 1, 1, 0, 1] * 50)
    scores = np.random.default_rng(0).permutation(500) / 500

    def test_wilson_interval_of_a_textbook_case(self):
        # 10 of 100: statsmodels' proportion_confint(10, 100, method="wilson").
        np.testing.assert_allclose(evaluation.wilson(0.1, 100), (0.055229, 0.174366), atol=1e-6)

    def test_calibration_error_is_the_distance_from_a_constant_rate(self):
        labels = np.tile([0, 1], 500)
        self.assertAlmostEqual(evaluation.calibration_error(np.full(1000, 0.5), labels), 0)
        self.assertAlmostEqual(evaluation.calibration_error(np.full(1000, 0.8), labels), 0.3)

    def test_equal_mass_bins_differ_by_one_at_most(self):
        sizes = np.bincount(evaluation.equal_mass_bins(np.linspace(0, 1, 7043)))
        self.assertEqual((len(sizes), sizes.max() - sizes.min()), (10, 1))

    def test_platt_finds_the_line_that_made_the_labels(self):
        rng = np.random.default_rng(0)
        margins = rng.normal(size=200_000)
        labels = (rng.random(200_000) < churn_model.calibrate(margins, 1.5, -0.5)).astype(int)
        np.testing.assert_allclose(churn_model.fit_calibration(margins, labels), (1.5, -0.5), atol=0.03)

    def test_every_cutoff_counts_every_customer(self):
        rows = evaluation.by_cutoff(self.scores, self.labels)
        self.assertEqual(len(rows), 101)
        for row in rows:
            self.assertEqual(row["true_positives"] + row["false_negatives"], self.labels.sum())
            self.assertEqual(row["false_positives"] + row["true_negatives"], (self.labels == 0).sum())
        self.assertEqual(rows[0]["true_negatives"] + rows[0]["false_negatives"], 0)

    def test_gains_of_a_perfect_score_rise_as_fast_as_they_can(self):
        points = evaluation.gains(self.labels.astype(float), self.labels)
        self.assertAlmostEqual(points[19]["gain"], 0.5)
        self.assertAlmostEqual(points[19]["lift"], 2.5)
        self.assertEqual(points[-1]["gain"], 1)

    def test_groups_that_all_stayed_have_no_curve_and_are_left_out(self):
        groups = np.where(self.labels == 0, "quiet", "mixed")
        groups[:10] = "mixed"
        found = evaluation.by_group([self.scores, self.scores], self.labels, groups)
        self.assertEqual([row["group"] for row in found], ["mixed"])

    def test_curves_are_short_and_end_where_they_must(self):
        roc = evaluation.roc_points(self.scores, self.labels)
        self.assertLessEqual(len(roc), evaluation.CURVE_POINTS)
        ends = [(point["false_positive_rate"], point["true_positive_rate"]) for point in (roc[0], roc[-1])]
        self.assertEqual(ends, [(0, 0), (1, 1)])

    def test_rows_of_one_customer_are_linked_by_features_and_by_keys(self):
        rows = np.array([[1, 2], [1, np.nan], [3, 4], [1, np.nan], [5, 6], [7, 8]])
        np.testing.assert_array_equal(evaluation.same_rows(rows), [0, 1, 2, 1, 3, 4])
        accounts = np.array(["x", "y", "x", "z", "", ""])
        np.testing.assert_array_equal(evaluation.same_rows(rows, accounts), [0, 1, 0, 1, 2, 3])
        self.assertIsNone(evaluation.same_rows(rows[[0, 1, 2]]))
        # Of two flags hardly any rows differ, and customers who are alike are others.
        self.assertIsNone(evaluation.same_rows(np.arange(100)[:, None] % 4))

    def test_rows_of_one_customer_are_in_one_fold(self):
        same = np.random.default_rng(2).integers(0, 150, len(self.labels))
        same = np.unique(same, return_inverse=True)[1]
        folds = evaluation.fold_numbers(self.labels, 0, same)
        for number in range(same.max() + 1):
            self.assertEqual(len(set(folds[same == number])), 1)
        self.assertEqual(set(folds), set(range(evaluation.FOLDS)))
        alone = np.arange(len(self.labels))
        np.testing.assert_array_equal(
            evaluation.fold_numbers(self.labels, 0, alone), evaluation.fold_numbers(self.labels, 0)
        )

    def test_nobody_is_scored_by_a_model_that_saw_them(self):
        # Labels that no feature explains: whoever has seen them knows them, whoever has not must guess.
        rows = np.random.default_rng(1).random((500, len(telco.SCHEMA.feature_names)))
        rows[:, [kind == "c" for kind in telco.SCHEMA.feature_types]] = 0
        seen = churn_model.margins(telco.SCHEMA, churn_model.fit(telco.SCHEMA, rows, self.labels, rounds=300), rows)
        self.assertGreater(roc_auc_score(self.labels, seen), 0.75)
        margins, folds = evaluation.out_of_fold(telco.SCHEMA, rows, self.labels, churn_model.SETTINGS, 300, seed=0)
        self.assertLess(roc_auc_score(self.labels, evaluation.cross_calibrated(margins, self.labels, folds)), 0.6)


class Outputs(unittest.TestCase):
    """What is committed, against what was promised of it."""

    def setUp(self):
        self.card = json.loads((HERE / "card.json").read_text())
        self.report = json.loads((HERE / "evaluation.json").read_text())

    def test_quality_holds(self):
        metrics = self.card["metrics"]
        self.assertGreaterEqual(metrics["roc_auc"]["mean"], 0.849)
        self.assertLessEqual(metrics["roc_auc"]["mean"], 0.86, "this file's ceiling: above it something leaks")
        self.assertLessEqual(metrics["log_loss"]["mean"], 0.412)
        self.assertLessEqual(metrics["ece"], 0.010)

    def test_the_version_is_that_of_the_model_file(self):
        digest = sha256(HERE / "churn.json")
        self.assertEqual(self.card["version"], f"telco-xgb-{digest[:8]}")
        self.assertEqual(self.report["version"], self.card["version"])

    def test_the_training_distribution_covers_every_feature(self):
        distribution = self.card["training_distribution"]
        self.assertEqual(list(distribution), telco.SCHEMA.feature_names)
        for feature in distribution.values():
            self.assertAlmostEqual(sum(feature["shares"]), 1, places=6)
            bins = len(feature["values"]) if "values" in feature else len(feature["edges"]) + 1
            self.assertEqual(len(feature["shares"]), bins)

    def test_the_model_card_in_words_states_the_measured_figures(self):
        text = (HERE / "README.md").read_text()
        for name in evaluation.METRICS:
            metric = self.card["metrics"][name]
            self.assertIn(f"{metric['mean']:.4f} ± {metric['sd']:.4f}", text, name)
        self.assertIn(f"{self.card['metrics']['ece']:.4f}", text)

    def test_golden_outputs_are_those_of_the_committed_model(self):
        rows = numbers(HERE / "golden" / "rows.csv")
        margins, probabilities = numbers(HERE / "golden" / "margins.csv").T
        contributions = numbers(HERE / "golden" / "contributions.csv")
        booster = xgboost.Booster({"nthread": 1}, model_file=HERE / "churn.json")
        line = self.card["calibration"]
        np.testing.assert_allclose(churn_model.margins(telco.SCHEMA, booster, rows), margins, rtol=2e-6)
        np.testing.assert_allclose(
            churn_model.calibrate(margins, line["slope"], line["intercept"]), probabilities, rtol=1e-7
        )
        # XGBoost adds 600 trees up in 32 bits.
        np.testing.assert_allclose(contributions.sum(axis=1), margins, atol=2e-5)

        interactions = np.fromfile(HERE / "golden" / "interactions.f32", "<f4")
        width = contributions.shape[1]
        square = np.zeros((len(rows), width, width))
        upper = np.triu_indices(width)
        square[:, *upper] = interactions.reshape(len(rows), -1)
        square[:, *upper[::-1]] = square[:, *upper]
        np.testing.assert_allclose(square.sum(axis=2), contributions, atol=2e-5)

    def test_golden_rows_hold_gaps(self):
        with (HERE / "golden" / "rows.csv").open() as file:
            header, *rows = csv.reader(file)
        self.assertEqual(header, telco.SCHEMA.feature_names)
        for position, feature in enumerate(header):
            self.assertTrue(any(row[position] == "" for row in rows), f"{feature} is never missing")

    def test_figures_have_nine_digits(self):
        for value in (self.card, self.report):
            self.assertEqual(train.rounded(value), value)


@unittest.skipUnless(TELCO.is_file(), f"{TELCO} is absent; set TELCO to IBM's file to test that training reproduces")
class Reproduction(unittest.TestCase):
    def test_training_again_gives_the_committed_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            made = ["churn.json", "card.json", "evaluation.json"]
            run(HERE / "train.py", TELCO, "--out", folder)
            run(HERE / "golden.py", "--model", folder / "churn.json", "--card", folder / "card.json", "--out", folder)
            golden = ["rows.csv", "margins.csv", "contributions.csv", "interactions.f32"]
            for name in made:
                self.assertTrue(filecmp.cmp(folder / name, HERE / name, shallow=False), name)
            for name in golden:
                self.assertTrue(filecmp.cmp(folder / name, HERE / "golden" / name, shallow=False), name)


def run(script, *arguments):
    """Runs a script as a user would."""
    subprocess.run([sys.executable, script, *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main()
