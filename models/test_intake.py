"""Tests of how a table is brought into the spelling of a schema."""

import tempfile
import unittest
from pathlib import Path

import pandas as pd

import intake
from schema import Schema

SCHEMA = """
format = 1
name = "gym"
as_of = 2026-03-01

[roles]
id = { columns = ["Member"] }
outcome = { name = "left", columns = ["Cancelled"], left = ["cancelled"], stayed = ["kept"] }

[[field]]
name = "plan"
columns = ["Plan"]
kind = "choice"
values = [{ name = "Basic plan", spelled = ["B"] }, "Plus", "No plan"]
about = "plan"
required = true

[[field]]
name = "sauna"
kind = "flag"
about = "plan"
needs = { plan = ["Basic plan", "Plus"] }
without = { spelled = "no access" }

[[field]]
name = "visits"
kind = "whole"
about = "behaviour"

[[field]]
name = "town"
kind = "choice"
values = ["Bonn", { name = "elsewhere", other = true }]
about = "person"
model = false
"""


class Conforming(unittest.TestCase):
    def setUp(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "schema.toml"
            path.write_text(SCHEMA)
            self.schema = Schema(path)

    def conform(self, **changed):
        columns = {
            "Member": "a b c",
            "Plan": "B Plus Plus",
            "sauna": "0 1 1",
            "visits": "3 4 5",
            "Cancelled": "kept cancelled kept",
        }
        frame = pd.DataFrame({name: cells.split() for name, cells in columns.items()})
        return intake.conform(
            self.schema, frame.assign(**{name.replace("_", " "): cells for name, cells in changed.items()})
        )

    def test_what_the_schema_knows_stays_as_it_is(self):
        frame, faults, notes = self.conform(note=["x", "y", "z"])
        self.assertEqual((faults, notes), ([], []))
        self.assertEqual(list(frame["Plan"]), ["B", "Plus", "Plus"])
        self.assertEqual(list(frame["sauna"]), ["0", "1", "1"])
        self.assertEqual(list(frame["note"]), ["x", "y", "z"])

    def test_usual_spellings_become_the_schemas(self):
        frame, faults, _ = self.conform(
            Plan=["basic_plan", "PLUS", "no plan"], sauna=["VRAI", "n", "No Access"], visits=["3", "NA", "-"]
        )
        self.assertEqual(faults, [])
        self.assertEqual(list(frame["Plan"]), ["Basic plan", "Plus", "No plan"])
        self.assertEqual(list(frame["sauna"]), ["Yes", "No", "no access"])
        self.assertEqual(list(frame["visits"]), ["3", "", ""])

    def test_columns_match_without_case_and_punctuation(self):
        frame = pd.DataFrame(
            {"MEMBER": ["a"], "plan ": ["Plus"], "Sauna": ["1"], "VISITS": ["3"], "cancelled?": ["kept"]}
        )
        made, faults, _ = intake.conform(self.schema, frame)
        self.assertEqual(faults, [])
        self.assertEqual(list(made), ["Member", "Plan", "sauna", "visits", "Cancelled"])

    def test_outcomes_are_understood_in_every_usual_spelling(self):
        for left, stayed in (
            ("Churned", "Stayed"),
            ("YES", "no"),
            ("1", "0"),
            ("True", "False"),
            ("Cancelled", "KEPT"),
        ):
            frame, faults, _ = self.conform(Cancelled=[left, stayed, ""])
            self.assertEqual(faults, [], (left, stayed))
            self.assertEqual(list(self.schema.left(frame[frame["Cancelled"] != ""])), [1, 0])

    def test_who_has_just_joined_has_no_outcome_yet(self):
        frame, faults, notes = self.conform(Cancelled=["kept", "Joined", "NaN"])
        self.assertEqual((faults, list(frame["Cancelled"])), ([], ["kept", "", ""]))
        self.assertIn("2 customers whose Cancelled is 'Joined', 'NaN'", notes[0])

    def test_all_faults_are_said_at_once(self):
        _, faults, _ = self.conform(
            Member=["a", "a", ""],
            Plan=["gold", "", "B"],
            sauna=["maybe", "1", "1"],
            visits=["two", "3", "4"],
            Cancelled=["kept", "lost it", "kept"],
        )
        text = "\n".join(faults)
        for part in (
            "Member is not unique: 2 rows", "Member is blank in 1 row", "Plan holds 'gold' in 1 row; allowed are 'Basic plan'",
            "Plan is blank in 1 row, and is required", "sauna holds 'maybe'", "visits holds 'two' in 1 row", "Cancelled holds 'lost it'",
        ):  # fmt: skip
            self.assertIn(part, text)
        frame, faults, _ = intake.conform(self.schema, pd.DataFrame({"Member": ["a"], "visits": ["1"]}))
        self.assertEqual(faults, ["lacks the columns Plan, sauna, Cancelled."])

    def test_what_is_had_without_what_it_needs_is_a_fault(self):
        _, faults, _ = self.conform(Plan=["No plan", "Plus", "Plus"], sauna=["1", "no access", "1"])
        self.assertEqual(
            faults,
            [
                "sauna is '1' in 1 row without what it needs of Plan.",
                "sauna is 'no access' in 1 row in spite of what it needs of Plan.",
            ],
        )

    def test_any_other_text_is_a_value_where_the_schema_says_so(self):
        frame, faults, _ = self.conform(town=["Bonn", "Köln", ""])
        self.assertEqual((faults, list(frame["town"])), ([], ["Bonn", "Köln", ""]))


if __name__ == "__main__":
    unittest.main()
