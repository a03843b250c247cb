"""Tests of the simulated accounts: what is committed, against what README.md and truth.json say of it."""

import filecmp
import hashlib
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

import simulate

HERE = Path(__file__).parent


class Accounts(unittest.TestCase):
    """The committed accounts."""

    @classmethod
    def setUpClass(cls):
        cls.accounts = pd.read_csv(HERE / "customers.csv", dtype=str, keep_default_na=False)
        cls.truth = json.loads((HERE / "truth.json").read_text())
        cls.numbers = cls.accounts.apply(pd.to_numeric, errors="coerce")

    def share(self, column, value, among=None):
        accounts = self.accounts if among is None else self.accounts[among]
        return (accounts[column] == value).mean()

    def assert_drawn(self, observed, expected, count, what):
        """Within four standard errors of the stated share."""
        self.assertAlmostEqual(observed, expected, delta=4 * np.sqrt(expected * (1 - expected) / count), msg=what)

    def test_columns_are_those_of_the_schema(self):
        named = [field["columns"][0] for field in simulate.SCHEMA["field"]]
        roles = [simulate.SCHEMA["roles"][role]["columns"][0] for role in ("id", "outcome")]
        self.assertEqual(set(self.accounts), {*named, *roles})

    def test_ids_are_unique_and_of_mixed_shape(self):
        ids = self.accounts["Account"]
        self.assertEqual(len(ids), simulate.ACCOUNTS)
        self.assertTrue(ids.is_unique)
        self.assertTrue((ids.str.fullmatch(r"acct_[a-z0-9]{3,12}") | ids.str.fullmatch(r"[\w ]+/\d{4}")).all())
        self.assertEqual(set(ids.str.split("/").str[0][ids.str.contains("/")]), set(simulate.TOWNS))

    def test_shares_are_the_stated_ones(self):
        for plan, expected in zip(simulate.PLANS, simulate.PLAN_SHARES, strict=True):
            self.assert_drawn(self.share("Plan", plan), expected, len(self.accounts), plan)
            among = self.accounts["Plan"] == plan
            annual = self.share("Billing", "annual", among)
            self.assert_drawn(annual, simulate.ANNUAL_SHARE[plan], among.sum(), f"annual {plan}")
            for payment, expected in zip(simulate.PAYMENTS, simulate.PAYMENT_SHARES[plan], strict=True):
                self.assert_drawn(self.share("Payment", payment, among), expected, among.sum(), f"{payment} {plan}")
            seats = self.numbers["Seats"][among]
            self.assertAlmostEqual(np.log(seats.median() / simulate.SEATS_MEDIAN[plan]), 0, delta=0.15, msg=plan)
        for country, expected in simulate.COUNTRIES.items():
            self.assert_drawn(self.share("Country", country), expected, len(self.accounts), country)
        self.assert_drawn(self.share("Weekly active %", ""), simulate.UNMEASURED, len(self.accounts), "usage switched off")
        self.assert_drawn(self.share("Contact left", "Yes"), simulate.CONTACT_LEFT, len(self.accounts), "contact left")
        self.assert_drawn(self.share("May contact", "Yes"), simulate.MAY_CONTACT, len(self.accounts), "may contact")

    def test_needs_hold(self):
        large = self.accounts["Plan"].isin(["business", "enterprise"])
        self.assertTrue(((self.accounts["SSO"] == "not in the plan") == ~large).all())
        self.assertTrue((self.accounts["SSO"][self.accounts["User sync"] == "Yes"] == "Yes").all())
        self.assertTrue(large[self.accounts["Success manager"] == "Yes"].all())

    def test_blanks_are_where_something_has_no_value(self):
        self.assertTrue(((self.accounts["Renewal in"] == "") == (self.accounts["Billing"] == "monthly")).all())
        self.assertTrue(((self.accounts["Invoice delay"] == "") == (self.accounts["Payment"] == "card")).all())
        self.assertTrue(((self.accounts["Onboarding"] == "") == (self.accounts["Plan"] == "enterprise")).all())
        pending = self.accounts["Quarter"] == ""
        self.assertTrue((self.numbers["Renewal in"][pending] <= simulate.QUARTER_DAYS).all())
        due = self.numbers["Renewal in"] <= simulate.QUARTER_DAYS
        self.assert_drawn(pending[due].mean(), simulate.NEGOTIATING, due.sum(), "still negotiating")

    def test_mrr_is_the_price_list_less_the_rebate(self):
        accounts, listed = self.accounts, simulate.SEAT_PRICE * self.numbers["Seats"]
        for name, field in simulate.FIELDS.items():
            if field["kind"] in ("choice", "flag"):
                column = accounts[field["columns"][0]]
                values = [value for value in field.get("values", []) if isinstance(value, dict)]
                prices = {value["name"]: value.get("price", 0) for value in values}
                if field["kind"] == "flag":
                    prices = {"Yes": field.get("price", 0)}
                listed = listed + column.map(prices).fillna(0)
        rebate = (listed - self.numbers["MRR (EUR)"]) / (simulate.SEAT_PRICE * self.numbers["Seats"])
        self.assertTrue(np.isclose(rebate.to_numpy()[:, None], list(simulate.REBATES), atol=1e-3).any(axis=1).all())
        self.assertTrue((rebate[self.numbers["Seats"] < simulate.HAGGLING_SEATS].abs() < 1e-9).all())

    def test_warning_signs_catch_a_useful_share_that_cancels_more_often(self):
        known = self.accounts["Quarter"] != ""
        cancelled = self.accounts["Quarter"] == "cancelled"
        signs = [field for field in simulate.SCHEMA["field"] if "alarm" in field]
        self.assertEqual(len(signs), 4)
        for field in signs:
            values = self.numbers[field["columns"][0]]
            caught = values > field["alarm"].get("above", np.inf)
            caught |= values < field["alarm"].get("below", -np.inf)
            self.assertTrue(0.04 <= caught.mean() <= 0.2, (field["name"], caught.mean()))
            self.assertGreater(cancelled[caught & known].mean(), 1.3 * cancelled[~caught & known].mean(), field["name"])

    def test_the_arm_is_that_of_the_ids_hash(self):
        trial = self.accounts["Onboarding"] != ""
        for account_id, arm in self.accounts.loc[trial, ["Account", "Onboarding"]].to_numpy():
            hashed = int(hashlib.sha256(account_id.encode()).hexdigest()[:8], 16)
            self.assertEqual(arm, "self-paced" if hashed % 10 < 6 else "coach")
        self.assert_drawn(self.share("Onboarding", "coach", trial), 0.4, trial.sum(), "coach")

    def test_the_arms_differ_as_the_truth_says_within_chance(self):
        rates, error = {}, 0
        for arm in ("self-paced", "coach"):
            settled = self.accounts[(self.accounts["Onboarding"] == arm) & (self.accounts["Quarter"] != "")]
            rates[arm] = (settled["Quarter"] == "cancelled").mean()
            error += rates[arm] * (1 - rates[arm]) / len(settled)
        self.assertAlmostEqual(rates["coach"] - rates["self-paced"], self.truth["effect"], delta=1.96 * np.sqrt(error))


