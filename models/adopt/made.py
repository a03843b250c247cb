"""A table of customers who do not exist, for the tests, and defects to plant in it."""

import numpy as np
import pandas as pd

ROWS = 1500


def table(rows=ROWS, seed=3):
    """An honest table, as text, and who left."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"member": [f"m-{number:05}" for number in rng.permutation(90_000)[:rows]]})
    months = rng.integers(0, 60, rows)
    plan = rng.choice(["Basic", "Plus", "Premium"], rows, p=[0.5, 0.3, 0.2])
    visits = rng.poisson(8, rows)
    fee = np.round(15 + 10 * (plan == "Plus") + 25 * (plan == "Premium") + rng.normal(0, 2, rows), 2)
    contract = rng.choice(["Monthly", "Yearly"], rows, p=[0.6, 0.4])
    late = rng.random(rows) < 0.2
    log_odds = (
        -0.4
        - 0.04 * months
        - 0.15 * (visits - 8)
        + 0.7 * (contract == "Monthly")
        + 0.8 * late
        - 0.3 * (plan == "Premium")
    )
    left = rng.random(rows) < 1 / (1 + np.exp(-log_odds))
    started = pd.Timestamp("2025-06-30") - pd.to_timedelta(30 * months + rng.integers(0, 30, rows), unit="D")
    frame["age"] = rng.integers(18, 80, rows)
    frame["sex"] = rng.choice(["f", "m"], rows)
    frame["months as member"] = months
    frame["plan"] = plan
    frame["contract"] = contract
    frame["visits"] = visits
    frame["monthly fee"] = [f"{value:.2f}" for value in fee]
    frame["paid late"] = np.where(late, "yes", "no")
    frame["started"] = started.strftime("%Y-%m-%d")
    frame["churned"] = np.where(left, "yes", "no")
    return frame.astype(str), left


def leaks(left, rng):
    """Columns that know who left: name -> values."""
    count = len(left)
    chance = rng.random(count)
    day = pd.Timestamp("2025-06-01") + pd.to_timedelta(rng.integers(0, 29, count), unit="D")
    later = pd.Timestamp("2025-09-01") + pd.to_timedelta(rng.integers(0, 90, count), unit="D")
    early = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 150, count), unit="D")
    return {
        "account": np.where(left, "closed", "open"),
        "state of contract": np.where(left ^ (chance < 0.02), "ended", "running"),
        "churn year": np.where(left, "2025", ""),
        "why": np.where(left & (chance < 0.6), rng.choice(["price", "moved", "service"], count), ""),
        "exit survey": np.where(left & (chance < 0.3), rng.integers(1, 6, count).astype(str), ""),
        "next invoice": np.where(left, "", rng.integers(10, 90, count).astype(str)),
        "closed on": np.where(left, day.strftime("%Y-%m-%d"), ""),
        "last seen": np.where(chance < 0.1, later.strftime("%Y-%m-%d"), early.strftime("%Y-%m-%d")),
        "final refund": np.where(left, np.round(1 + 40 * chance, 2).astype(str), "0"),
        "days idle": np.round(np.where(left, 60, 10) + rng.normal(0, 12, count)).astype(int).astype(str),
        "winback offer": np.where(left, rng.choice(["discount", "call", "letter"], count), "none"),
    }


def ids(left, rng):
    """Columns that only tell rows apart."""
    count = len(left)
    accounts = [f"A-{number}" for number in rng.permutation(5000)[:400]]
    return {
        "Unnamed: 0": np.arange(count).astype(str),
        "row": np.arange(1, count + 1).astype(str),
        "sequence": (rng.permutation(count) + 1).astype(str),
        "uuid": [f"{number:032x}" for number in rng.integers(0, 2**62, count)],
        "loyalty": rng.permutation(np.arange(10_000_000, 10_000_000 + 7 * count, 7)).astype(str),
        "account_id": rng.choice(accounts, count),
    }


def constants(left, rng):
    """Columns that say nothing."""
    count = len(left)
    return {
        "country code": ["1"] * count,
        "currency name": ["euro"] * count,
        "fax": [""] * count,
        "standard hours": np.where(np.arange(count) % 500 == 3, "38", "40"),
        "newsletter": np.where(rng.random(count) < 0.5, "subscribed", ""),
    }


def texts(left, rng):
    """Columns that name persons, or hold text that hardly repeats."""
    count = len(left)
    numbers = rng.permutation(10 * count)[:count]
    words = np.array(
        ["asked", "about", "the", "bill", "again", "and", "was", "told", "to", "wait", "call", "later", "soon"]
    )
    return {
        "Surname": [f"Name{number % 700}" for number in numbers],
        "email": [f"x{number}@example.org" for number in numbers],
        "telephone": [f"+49 30 {1_000_000 + number}" for number in numbers],
        "notes": [" ".join(rng.choice(words, 9)) for _ in range(count)],
    }


def identities(frame, rng):
    """Columns that follow from others."""
    count = len(frame)
    fee, months = frame["monthly fee"].astype(float), frame["months as member"].astype(int)
    minutes = np.round(rng.gamma(4, 50, count), 1)
    extras = np.round(rng.gamma(2, 3, count), 2)
    return {
        "yearly fee": [f"{value:.2f}" for value in 12 * fee],
        "minutes": minutes.astype(str),
        "minutes charge": [f"{value:.2f}" for value in 0.17 * minutes],
        "extras": extras.astype(str),
        "total bill": [f"{value:.2f}" for value in fee + extras],
        "extras ratio": [f"{value:.9f}" for value in extras / fee],
        "paid so far total": [f"{value:.2f}" for value in fee * months],
        "birth year": (2025 - frame["age"].astype(int)).astype(str),
        "tax": [f"{value:.2f}" for value in 0.19 * fee * extras],
        "years as member": (months // 12).astype(str),
        "sex code": np.where(frame["sex"] == "f", "0", "1"),
        "age band": [f"{10 * (int(age) // 10)}-{10 * (int(age) // 10) + 9}" for age in frame["age"]],
    }


# What `identities` makes of other columns, and of which.
DERIVED = {
    "yearly fee": "monthly fee",
    "minutes charge": "minutes",
    "total bill": "extras",
    "extras ratio": "extras",
    "paid so far total": "monthly fee",
    "tax": "extras",
    "birth year": "age",
}
REPEATED = {"sex code": "sex", "age band": "age", "years as member": "months as member"}


def churn_score(frame, left, rng):
    """A score that was computed with the outcome: alone it is no better than an honest column, with others it tells nearly all."""
    months = frame["months as member"].astype(float)
    visits = frame["visits"].astype(float)
    honest = -0.04 * months - 0.15 * (visits - 8)
    return (
        np.round(50 + 12 * np.where(left, 1, -1) + 25 * (honest.mean() - honest) + rng.normal(0, 6, len(left)))
        .astype(int)
        .astype(str)
    )


def further_leaks(left, rng):
    """Columns that know who left and were not there when the rules were made: each is found by itself."""
    count = len(left)
    chance = rng.random(count)
    newest = pd.Timestamp("2025-06-30")

    def days_ago(days):
        return (newest - pd.to_timedelta(days, unit="D")).strftime("%Y-%m-%d").to_numpy()

    spoke = np.where(left & (chance < 0.7), "told us that the price of the plan was too much", "")
    return {
        "days since invoice": np.round(np.where(left, 48, 15) + rng.normal(0, 12, count)).astype(int).astype(str),
        "last activity": days_ago(np.where(left, rng.integers(28, 120, count), rng.integers(0, 30, count))),
        "cluster": np.where(left ^ (chance < 0.03), rng.choice(["C", "D"], count), rng.choice(["A", "B"], count)),
        "renewal on": np.where(left | (chance < 0.03), "", days_ago(rng.integers(0, 300, count))),
        "remark": spoke,
        "discount used": np.where(left, np.char.add(rng.integers(5, 60, count).astype(str), " %"), "0 %"),
        "renews": np.where(left ^ (chance < 0.02), "FALSE", "TRUE"),
        "balance at close": np.where(left | (chance < 0.03), "0.00", np.round(5 + 90 * chance, 2).astype(str)),
    }


def joint_leaks(frame, left, rng):
    """Columns that hardly tell who left by themselves, and do so with others, or for a part of the customers."""
    count = len(left)
    months = frame["months as member"].astype(int).to_numpy()
    visits = frame["visits"].astype(int).to_numpy()
    opposed = 1.2 * (visits - visits.mean()) / visits.std() + (months - months.mean()) / months.std()
    return {
        "health index": np.round(60 + 10 * (2 * left + opposed + rng.normal(0, 0.6, count)), 1).astype(str),
        "months billed": (months + 3 - left * rng.integers(1, 4, count)).astype(str),
        "gift returned": np.where(left & (rng.random(count) < 0.85), "yes", "no"),
        "exit call": np.where(left & (rng.random(count) < 0.55), "yes", "no"),
    }
