"""Tests of the steps of an adoption, each by itself, over tables of customers who do not exist."""

import argparse
import os
import re
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pandas as pd

import spelling
from adopt import adoption, kinds, leaks, made, names, propose, read, relations, target, write
from adopt.faults import Faults, Refused

PROGRAM = Path(os.environ.get("ENGAGETRACK", Path(__file__).parents[2] / "target" / "debug" / "engagetrack"))


def options(**given):
    """The options of the command line."""
    usual = {
        "target": None,
        "id": None,
        "left": [],
        "stayed": [],
        "allow": [],
        "drop": [],
        "keep": [],
        "as_of": None,
        "currency": None,
    }
    return argparse.Namespace(**{"into": Path("gym"), **usual, **given})


def table_of(frame):
    """A table as the program reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "members.csv"
        frame.to_csv(path, index=False)
        return read.read(path, None, PROGRAM)


def propose_of(frame, **given):
    """What is proposed for a table, and what the page says beside it."""
    facts = adoption.Facts()
    table = table_of(frame)
    return adoption.propose_all(options(**given), table, facts, lambda line: None), facts


def column_of(*cells, name="column", keep=None):
    """What is inferred of a column of these cells."""
    table = table_of(pd.DataFrame({"row": range(len(cells)), name: cells}))
    return kinds.infer_column(name, table.frame[name], table.says[name], keep, lambda line: None)


class Names(unittest.TestCase):
    def test_words_are_found_in_any_style(self):
        for name in ("NumOfProducts", "num_of_products", "num of  products", "Num-Of-Products"):
            self.assertEqual(names.words(name), ["num", "of", "products"])
        self.assertEqual(names.words("MonthlyGBDownload"), ["monthly", "gb", "download"])

    def test_reserved_names_are_those_of_the_schema(self):
        page = (Path(__file__).parents[2] / "docs" / "schema.md").read_text()
        listed = page.split("## Reserved names")[1].split("Nor can")[0]
        self.assertEqual(names.RESERVED, set(re.findall(r"`(\w+)`", listed)))

    def test_fields_get_names_that_a_schema_takes(self):
        fields = names.FieldNames()
        self.assertEqual(fields.field("Call  Failure"), "call_failure")
        self.assertEqual(fields.field("Status"), "status_field")
        self.assertEqual(fields.field("tenure"), "tenure")
        self.assertEqual(fields.field("tenure_min"), "tenure_min_field")
        self.assertEqual(fields.field("2nd line"), "field_2nd_line")
        self.assertEqual(fields.field("call failure"), "call_failure_2")
        self.assertEqual(fields.field("ärger"), "arger")
        self.assertEqual(fields.field("顧客"), "column")


class Reading(unittest.TestCase):
    def cells(self, *texts):
        table = table_of(pd.DataFrame({"row": range(1, len(texts) + 1), "column": texts}))
        return list(table.frame["column"]), [line for line in table.evidence if line.startswith("column: ")]

    def test_missing_values_are_blank_in_every_spelling(self):
        found, seen = self.cells("3", "NA", "nan", "NULL", "-", "?", "None", "")
        self.assertEqual(found, ["3", "", "", "", "", "", "", ""])
        self.assertIn("column: 'NA' is missing (1)", seen)

    def test_none_is_a_value_among_texts(self):
        self.assertEqual(self.cells("None", "Offer A", "N/A"), (["None", "Offer A", ""], ["column: 'N/A' is missing (1)"]))

    def test_numbers_are_decided_by_the_whole_column(self):
        for texts, expected in (
            (["1.234,50", "7,5"], ["1234.5", "7.5"]), (["1,234.50", "7.5"], ["1234.5", "7.5"]), (["1,5", "2,25"], ["1.5", "2.25"]),
            (["$1,234", "$-5.25", ""], ["1234", "-5.25", ""]), (["12 €", "1.000 €", "0,5 €"], ["12", "1000", "0.5"]),
            (["(3.50)", "2.00"], ["-3.5", "2"]), (["12 %", "7.5%"], ["12", "7.5"]),
        ):  # fmt: skip
            self.assertEqual(self.cells(*texts)[0], expected)

    def test_numbers_that_may_be_two_are_asked_about(self):
        with self.assertRaises(Refused) as refused:
            self.cells("$1.234", "$2.345")
        self.assertIn("READ=decimal:comma or READ=decimal:point", refused.exception.faults[0])

    def test_plain_numbers_and_texts_stay(self):
        for texts in (["1", "2.50", "1e3"], ["007", "010"], ["a", "b"], ["2024-01-02", "2024-05-06"], ["12.03.2024", "13.04.2024"]):
            self.assertEqual(self.cells(*texts), (texts, []))

    def test_training_knows_no_spelling_that_the_program_does_not(self):
        spelled = [("yes", True, spelling.YES), ("no", False, spelling.NO)]
        for _, is_yes, spellings in spelled:
            texts = sorted(spellings)
            table = table_of(pd.DataFrame({"row": range(len(texts) + 1), "column": [*texts, "another"]}))
            self.assertEqual(table.says["column"], dict.fromkeys(texts, is_yes))
        self.assertEqual(set(self.cells("word", *sorted(spelling.MISSING))[0]), {"word", ""})


class Targets(unittest.TestCase):
    def states(self, values, name="Churn", **given):
        faults = Faults()
        table = table_of(pd.DataFrame({"row": range(len(values)), name: values}))
        given = {"left": [], "stayed": [], **given}
        return target.find_target(table, given.pop("target", name), given["left"], given["stayed"], faults), faults

    def test_left_and_stayed_are_known_in_many_spellings(self):
        for left, stayed in (
            ("1", "0"), ("Yes", "No"), ("VRAI", "FAUX"), ("True", "False"), ("Churned", "Stayed"), ("CHURN", "no churn"),
            ("Attrited Customer", "Existing Customer"), ("left", "Active"), ("1.0", "0.0"), ("ja", "nein"),
        ):  # fmt: skip
            state, faults = self.states([left, stayed, stayed])
            self.assertEqual((faults, state.left, state.stayed), ([], [left], [stayed]))

    def test_mixed_case_is_one_state(self):
        state, faults = self.states(["Yes", "YES", "no", "No", ""])
        self.assertEqual((faults, sorted(state.left), sorted(state.stayed)), ([], ["YES", "Yes"], ["No", "no"]))
        self.assertTrue(np.isnan(state.labels(pd.DataFrame({"Churn": [""]}))).all())

    def test_a_third_state_is_refused_until_told(self):
        values = ["Churned", "Stayed", "Joined"]
        state, faults = self.states(values)
        self.assertIsNone(state)
        self.assertIn("LEFT=Churned STAYED=Stayed", faults[0])
        self.assertIn("'Joined' 1", faults[0])
        state, faults = self.states(values, left=["churned"], stayed=["stayed"])
        self.assertEqual((faults, state.others), ([], ["Joined"]))
        np.testing.assert_array_equal(state.labels(pd.DataFrame({"Churn": values})), [1, 0, np.nan])

    def test_one_of_two_values_says_the_other(self):
        state, faults = self.states(["2", "1"], left=["2"])
        self.assertEqual((faults, state.left, state.stayed), ([], ["2"], ["1"]))

    def test_values_without_meaning_are_refused(self):
        for values in (["1", "2"], ["a", "b"], ["1", "1"], [str(number) for number in range(30)]):
            self.assertIsNone(self.states(values)[0], values)

    def test_a_target_that_says_the_opposite_is_refused_until_told(self):
        state, faults = self.states(["1", "0"], name="retained")
        self.assertIsNone(state)
        self.assertIn("LEFT=0 STAYED=1", faults[0])

    def test_the_target_is_found_by_name(self):
        faults = Faults()
        table = table_of(pd.DataFrame({"plan": ["a", "b"], "Churn Flag": ["0", "1"], "status": ["x", "y"]}))
        self.assertEqual(target.find_target(table, None, [], [], faults).column, "Churn Flag")
        self.assertEqual(target.find_target(table, "churnflag", [], [], faults).column, "Churn Flag")
        only = read.Table(table.frame[["plan"]], table.source, {"plan": {}})
        self.assertIsNone(target.find_target(only, None, [], [], faults))
        self.assertIn("Say TARGET=", faults[0])

    def test_the_id_is_the_unique_column_that_is_named_like_one(self):
        frame = pd.DataFrame(
            {"n": ["1", "2", "3"], "subscription_id": ["S1", "S2", "S3"], "account_id": ["A", "A", "B"]}
        )
        self.assertEqual(target.find_id(frame, None, None, Faults()).column, "subscription_id")
        self.assertIsNone(target.find_id(frame[["n"]], None, None, Faults()).column)
        self.assertIsNone(target.find_id(frame, "none", None, Faults()).column)
        faults = Faults()
        target.find_id(frame, "account_id", None, faults)
        self.assertIn("not unique: 2 rows", faults[0])
        faults = Faults()
        self.assertIsNone(target.find_id(frame.assign(user_id=["a", "b", "c"]), None, None, faults))
        self.assertIn("Say ID=", faults[0])


class Kinds(unittest.TestCase):
    def test_kinds_follow_from_the_cells(self):
        many = [str(number / 8) for number in range(100)]
        for expected, made_column in (
            ("flag", column_of("0", "1", "1.0")),
            ("flag", column_of("Yes", "no", "")),
            ("choice", column_of("1", "2", "1", name="Tariff Plan")),
            ("choice", column_of("408", "415", "510", name="area code")),
            ("whole", column_of("12.0", "7", "3", name="visits")),
            ("number", column_of("1.5", "7", "3", name="height")),
            ("money", column_of(*many, name="Monthly charge")),
            ("number", column_of(*many, name="Balance salary ratio")),
            ("date", column_of("2024-01-31", "2023-05-01T10:00:00", "")),
            ("date", column_of("31/01/2024", "01/05/2023")),
            ("choice", column_of("Mon", "Tue", "Mon")),
        ):
            self.assertEqual((made_column.kind, made_column.dropped), (expected, None), made_column)

    def test_dates_are_days_before_the_newest(self):
        np.testing.assert_array_equal(column_of("2024-01-31", "2024-01-01", "").codes, [0, 30, np.nan])

    def test_choices_have_the_order_that_their_names_say(self):
        self.assertEqual(column_of("Premium", "Basic", "Pro").values, ["Basic", "Pro", "Premium"])
        self.assertEqual(
            column_of("Two year", "Month-to-month", "One year").values, ["Month-to-month", "One year", "Two year"]
        )
        self.assertEqual(column_of("30-39", "20-29", "<20", "40+").values, ["<20", "20-29", "30-39", "40+"])
        self.assertFalse(column_of("red", "blue").ordered)

    def test_spellings_of_one_value_are_one_value(self):
        column = column_of("Credit card", "credit_card", "Credit card", "Cash")
        self.assertEqual((column.values, column.spelled), (["Credit card", "Cash"], {"Credit card": ["credit_card"]}))

    def test_a_third_value_of_a_flag_may_say_that_it_does_not_apply(self):
        column = column_of("Yes", "No", "No internet service")
        self.assertEqual((column.kind, column.without, list(column.codes)), ("flag", "No internet service", [1, 0, 2]))

    def test_of_many_values_the_most_common_are_kept(self):
        cells_of = [f"town {number % 130}" for number in range(1000)] + ["town 7"] * 5
        column = column_of(*cells_of, name="town")
        self.assertEqual((len(column.values), column.values[-1], column.other), (51, "other", "other"))
        self.assertIn("town 7", column.values)
        self.assertEqual(len(column_of(*cells_of, name="town", keep=130).values), 130)
        self.assertIsNone(column_of(*cells_of, name="town", keep=130).other)


class Defects(unittest.TestCase):
    """Thirty-odd defects, planted in an honest table: each is found, and nothing else is."""

    def setUp(self):
        self.frame, self.left = made.table()
        self.rng = np.random.default_rng(7)

    def test_the_honest_table_is_left_alone(self):
        proposal, facts = propose_of(self.frame)
        self.assertEqual([column.source for column in proposal.columns if column.dropped], [])
        self.assertEqual([column.source for column in proposal.columns if not column.in_model], [])
        self.assertEqual(facts.warnings, [])
        self.assertEqual((proposal.target.column, proposal.identity.column), ("churned", "member"))

    def test_every_leak_stops(self):
        planted = made.leaks(self.left, self.rng)
        with self.assertRaises(Refused) as refused:
            propose_of(self.frame.assign(**planted))
        stopped = {fault.split(" seems to know")[0] for fault in refused.exception.faults}
        self.assertEqual(stopped, set(planted))

    def test_leaks_that_a_person_drops_or_allows_do_not_stop(self):
        planted = {
            name: values
            for name, values in made.leaks(self.left, self.rng).items()
            if name in ("account", "churn year")
        }
        proposal, facts = propose_of(self.frame.assign(**planted), drop=["account"], allow=["Churn_Year"])
        self.assertEqual(
            [column.source for column in proposal.columns if column.dropped == "as told (DROP)"], ["account"]
        )
        self.assertIn("churn year was allowed", facts.warnings[0])

    def test_a_score_that_only_tells_with_others_stops(self):
        score = made.churn_score(self.frame, self.left, self.rng)
        with self.assertRaises(Refused) as refused:
            propose_of(self.frame.assign(**{"churn score": score}))
        self.assertEqual(len(refused.exception.faults), 1)
        self.assertIn("churn score seems to know the outcome: without it", refused.exception.faults[0])

    def test_leaks_that_no_rule_was_made_for_stop(self):
        planted = made.further_leaks(self.left, self.rng)
        with self.assertRaises(Refused) as refused:
            propose_of(self.frame.assign(**planted))
        stopped = {fault.split(" seems to know")[0] for fault in refused.exception.faults}
        self.assertEqual(stopped, set(planted))

    def test_leaks_that_only_tell_with_others_or_of_some_stop(self):
        frame, left = self.frame.head(800), self.left[:800]
        for name, values in made.joint_leaks(frame, left, self.rng).items():
            with self.subTest(name), self.assertRaises(Refused) as refused:
                propose_of(frame.assign(**{name: values}))
            self.assertEqual([fault.split(" seems")[0] for fault in refused.exception.faults], [name])

    def test_an_id_that_grows_with_time_is_dropped(self):
        order = np.argsort(np.argsort(self.left + self.rng.random(len(self.left)), kind="stable"))
        planted = {"ticket": (100_000 + 7 * order).astype(str), "changed at": (1_700_000_000 + 60 * order).astype(str)}
        proposal, _ = propose_of(self.frame.assign(**planted))
        self.assertEqual([column.source for column in proposal.columns if column.dropped], list(planted))

    def test_the_outcome_explains_little_of_honest_columns_and_much_of_those_made_from_it(self):
        rng, count = np.random.default_rng(5), 3000
        cause, other = rng.normal(size=(2, count))
        left = (cause + other + rng.logistic(size=count) > 0.5).astype(float)
        noise = rng.normal(size=count)
        columns = [
            kinds.Column(name, "number", "", codes)
            for name, codes in {"cause": cause, "other": other, "made": 4 * left - 2 * other + noise}.items()
        ]
        honest, effects = leaks.Joint(columns[:2], left), leaks.Joint(columns, left)
        # Of a noise of variance 1 the outcome adds 16 p (1 − p), about 4, less what the causes say of it.
        self.assertLess(honest.effect_of_outcome(0), leaks.MADE_OF_OUTCOME / 4)
        self.assertGreater(effects.effect_of_outcome(2), 2)
        # A cause that decides without any chance.
        decides = kinds.Column("decides", "number", "", rng.random(count))
        sure = leaks.Joint([decides, columns[1]], (decides.codes > 0.5).astype(float))
        self.assertAlmostEqual(sure.effect_of_outcome(0), 3, delta=0.4)

    def test_ids_constants_and_texts_are_dropped(self):
        planted = {
            **made.ids(self.left, self.rng), **made.constants(self.left, self.rng), **made.texts(self.left, self.rng)
        }  # fmt: skip
        proposal, facts = propose_of(self.frame.assign(**planted), id="member")
        # The reader has left out the index by then.
        dropped = set(planted) - {"Unnamed: 0"}
        self.assertEqual({column.source for column in proposal.columns if column.dropped}, dropped)
        self.assertNotIn("Unnamed: 0", proposal.table.frame)
        self.assertTrue(any("different account_id share" in warning for warning in facts.warnings), facts.warnings)

    def test_identities_are_found(self):
        planted = made.identities(self.frame, self.rng)
        proposal, _ = propose_of(self.frame.assign(**planted))
        derived = {column.source: column for column in proposal.columns if not column.in_model}
        self.assertEqual(set(derived), set(made.DERIVED))
        for name, of in made.DERIVED.items():
            self.assertTrue(any(of in guess for guess in derived[name].guesses), derived[name].guesses)
        repeated = {column.source: column.dropped for column in proposal.columns if column.dropped}
        self.assertEqual(set(repeated), set(made.REPEATED))
        for name, of in made.REPEATED.items():
            self.assertIn(f"repeats {of}", repeated[name])

    def test_dates_after_a_given_snapshot_stop(self):
        with self.assertRaises(Refused) as refused:
            propose_of(self.frame, as_of="2025-01-01")
        self.assertIn("started seems to know the outcome", refused.exception.faults[0])

    def test_what_is_wrong_is_said_all_at_once(self):
        with self.assertRaises(Refused) as refused:
            propose_of(self.frame.head(400), drop=["x"], keep=["y:7"], allow=["z"], as_of="today", id="sex")
        text = "\n".join(refused.exception.faults)
        for part in (
            "DROP=x is no column",
            "KEEP=y",
            "ALLOW=z",
            "AS_OF=today is no date",
            "The id sex is not unique",
            "400 customers",
        ):
            self.assertIn(part, text)


class Relations(unittest.TestCase):
    def column(self, source, codes, kind="number", **given):
        return kinds.Column(source, kind, "", np.array(codes, float), **given)

    def test_what_is_never_had_without_another_needs_it(self):
        rng = np.random.default_rng(1)
        internet = rng.integers(0, 2, 1000)
        backup = rng.integers(0, 2, 1000) * internet
        paperless = rng.integers(0, 2, 1000)
        columns = [
            self.column(name, codes, "flag")
            for name, codes in (("internet", internet), ("backup", backup), ("paperless", paperless))
        ]
        found = [
            (column.source, other.source, allowed) for column, other, allowed, _ in relations.implications(columns)
        ]
        self.assertEqual(found, [("backup", "internet", [1])])

    def test_few_rows_imply_nothing(self):
        columns = [self.column("internet", [0] * 20 + [1] * 20, "flag"), self.column("backup", [0] * 39 + [1], "flag")]
        self.assertEqual(relations.implications(columns), [])

    def test_a_number_that_depends_on_a_flag_does_not_repeat_it(self):
        plan = np.array([0, 1] * 200)
        messages = plan * np.arange(400) % 50 + plan
        columns = [self.column("plan", plan, "flag"), self.column("messages", messages, "whole")]
        self.assertEqual(relations.recodings(columns), [])
        self.assertEqual(
            [(flag.source, number.source) for flag, number in relations.depending(columns)], [("plan", "messages")]
        )

    def test_what_does_not_apply_needs_what_it_depends_on(self):
        rng = np.random.default_rng(5)
        line = rng.integers(0, 3, 2000)
        extras = [np.where(line == 2, 2, rng.integers(0, 2, 2000)) for _ in range(2)]
        columns = [
            self.column("line", line, "choice", values=["DSL", "Fibre", "No"]),
            *(self.column(f"extra {place}", codes, "flag", without="No line") for place, codes in enumerate(extras)),
        ]
        found = [
            (column.source, other.source, allowed) for column, other, allowed, _ in relations.implications(columns)
        ]
        self.assertEqual(found, [("extra 0", "line", [0, 1]), ("extra 1", "line", [0, 1])])

    def test_prices_are_those_that_the_amount_is_made_of(self):
        rng = np.random.default_rng(6)
        line, phone, extra, paper = rng.integers(0, 3, 2000), *rng.integers(0, 2, (3, 2000))
        extra = extra * (line < 2)
        amount = 25 * (line == 0) + 50 * (line == 1) + 20 * phone + 5 * extra + rng.normal(0, 1, 2000)
        columns = [
            self.column("line", line, "choice", values=["DSL", "Fibre", "No"], about="plan"),
            self.column("phone", phone, "flag", about="plan"),
            self.column("extra", extra, "flag", about="plan"),
            self.column("paper", paper, "flag", about="plan"),
        ]
        found = relations.price_list(columns, self.column("fee", amount, "money"))
        expected = {("line", 0): 25, ("line", 1): 50, ("phone", 1): 20, ("extra", 1): 5}
        self.assertEqual(set(found.prices), set(expected))
        for place, price in expected.items():
            self.assertAlmostEqual(found.prices[place], price, delta=0.2)
        self.assertIsNone(relations.price_list(columns, self.column("fee", rng.gamma(2, 20, 2000), "money")))

    def test_numbers_that_rise_with_each_other_are_one(self):
        rng = np.random.default_rng(9)
        places = rng.integers(0, 300, 2000)
        north, east = rng.permutation(300) / 7, rng.permutation(300) / 9
        income = np.round(rng.gamma(4, 900, 2000))
        columns = [
            self.column("north", north[places]),
            self.column("east", east[places]),
            self.column("income", income),
            self.column("log income", np.round(np.log(income), 9)),
        ]
        self.assertEqual(
            [(found.column, found.of) for found in relations.recodings(columns)], [("log income", ("income",))]
        )

    def test_a_sum_of_several_is_found(self):
        rng = np.random.default_rng(2)
        parts = {name: np.round(rng.gamma(2, 20, 500), 2) for name in ("calls", "data", "rent", "credit")}
        total = parts["calls"] + parts["data"] + parts["rent"] - parts["credit"]
        columns = [self.column(name, codes, "money") for name, codes in {**parts, "total": np.round(total, 2)}.items()]
        self.assertEqual([found.formula for found in relations.identities(columns)], ["= calls + data + rent − credit"])


class Proposals(unittest.TestCase):
    def test_persons_are_protected_and_plans_can_change(self):
        for name, expected in (
            ("Gender", "person"), ("AgeGroup", "person"), ("Numberofdependents", "person"), ("MaritalStatus", "person"),
            ("CityTier", "person"), ("NumberOfAddress", "behaviour"), ("Percentage of usage", "behaviour"), ("Contract", "plan"),
            ("Paperlessbilling", "plan"), ("support calls", "behaviour"),
        ):  # fmt: skip
            column = kinds.Column(name, "choice", "", np.zeros(3), ["a", "b"])
            propose.describe([column])
            self.assertEqual(column.about, expected, name)
            self.assertEqual(column.change != "never", name in ("Contract", "Paperlessbilling"), name)

    def test_roles_are_found_by_name_and_the_lifetime_by_its_amounts(self):
        rng = np.random.default_rng(8)
        months, fee = rng.integers(1, 60, 500).astype(float), np.round(rng.gamma(9, 5, 500), 2)
        columns = [
            kinds.Column("Tenure in months", "whole", "", months),
            kinds.Column("MonthlyCharge", "money", "", fee),
            kinds.Column("Total charges", "money", "", months * fee + 1),
            kinds.Column("may_contact", "flag", "", rng.integers(0, 2, 500).astype(float)),
        ]
        roles = {role: column.source for role, (column, _) in propose.find_roles(columns).items()}
        self.assertEqual(
            roles,
            {
                "tenure": "Tenure in months",
                "recurring": "MonthlyCharge",
                "lifetime": "Total charges",
                "contactable": "may_contact",
            },
        )
        self.assertFalse(columns[3].in_model)

    def test_two_names_for_one_value_are_asked_about(self):
        column = kinds.Column(
            "Payment",
            "choice",
            "",
            np.zeros(3),
            ["COD", "Cash on Delivery", "CC", "Credit Card", "Phone", "Mobile Phone"],
        )
        self.assertEqual(
            propose.may_be_the_same(column),
            [("COD", "Cash on Delivery"), ("CC", "Credit Card"), ("Phone", "Mobile Phone")],
        )

    def test_words_name_what_is_counted_and_what_somebody_is(self):
        counts = kinds.Column("NumOfProducts", "choice", "", np.zeros(3), ["1", "2"], ordered=True)
        self.assertEqual(write.value_toml(counts, 0, "1"), '{ name = "1", label = "1 product", words = "1 product" }')
        self.assertIn('label = "2 products"', write.value_toml(counts, 1, "2"))
        active = kinds.Column("IsActiveMember", "flag", "", np.zeros(3))
        self.assertEqual(write.words_of(active), ["not active member", "active member"])
        self.assertIsNone(write.words_of(kinds.Column("HasCrCard", "flag", "", np.zeros(3))))

    def test_a_warning_sign_catches_a_share_that_leaves_more_often(self):
        rng = np.random.default_rng(4)
        calls = rng.poisson(2, 3000)
        left = rng.random(3000) < np.where(calls > 4, 0.6, 0.1)
        side, bound, *_ = write.warning_sign(calls, left.astype(float))
        self.assertEqual((side, bound), ("above", 4))
        self.assertIsNone(write.warning_sign(calls, (rng.random(3000) < 0.2).astype(float)))


if __name__ == "__main__":
    unittest.main()
