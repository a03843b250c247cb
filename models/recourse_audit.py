"""Audits the recourse of every customer with XGBoost's inplace_predict, and compares results and time with the product's.

recourse_audit.py [--target P] [--repeat N] [--customers CUSTOMERS.csv]

The same exhaustive search on both sides, on one thread: plans with the fewest changes first, then the lowest monthly
charge, then the lowest risk; a customer is done at the first number of changes that suffices. Here the plans of many
customers are scored in one batch. The product's side is the example `recourse_audit` of the crate `engagetrack`, which
is built first. Ends with status 1 when more than one customer in a thousand gets another answer: XGBoost adds in 32 bits,
so a plan that lies exactly at the target may fall on the other side.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import xgboost

import churn_model
import telco

HERE = Path(__file__).parent
ROOT = HERE.parent
# Customers whose plans are scored together: 128 × 1,536 rows at most, 15 MB, which suits XGBoost best.
BATCH = 128
SCHEMA = telco.SCHEMA
RECURRING, LIFETIME, TENURE = (SCHEMA.position(SCHEMA.roles[role]) for role in ("recurring", "lifetime", "tenure"))
LARGEST_RECURRING, LARGEST_LIFETIME = (SCHEMA[SCHEMA.roles[role]].most for role in ("recurring", "lifetime"))
# What one customer may change, and where each stands in a row.
CHANGEABLE = [field for field in SCHEMA.features.values() if field.change in ("any", "up")]
POSITIONS = [SCHEMA.position(field.name) for field in CHANGEABLE]
CHOICES = np.array([field.choices for field in CHANGEABLE])
ONLY_UP = np.array([field.change == "up" for field in CHANGEABLE])


def moves():
    """Every change of plan as a row: how many values further each changeable field goes, in circles; and its steps."""
    every = np.array(list(product(*map(range, CHOICES))))
    steps = (every > 0).sum(axis=1)
    return every, steps


def price_changes(before, after):
    """What each plan costs more than the one before it, per period."""
    change = np.zeros(len(after))
    for column, field in enumerate(CHANGEABLE):
        for code, price in field.prices.items():
            change += price * ((after[:, column] == code).astype(float) - (before[:, column] == code))
    return change


def plans(rows, moves):
    """The rows after each move, which customer's each is, and the price change of each; impossible moves left out."""
    customer, move = np.divmod(np.arange(len(rows) * len(moves)), len(moves))
    move = moves[move]
    before = rows[customer][:, POSITIONS]
    # A field whose needs do not hold stays as it is.
    possible = ((move == 0) | ((before < CHOICES) & ~(ONLY_UP & (before + move >= CHOICES)))).all(axis=1)
    customer, move, before = customer[possible], move[possible], before[possible]
    after = rows[customer]
    after[:, POSITIONS] = np.where(move > 0, (before + move) % CHOICES, before)
    change = price_changes(before, after[:, POSITIONS])
    moved = change != 0
    after[moved, RECURRING] = np.clip(after[moved, RECURRING] + change[moved], 0, LARGEST_RECURRING)
    after[moved, LIFETIME] = np.clip(after[moved, LIFETIME] + after[moved, TENURE] * change[moved], 0, LARGEST_LIFETIME)
    return after, customer, change


def audit(rows, probability, target):
    """The number of changes that each customer needs to get below the target; NaN where no plan does."""
    every, steps_of_move = moves()
    needed = np.full(len(rows), np.nan)
    for start in range(0, len(rows), BATCH):
        pending = np.arange(start, min(start + BATCH, len(rows)))
        for steps in range(steps_of_move.max() + 1):
            after, customer, change = plans(rows[pending], every[steps_of_move == steps])
            probabilities = probability(after)
            # By customer, then the lowest price change, then the lowest risk: the first of each is the answer.
            reached = np.flatnonzero(probabilities < target)
            reached = reached[np.lexsort((probabilities[reached], change[reached], customer[reached]))]
            done = np.unique(customer[reached])
            needed[pending[done]] = steps
            pending = np.delete(pending, done)
            if not len(pending):
                break
    return needed


def ours(target, repeat):
    """The product's answers and its median time in seconds."""
    cargo = ["cargo", "run", "--quiet", "--release", "-p", "engagetrack", "--example", "recourse_audit", "--", "--json"]
    arguments = ["--target", str(target), "--repeat", str(repeat)]
    output = subprocess.run([*cargo, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    answer = json.loads(output)
    return np.array(answer["steps"], float), answer["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=float, default=0.5)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--customers", type=Path, default=ROOT / "data" / "customers.csv")
    options = parser.parse_args()

    booster = xgboost.Booster({"nthread": 1}, model_file=HERE / "churn.json")
    calibration = json.loads((HERE / "card.json").read_text())["calibration"]
    frame = telco.read(options.customers, allow_other_data=True).sort_values(telco.COLUMNS[0])
    rows = SCHEMA.encode(frame)
    scored = 0

    def probability(plans):
        nonlocal scored
        scored += len(plans)
        margins = booster.inplace_predict(plans.astype(np.float32), predict_type="margin", validate_features=False)
        return churn_model.calibrate(margins.astype(float), calibration["slope"], calibration["intercept"])

    seconds = []
    for _ in range(options.repeat):
        scored = 0
        start = time.perf_counter()
        theirs = audit(rows, probability, options.target)
        seconds.append(time.perf_counter() - start)
    answers, our_seconds = ours(options.target, options.repeat)
    their_seconds = statistics.median(seconds)

    names = {0: "nothing", 1: "one step", 2: "two", 3: "three"}
    counts = Counter("unreachable" if np.isnan(steps) else names.get(int(steps), "more") for steps in answers)
    print(f"{len(rows)} customers, to get below {options.target}; {scored} plans tried")
    for name in [*names.values(), "more", "unreachable"]:
        print(f"{name:>12} {counts[name]:>6}")
    different = int((~((answers == theirs) | (np.isnan(answers) & np.isnan(theirs)))).sum())
    print(f"answers that differ from XGBoost's: {different}")
    print(
        f"engagetrack {our_seconds:.3f} s, XGBoost inplace_predict {their_seconds:.3f} s: {their_seconds / our_seconds:.1f}×"
    )
    if different > len(rows) / 1000:
        sys.exit(1)


if __name__ == "__main__":
    main()
