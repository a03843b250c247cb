"""Draws the simulated accounts of a B2B tool, from distributions that are stated in README.md, with a known truth.

simulate.py [--out FOLDER]
    writes customers.csv and truth.json, and the measured figures into the folder's README.md
"""

import argparse
import hashlib
import json
import string
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.metrics import log_loss, roc_auc_score

HERE = Path(__file__).parent
SCHEMA = tomllib.loads((HERE / "schema.toml").read_text())
FIELDS = {field["name"]: field for field in SCHEMA["field"]}
EXPERIMENT = SCHEMA["experiment"][0]
CONTROL, TREATMENT = EXPERIMENT["arms"]

SEED = 1
ACCOUNTS = 4000
# The share that cancels in a quarter, over all accounts, and what a coach does to it among those in the trial.
CANCELLED = 0.19
EFFECT = -0.06

PLANS = ["starter", "team", "business", "enterprise"]
PLAN_SHARES = [0.34, 0.38, 0.21, 0.07]
# Seats are log-normal: the median of each plan, and the spread in log.
SEATS_MEDIAN = {"starter": 4, "team": 11, "business": 34, "enterprise": 110}
SEATS_SPREAD = 0.6
SEAT_PRICE = 12
ANNUAL_SHARE = {"starter": 0.22, "team": 0.42, "business": 0.62, "enterprise": 0.88}
YEARS_MEAN = 2.6
COUNTRIES = {
    "DE": 0.30, "AT": 0.05, "CH": 0.06, "BE": 0.04, "NL": 0.09, "LU": 0.01, "DK": 0.05, "FI": 0.03, "NO": 0.03, "SE": 0.06,
    "GB": 0.10, "IE": 0.02, "FR": 0.06, "ES": 0.03, "PL": 0.03, "US": 0.04,
}  # fmt: skip
PAYMENTS = ["card", "sepa", "invoice"]
PAYMENT_SHARES = {
    "starter": [0.72, 0.24, 0.04],
    "team": [0.45, 0.40, 0.15],
    "business": [0.15, 0.45, 0.40],
    "enterprise": [0.02, 0.18, 0.80],
}
# Accounts that came with a tool that was bought keep its ids: the town, a slash, a number.
ADOPTED_SHARE = 0.04
TOWNS = ["Köln", "Zürich", "Łódź", "Malmö", "Bad Tölz", "Århus"]
# Renewals of this share that fall into the quarter are still being negotiated at its end.
NEGOTIATING = 0.4
QUARTER_DAYS = 92
# Some firms have switched the measurement of usage off.
UNMEASURED = 0.07
CONTACT_LEFT = 0.09
MAY_CONTACT = 0.92
# Large accounts haggle: shares off the seats' price, and how likely each is.
HAGGLING_SEATS = 25
REBATES = {0: 0.4, 0.05: 0.25, 0.1: 0.2, 0.15: 0.15}

MEASURED_START = "<!-- measured by simulate.py: start -->"
MEASURED_END = "<!-- measured by simulate.py: end -->"


def stream(name):
    """The random numbers of one column: its own, so that another column's draws change nothing here."""
    return np.random.default_rng([SEED, *name.encode()])


def normal(name):
    """A standard normal number for each account."""
    return stream(name).normal(size=ACCOUNTS)


def chance(name, probability):
    """Whether what has this probability is so, for each account."""
    return stream(name).random(ACCOUNTS) < probability


def price(field, value):
    """What a value of a field costs a month."""
    if FIELDS[field]["kind"] == "flag":
        return FIELDS[field]["price"] if value else 0
    return next(known.get("price", 0) for known in FIELDS[field]["values"] if known["name"] == value)


def draw_ids():
    """Ids of two kinds: `acct_` with 3 to 12 letters and digits, and those of a tool that was bought."""
    rng = stream("id")
    letters, taken = list(string.ascii_lowercase + string.digits), []
    known = set()
    while len(taken) < ACCOUNTS:
        if rng.random() < ADOPTED_SHARE:
            candidate = f"{rng.choice(TOWNS)}/{rng.integers(1, 1000):04}"
        else:
            candidate = "acct_" + "".join(rng.choice(letters, rng.integers(3, 13)))
        if candidate not in known:
            known.add(candidate)
            taken.append(candidate)
    return taken