class Drawing(unittest.TestCase):
    def test_drawing_again_gives_the_committed_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            simulate.write(Path(folder))
            for name in ["customers.csv", "truth.json", "README.md"]:
                self.assertTrue(filecmp.cmp(Path(folder) / name, HERE / name, shallow=False), name)

    def test_the_truth_follows_from_the_stated_log_odds(self):
        frame, truth = simulate.simulate()
        trial = (frame["arm"] != "").to_numpy()
        log_odds = simulate.leaning(frame)[trial]
        rates = truth["expected_churn_rate"]
        self.assertAlmostEqual(rates["coach"] - rates["self-paced"], simulate.EFFECT)
        shifts = [simulate.shifted_to(rates[arm], log_odds) for arm in ("self-paced", "coach")]
        self.assertAlmostEqual(shifts[1] - shifts[0], truth["log_odds_ratio"])
        # By their shares the arms are as they would be without a trial.
        constant = simulate.shifted_to(simulate.CANCELLED, simulate.leaning(frame))
        without = expit(log_odds + constant).mean()
        self.assertAlmostEqual(0.6 * rates["self-paced"] + 0.4 * rates["coach"], without, places=8)

    def test_whom_an_account_is_decides_nothing(self):
        frame, _ = simulate.simulate()
        moved = frame.assign(country="US")
        np.testing.assert_array_equal(simulate.leaning(moved), simulate.leaning(frame))


if __name__ == "__main__":
    unittest.main()
