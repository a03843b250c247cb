"""Draws the simulated population: customers who do not exist, but look like IBM's Telco customers.

simulate.py TELCO.csv [--out FOLDER] [--allow-other-data]
    writes customers.csv and truth.json, and the measured fidelity into the folder's README.md;
    fails when the population is not as like the real one as it must be
simulate.py --keep CUSTOMERS.csv [--out FOLDER]
    writes customers.csv: the given customers as they are, with the behaviour columns they lack; the column `simulated` names
    these, and so does the note of the folder's schema.toml, which every page shows
"""

import argparse
import json
import re
import string
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "models"))

import behaviour  # noqa: E402  (it imports from the folder just added)
import fidelity  # noqa: E402
import telco  # noqa: E402

SEED = 1
LEAF_CUSTOMERS = 15

# Each column is drawn given those before it.
PROFILE_ORDER = ["gender", "SeniorCitizen", "Partner", "Dependents", "Contract", "tenure", "InternetService"]
BILLING_ORDER = ["PaperlessBilling", "PaymentMethod"]

# Prices end on five cents, as Telco's do.
STEPS_PER_DOLLAR = 20
# The most that a donor's gap from the price list is moved by, in dollars either way.
GAP_JITTER = 0.25
CHARGE_ATTEMPTS = 200

# What treatment B does to the chance of churn, on the average of the whole population.
VARIANT_EFFECT = -0.03

# The column that names those of a kept file that are not its own.
SIMULATED = "simulated"

FIDELITY_START = "<!-- measured by simulate.py: start -->"
FIDELITY_END = "<!-- measured by simulate.py: end -->"


def stream(name):
    """The random numbers of one column: its own, so that another column's draws change nothing here."""
    return np.random.default_rng([SEED, *name.encode()])


def tree_inputs(frame):
    """The columns as numbers that a tree can split: categories by their place in the alphabet."""
    return np.column_stack(
        [
            frame[column] if column in telco.NUMERIC_COLUMNS else frame[column].astype("category").cat.codes
            for column in frame
        ]
    )


def donors(target, numeric, real, drawn, rng):
    """For each drawn row the place of a real row that a tree for the target finds alike (CART synthesis)."""
    both = tree_inputs(pd.concat([real, drawn]))
    known, wanted = both[: len(real)], both[len(real) :]
    kind = DecisionTreeRegressor if numeric else DecisionTreeClassifier
    tree = kind(min_samples_leaf=LEAF_CUSTOMERS, random_state=SEED).fit(known, target)
    known_leaves, wanted_leaves = tree.apply(known), tree.apply(wanted)
    places = np.empty(len(drawn), int)
    for leaf in np.unique(wanted_leaves):
        here = wanted_leaves == leaf
        places[here] = rng.choice(np.flatnonzero(known_leaves == leaf), here.sum())
    return places


def draw(column, real, drawn):
    """Values of one column, given the columns drawn so far."""
    if drawn.columns.empty:
        return stream(column).choice(real[column], len(drawn))
    places = donors(real[column], column in telco.NUMERIC_COLUMNS, real[drawn.columns], drawn, stream(column))
    return real[column].to_numpy()[places]


def draw_where(applies, otherwise, column, real, drawn):
    """`draw` where the column applies, and a fixed value elsewhere: values against the rules are never drawn."""
    values = np.full(len(drawn), otherwise, dtype=object)
    here = applies(drawn).to_numpy()
    values[here] = draw(column, real[applies(real)], drawn[here])
    return values


def draw_plans(real):
    """Everything but the id, the charges and churn."""
    drawn = pd.DataFrame(index=range(len(real)))
    for column in PROFILE_ORDER:
        drawn[column] = draw(column, real, drawn)
    # Only DSL is sold without a phone.
    drawn["PhoneService"] = draw_where(lambda f: f["InternetService"] == "DSL", "Yes", "PhoneService", real, drawn)
    lines = telco.SCHEMA["multiple_lines"]
    drawn[lines.column] = draw_where(lambda f: f["PhoneService"] == "Yes", lines.without, lines.column, real, drawn)
    for add_on in telco.ADD_ONS:
        drawn[add_on.column] = draw_where(
            lambda f: f["InternetService"] != "No", add_on.without, add_on.column, real, drawn
        )
    for column in BILLING_ORDER:
        drawn[column] = draw(column, real, drawn)
    return drawn