def arm(account_id):
    """The onboarding programme: three in five are control, by the first four bytes of the id's SHA-256."""
    hashed = int.from_bytes(hashlib.sha256(account_id.encode()).digest()[:4])
    return CONTROL if hashed % 10 < 6 else TREATMENT


def draw_contracts():
    """What each account has bought, and since when."""
    frame = pd.DataFrame({"id": draw_ids()})
    frame["country"] = stream("country").choice(list(COUNTRIES), ACCOUNTS, p=list(COUNTRIES.values()))
    frame["plan"] = stream("plan").choice(PLANS, ACCOUNTS, p=PLAN_SHARES)
    median = frame["plan"].map(SEATS_MEDIAN).to_numpy(float)
    frame["seats"] = np.maximum(np.round(median * np.exp(SEATS_SPREAD * normal("seats"))), 1).astype(int)
    frame["years"] = np.round(np.minimum(stream("years").exponential(YEARS_MEAN, ACCOUNTS), 9), 1)
    frame["annual"] = chance("billing", frame["plan"].map(ANNUAL_SHARE))
    shares = np.cumsum([PAYMENT_SHARES[plan] for plan in frame["plan"]], axis=1)
    drawn = stream("payment").random(ACCOUNTS)
    frame["payment"] = np.array(PAYMENTS)[np.minimum((drawn[:, None] >= shares).sum(axis=1), 2)]
    large = frame["plan"].isin(["business", "enterprise"])
    enterprise = frame["plan"] == "enterprise"
    frame["sso"] = large & chance("sso", np.where(enterprise, 0.85, 0.45))
    frame["sync"] = frame["sso"] & chance("user_sync", np.where(enterprise, 0.7, 0.4))
    frame["manager"] = large & chance("success_manager", np.where(enterprise, 0.8, 0.25))
    # The days since the start, or since billing became annual, decide when the year is over.
    within = stream("renewal").integers(0, 365, ACCOUNTS)
    first_year = frame["years"] < 1
    within = np.where(first_year, np.minimum(within, (365 * frame["years"]).astype(int)), within)
    frame["renewal"] = np.where(frame["annual"], 365 - within, np.nan)
    return frame


def draw_behaviour(frame):
    """What each account does. All of it follows one health, which is 0 on average and no column."""
    health = normal("health")
    frame["health"] = health
    size = np.log2(frame["seats"])
    rng = stream("weekly_active")
    share = expit(0.35 + 0.75 * health - 0.06 * size)
    frame["active"] = np.round(100 * rng.beta(12 * share, 12 * (1 - share)), 1)
    frame["active_known"] = ~chance("usage_data", UNMEASURED)
    mean = np.exp(-0.3 + 0.32 * size + 0.25 * health - 0.3 * (frame["plan"] == "starter"))
    frame["integrations"] = np.minimum(stream("integrations").poisson(mean), 200)
    mean = np.exp(0.1 + 0.38 * size - 0.4 * health)
    shape = 2
    rng = stream("tickets")
    frame["tickets"] = np.minimum(rng.poisson(mean * rng.gamma(shape, 1 / shape, ACCOUNTS)), 10_000)
    frame["nps"] = np.clip(np.round(22 + 26 * health - 0.8 * frame["tickets"] + 22 * normal("nps")), -100, 100).astype(int)
    # Those who are content, and many, answer surveys.
    frame["nps_known"] = chance("survey", expit(-0.4 + 0.5 * health + 0.3 * size))
    frame["contact_left"] = chance("contact", CONTACT_LEFT)
    early_or_late = 3 * normal("invoice_day") - 2
    rng = stream("invoice_delay")
    is_late = rng.random(ACCOUNTS) < expit(np.where(frame["payment"] == "invoice", -0.5, -1.8) - 0.5 * health)
    late = np.ceil(rng.lognormal(2.4 - 0.25 * health, 0.8))
    punctual = np.where(frame["payment"] == "invoice", np.round(early_or_late), 0)
    delay = np.clip(np.where(is_late, late, np.minimum(punctual, 0)), -60, 365)
    frame["delay"] = np.where(frame["payment"] == "card", np.nan, delay)
    return frame


