"""Tests of the committed model, against what README.md and the truth of the simulation say of it."""

import filecmp
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = HERE.parent.parent.parent / "models"


def read(path):
    """A JSON file."""
    return json.loads(path.read_text())


class Outputs(unittest.TestCase):
    def setUp(self):
        self.card, self.report = read(HERE / "card.json"), read(HERE / "evaluation.json")
        self.readme = (HERE / "README.md").read_text()

    def test_the_readme_states_the_measured_figures(self):
        metrics = self.card["metrics"]
        for name in ("roc_auc", "average_precision", "log_loss", "brier"):
            self.assertIn(f"{metrics[name]['mean']:.4f} ± {metrics[name]['sd']:.4f}", self.readme, name)
        self.assertIn(f"| {metrics['ece']:.4f} |", self.readme)
        for row in self.report["by_group"]["region"]:
            figures = [
                row["group"],
                f"{row['customers']:,}",
                f"{row['churn_rate']:.1%}",
                f"{row['mean_predicted']:.1%}",
                f"{row['roc_auc']['mean']:.3f}",
                f"{row['ece']:.3f}",
            ]
            self.assertIn(f"| {' | '.join(figures)} |", self.readme)

    def test_the_model_is_below_what_the_truth_allows_and_not_far(self):
        ceiling, metrics = read(HERE.parent / "data" / "truth.json")["ceiling"], self.card["metrics"]
        for name, value in ceiling.items():
            self.assertIn(f"| {value:.4f} |", self.readme, name)
        self.assertLess(metrics["roc_auc"]["mean"], ceiling["roc_auc"], "above it something leaks")
        self.assertGreater(metrics["roc_auc"]["mean"], ceiling["roc_auc"] - 0.04)
        self.assertGreater(metrics["log_loss"]["mean"], ceiling["log_loss"])
        self.assertLess(metrics["ece"], 0.015)

    def test_nobody_without_an_outcome_was_trained_on(self):
        self.assertEqual(self.card["trained_on"]["customers"], 3898)
        self.assertEqual(sum(row["customers"] for row in self.report["by_group"]["region"]), 3898)


class Reproduction(unittest.TestCase):
    def test_training_again_gives_the_committed_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            run("train.py", "--out", folder)
            run("golden.py", "--model", folder / "churn.json", "--card", folder / "card.json", "--out", folder)
            for name in ("churn.json", "card.json", "evaluation.json"):
                self.assertTrue(filecmp.cmp(folder / name, HERE / name, shallow=False), name)
            for path in (HERE / "golden").iterdir():
                self.assertTrue(filecmp.cmp(folder / path.name, path, shallow=False), path.name)


def run(script, *arguments):
    """Runs a script of the trainer for this workspace."""
    command = [sys.executable, TOOLS / script, "--workspace", HERE.parent, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main()