def to_price(dollars):
    """The nearest amount that ends on five cents."""
    return np.round(np.round(dollars * STEPS_PER_DOLLAR) / STEPS_PER_DOLLAR, 2)


def total_spread(frame):
    """What one standard unit of the total's noise is worth, in dollars: a month's charge, as a random walk adds up."""
    return frame["MonthlyCharges"] * np.sqrt(frame["tenure"])


def draw_charges(real, plans, rng):
    """The plans with monthly charges (price list plus a donor's gap) and totals (tenure times that plus noise)."""
    prices = telco.fit_prices(real)
    gaps = (real["MonthlyCharges"] - telco.services(real) @ prices).to_numpy()
    gap = gaps[donors(gaps, True, real[plans.columns], plans, rng)] + rng.uniform(-GAP_JITTER, GAP_JITTER, len(plans))
    gap = np.clip(gap, gaps.min(), gaps.max())
    charged = plans.assign(MonthlyCharges=to_price(telco.services(plans) @ prices + gap))

    later = real[real["tenure"] > 1]
    noises = ((later["TotalCharges"] - later["tenure"] * later["MonthlyCharges"]) / total_spread(later)).to_numpy()
    noise = noises[donors(noises, True, later[["tenure"]], charged[["tenure"]], rng)]
    # The first month's total is the first month's charge.
    noise = np.where(charged["tenure"] > 1, noise, 0)
    total = charged["tenure"] * charged["MonthlyCharges"] + noise * total_spread(charged)
    return charged.assign(TotalCharges=np.where(charged["tenure"] > 0, to_price(total), np.nan))


def draw_profiles(real):
    """Everything but the id and churn; charges are drawn again where the whole profile is a real customer's."""
    plans = draw_plans(real)
    rng = stream("charges")
    charged = draw_charges(real, plans, rng)
    columns = list(charged.columns)
    taken = pd.MultiIndex.from_frame(real[columns].fillna(-1))
    for _ in range(CHARGE_ATTEMPTS):
        again = pd.MultiIndex.from_frame(charged.fillna(-1)).isin(taken)
        if not again.any():
            return charged
        charged[again] = draw_charges(real, plans[again], rng)
    sys.exit(f"after {CHARGE_ATTEMPTS} attempts {again.sum()} profiles are still those of real customers.")


def draw_ids(real, count):
    """Ids of Telco's shape, four digits and five letters, that no real customer has."""
    rng = stream("customerID")
    taken, ids = set(real["customerID"]), []
    while len(ids) < count:
        digits = "".join(map(str, rng.integers(10, size=4)))
        candidate = f"{digits}-{''.join(rng.choice(list(string.ascii_uppercase), 5))}"
        if candidate not in taken:
            taken.add(candidate)
            ids.append(candidate)
    return ids


def shifted_to(mean, chances):
    """The shift of the chances' log-odds that brings their mean to the given one."""
    log_odds = logit(np.clip(chances, 1e-6, 1 - 1e-6))
    return brentq(lambda shift: expit(log_odds + shift).mean() - mean, -5, 5, xtol=1e-12)


def draw_churn(real, profiles, variants):
    """Churn of each customer under their variant, and what is true of the two arms.

    The arms' mean chances, each taken over everybody, lie around the real churn rate and `VARIANT_EFFECT` apart.
    """
    forest = behaviour.churn_forest(telco.SCHEMA.encode(as_text(real)), telco.SCHEMA.left(real), SEED)
    chances = forest.predict_proba(np.nan_to_num(telco.SCHEMA.encode(as_text(profiles))))[:, 1]
    base_rate = telco.SCHEMA.left(real).mean()
    means = {behaviour.CONTROL: base_rate - VARIANT_EFFECT / 2, behaviour.TREATMENT: base_rate + VARIANT_EFFECT / 2}
    shifts = {arm: shifted_to(mean, chances) for arm, mean in means.items()}
    log_odds = logit(np.clip(chances, 1e-6, 1 - 1e-6)) + variants.map(shifts)
    left = stream("Churn").random(len(profiles)) < expit(log_odds)
    truth = {
        "variant_effect": VARIANT_EFFECT,
        "expected_churn_rate": {arm: round(float(mean), 9) for arm, mean in means.items()},
        "log_odds_ratio": round(shifts[behaviour.TREATMENT] - shifts[behaviour.CONTROL], 9),
    }
    return np.where(left, "Yes", "No"), truth