def draw_money(frame):
    """What each account pays a month, and what it owes."""
    listed = (
        SEAT_PRICE * frame["seats"]
        + frame["plan"].map(lambda plan: price("plan", plan))
        + frame["annual"].map(lambda annual: price("billing", "annual" if annual else "monthly"))
        + frame["sso"].map(lambda sso: price("sso", sso))
        + frame["sync"].map(lambda sync: price("user_sync", sync))
        + frame["manager"].map(lambda manager: price("success_manager", manager))
    )
    rebates = stream("rebate").choice(list(REBATES), ACCOUNTS, p=list(REBATES.values()))
    rebate = np.where(frame["seats"] >= HAGGLING_SEATS, rebates, 0)
    frame["mrr"] = np.round(listed - rebate * SEAT_PRICE * frame["seats"], 2)
    rng = stream("balance")
    owes = frame["delay"].fillna(0) > 0
    credit = rng.random(ACCOUNTS) < 0.05
    part = rng.uniform(0.1, 0.9, ACCOUNTS)
    balance = np.where(owes, frame["mrr"], np.where(credit, -part * frame["mrr"], 0))
    frame["balance"] = np.round(balance, 2) + 0.0
    return frame


def leaning(frame):
    """The log-odds of cancelling in the quarter, but for the constant. Every term is stated in README.md."""
    due = frame["annual"] & (frame["renewal"] <= QUARTER_DAYS)
    bound = frame["annual"] & ~due
    idle = (55 - frame["active"]) / 10
    return (
        frame["plan"].map({"starter": 0.4, "team": 0, "business": -0.3, "enterprise": -0.6})
        + 0.7 * due
        - 2.4 * bound
        - 0.3 * np.minimum(frame["years"], 4)
        + 0.4 * idle
        + 0.9 * frame["contact_left"]
        # Nobody is left who would keep it: more than the sum of both.
        + 1.2 * (frame["contact_left"] & (frame["active"] < 40))
        - 0.02 * frame["nps"]
        + 0.1 * np.minimum(frame["tickets"], 20) * (frame["years"] < 1)
        + 0.03 * np.clip(frame["delay"].fillna(0), 0, 40)
        - 0.16 * np.minimum(frame["integrations"], 8)
        - 0.5 * frame["sso"]
        - 0.3 * frame["sync"]
        - 0.5 * frame["manager"]
        + 0.25 * (frame["payment"] == "card")
    ).to_numpy(float)


def shifted_to(mean, log_odds):
    """The shift of the log-odds that brings their mean probability to the given one."""
    return brentq(lambda shift: expit(log_odds + shift).mean() - mean, -10, 10, xtol=1e-12)


def draw_outcome(frame):
    """What each account did in the quarter, and what is true of it.

    The mean probability in either arm, each taken over everybody in the trial, lies `EFFECT` apart.
    """
    log_odds = leaning(frame)
    in_trial = (frame["plan"] != "enterprise").to_numpy()
    frame["arm"] = np.where(in_trial, frame["id"].map(arm), "")
    constant = shifted_to(CANCELLED, log_odds)
    base = expit(log_odds[in_trial] + constant).mean()
    shares = dict(zip(EXPERIMENT["arms"], EXPERIMENT["shares"], strict=True))
    # The trial changes nothing in the mean: the arms lie around it, by their shares.
    means = {CONTROL: base - shares[TREATMENT] * EFFECT, TREATMENT: base + shares[CONTROL] * EFFECT}
    shifts = {name: shifted_to(mean, log_odds[in_trial]) for name, mean in means.items()}
    probabilities = expit(log_odds + frame["arm"].map({**shifts, "": constant}).to_numpy(float))
    frame["cancelled"] = stream("outcome").random(ACCOUNTS) < probabilities
    pending = frame["annual"] & (frame["renewal"] <= QUARTER_DAYS) & chance("negotiating", NEGOTIATING)
    frame["outcome"] = np.where(pending, "", np.where(frame["cancelled"], "cancelled", "kept"))
    known = ~pending.to_numpy()
    truth = {
        "effect": EFFECT,
        "expected_churn_rate": {name: round(float(mean), 9) for name, mean in means.items()},
        "log_odds_ratio": round(shifts[TREATMENT] - shifts[CONTROL], 9),
        # What a model would reach that knew every probability, on the accounts whose outcome is known.
        "ceiling": {
            "roc_auc": round(float(roc_auc_score(frame["cancelled"][known], probabilities[known])), 9),
            "log_loss": round(float(log_loss(frame["cancelled"][known], probabilities[known])), 9),
        },
    }
    return frame, truth