def as_numbers(frame):
    """Telco's text with its numeric columns as numbers, blank as NaN."""
    encoded = pd.DataFrame(telco.SCHEMA.encode(frame), columns=telco.FEATURE_COLUMNS, index=frame.index)
    numbers = frame.assign(**{column: encoded[column] for column in telco.NUMERIC_COLUMNS})
    return numbers.assign(tenure=numbers["tenure"].astype(int))


def spell_amount(dollars):
    """An amount as Telco writes it: a whole one without decimals, none as one space."""
    return " " if np.isnan(dollars) else f"{dollars:.2f}".rstrip("0").rstrip(".")


def as_text(frame):
    """The inverse of `as_numbers`, in Telco's spelling."""
    spelled = {column: frame[column].map(spell_amount) for column in telco.MONEY_COLUMNS}
    return frame.assign(tenure=frame["tenure"].astype(str), **spelled)


def simulate(telco_frame):
    """The simulated population as text, and what is true of its experiment."""
    real = as_numbers(telco_frame)
    customers = draw_profiles(real)
    customers["customerID"] = draw_ids(real, len(real))
    variants = customers["customerID"].map(behaviour.variant)
    customers["Churn"], truth = draw_churn(real, customers, variants)
    return behaviour.fill(as_text(customers[telco.COLUMNS]), SEED), truth


def write_section(readme, text):
    """Puts the text between the two fidelity marks of the file; a folder without a README gets none."""
    if readme.is_file():
        before, rest = readme.read_text().split(FIDELITY_START)
        after = rest.split(FIDELITY_END)[1]
        readme.write_text(f"{before}{FIDELITY_START}\n{text}\n{FIDELITY_END}{after}")


def keep(source, folder):
    """Writes the given customers with the columns that they lack, and says in file and schema which these are."""
    given = telco.read(source, allow_other_data=True)
    invented = behaviour.invented(given)
    kept = behaviour.fill(given, SEED)
    if invented:
        kept[SIMULATED] = " ".join(invented)
    kept.to_csv(folder / "customers.csv", index=False)
    named = [
        next(field.name for field in telco.SCHEMA.fields.values() if field.column == column) for column in invented
    ]
    what = f"{', '.join(named)} are simulated" if invented else "nothing is simulated"
    note = f"The customers are those of {source.name}; {what}. The model is trained on IBM's Telco Customer Churn data."
    schema = folder / "schema.toml"
    if schema.is_file():
        text = re.sub(
            r"^note = .*$",
            lambda _: f"note = {json.dumps(note, ensure_ascii=False)}",
            schema.read_text(),
            flags=re.MULTILINE,
        )
        title = json.dumps(f"Customers of {source.name}", ensure_ascii=False)
        schema.write_text(re.sub(r"^title = .*$", lambda _: f"title = {title}", text, count=1, flags=re.MULTILINE))
    print(note)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="TELCO.csv")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: here)")
    parser.add_argument("--allow-other-data", action="store_true", help="imitate a file that is not IBM's")
    parser.add_argument("--keep", action="store_true", help="keep the customers, fill only the columns they lack")
    options = parser.parse_args()

    target = options.out / "customers.csv"
    if options.keep:
        keep(options.source, options.out)
        return
    real = telco.read(options.source, allow_other_data=options.allow_other_data)
    simulated, truth = simulate(real)
    figures = fidelity.measure(real, simulated)
    print(fidelity.table(figures))
    simulated.to_csv(target, index=False)
    (options.out / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")
    write_section(options.out / "README.md", fidelity.table(figures))
    missed = [what for what, _, _, holds in figures if not holds]
    if missed:
        sys.exit(f"out of bounds: {'; '.join(missed)}.")


if __name__ == "__main__":
    main()