def spell(numbers, known=True, decimals=0):
    """Numbers as the file has them, blank where there is none or it is not known."""
    present = pd.Series(known, index=numbers.index) & numbers.notna()
    return [f"{number:.{decimals}f}" if shown else "" for number, shown in zip(numbers, present, strict=True)]


def as_file(frame):
    """The accounts in the columns and spellings of customers.csv."""
    flag = {True: "Yes", False: "No"}
    large = frame["plan"].isin(["business", "enterprise"])
    may_contact = pd.Series(chance("may_contact", MAY_CONTACT))
    return pd.DataFrame(
        {
            "Account": frame["id"],
            "Country": frame["country"],
            "Plan": frame["plan"],
            "Billing": frame["annual"].map({True: "annual", False: "monthly"}),
            "Seats": frame["seats"],
            "Years": spell(frame["years"], decimals=1),
            "Payment": frame["payment"],
            "SSO": np.where(large, frame["sso"].map(flag), FIELDS["sso"]["without"]["spelled"]),
            "User sync": frame["sync"].map(flag),
            "Success manager": frame["manager"].map(flag),
            "Integrations": frame["integrations"],
            "MRR (EUR)": spell(frame["mrr"], decimals=2),
            "Balance (EUR)": spell(frame["balance"], decimals=2),
            "Contact left": frame["contact_left"].map(flag),
            "Weekly active %": spell(frame["active"], frame["active_known"], decimals=1),
            "Tickets": frame["tickets"],
            "NPS": spell(frame["nps"], frame["nps_known"]),
            "Invoice delay": spell(frame["delay"]),
            "Renewal in": spell(frame["renewal"]),
            "May contact": may_contact.map(flag),
            "Onboarding": frame["arm"],
            "Quarter": frame["outcome"],
        }
    )


def simulate():
    """The accounts as drawn, with the columns that no file has, and what is true of them."""
    return draw_outcome(draw_money(draw_behaviour(draw_contracts())))


def table(frame):
    """What came out, as Markdown tables."""
    settled = frame[frame["outcome"] != ""]

    def line(name, here):
        return f"| {name} | {here.sum():,} | {settled['cancelled'][here].mean():.1%} |"

    lines = ["| accounts with a known outcome | | of whom cancelled |", "|---|---|---|", line("all", settled["seats"] > 0)]
    lines += [line(f"{plan} plan", settled["plan"] == plan) for plan in PLANS]
    due = settled["renewal"] <= QUARTER_DAYS
    for name, here in {
        "month by month": ~settled["annual"],
        "annual, renewal in the quarter": due,
        "annual, renewal later": settled["annual"] & ~due,
        "less than 25 % weekly active": settled["active_known"] & (settled["active"] < 25),
        "more than 12 tickets": settled["tickets"] > 12,
        "NPS below −20": settled["nps_known"] & (settled["nps"] < -20),
        "more than 14 days late": settled["delay"] > 14,
        "main contact left": settled["contact_left"],
        **{f"in the trial: {name}": settled["arm"] == name for name in (CONTROL, TREATMENT)},
    }.items():
        lines.append(line(name, here))
    lines += ["", f"{(frame['outcome'] == '').sum()} accounts were still negotiating."]
    return "\n".join(lines)


def write(folder):
    """Writes customers.csv, truth.json and README.md; the last with this folder's text around what is measured."""
    frame, truth = simulate()
    as_file(frame).to_csv(folder / "customers.csv", index=False)
    (folder / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")
    before, rest = (HERE / "README.md").read_text().split(MEASURED_START)
    after = rest.split(MEASURED_END)[1]
    (folder / "README.md").write_text(f"{before}{MEASURED_START}\n{table(frame)}\n{MEASURED_END}{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: here)")
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
