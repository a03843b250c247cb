"""Behaviour that the Telco file lacks, drawn so that it hangs together with risk and plan, and the A/B variant.

Every distribution is stated in README.md. All columns of a customer share one leaning towards leaving.
"""

import hashlib
import sys

import numpy as np
from scipy.special import expit, logit
from sklearn.ensemble import RandomForestClassifier

import telco

TREES = 200
LEAF_CUSTOMERS = 5
# The ranges that a customer profile allows.
USAGE_DAYS, CALLS_MAX, DELAY_DAYS_MAX = (
    int(telco.SCHEMA[name].most) for name in ["usage_frequency", "support_calls", "payment_delay"]
)
CONTROL, TREATMENT = telco.SCHEMA.experiments[0]["arms"]


def churn_forest(rows, churned, seed):
    """Bagged trees for the chance of churn; the model of the product plays no part in what it is later shown."""
    forest = RandomForestClassifier(
        TREES, min_samples_leaf=LEAF_CUSTOMERS, max_features="sqrt", oob_score=True, random_state=seed
    )
    return forest.fit(np.nan_to_num(rows), churned)


def leanings(frame, seed):
    """How much each customer leans towards leaving: 0 on average, spread about 1, higher for those who did leave."""
    rows, known = telco.SCHEMA.encode(frame), (frame[telco.OUTCOME].str.strip() != "").to_numpy()
    churned = telco.SCHEMA.left(frame[known])
    if churned.all() or not churned.any():
        sys.exit("the customers must include some who left and some who stayed, or there is no risk to follow.")
    forest = churn_forest(rows[known], churned, seed)
    risk = np.empty(len(frame))
    risk[known] = forest.oob_decision_function_[:, 1]
    # What becomes of the others is not known yet; they lean by their risk alone.
    outcome = np.full(len(frame), churned.mean())
    outcome[known] = churned
    if not known.all():
        risk[~known] = forest.predict_proba(np.nan_to_num(rows[~known]))[:, 1]
    log_odds = logit(np.clip(risk, 0.01, 0.99))
    standardised = (log_odds - log_odds.mean()) / log_odds.std()
    return 0.6 * standardised + 0.8 * (outcome - churned.mean())


def usage_frequency(frame, leaning, rng):
    """Active days of the last 30: beta-binomial, fewer for those who lean to leave, more for those who stream."""
    streams = (frame["StreamingTV"] == "Yes").to_numpy(float) + (frame["StreamingMovies"] == "Yes").to_numpy(float)
    offline = (frame["InternetService"] == "No").to_numpy(float)
    share = expit(0.55 - 0.65 * leaning + 0.2 * streams - 0.35 * offline)
    concentration = 8
    return rng.binomial(USAGE_DAYS, rng.beta(concentration * share, concentration * (1 - share)))


def support_calls(frame, leaning, rng):
    """Calls of the last 90 days: gamma-Poisson, more for those who lean to leave or have fibre."""
    fiber = (frame["InternetService"] == "Fiber optic").to_numpy(float)
    offline = (frame["InternetService"] == "No").to_numpy(float)
    supported = (frame["TechSupport"] == "Yes").to_numpy(float)
    mean = np.exp(0.25 + 0.45 * leaning + 0.3 * fiber - 0.4 * offline - 0.25 * supported)
    shape = 2
    return np.minimum(rng.poisson(mean * rng.gamma(shape, 1 / shape, len(frame))), CALLS_MAX)


def payment_delay(frame, leaning, rng):
    """Days late on the last invoice: mostly none; automatic payers rarely, those who lean to leave more often."""
    automatic = frame["PaymentMethod"].str.contains("automatic").to_numpy()
    late = rng.random(len(frame)) < np.where(automatic, expit(-2.6 + 0.6 * leaning), expit(-0.4 + 0.7 * leaning))
    days = np.ceil(rng.lognormal(2.3 + 0.3 * leaning, 0.9)).astype(int)
    return np.where(late, np.clip(days, 1, DELAY_DAYS_MAX), 0)


def variant(customer_id):
    """A (control) or B (treatment): whether the first byte of the id's SHA-256 is even or odd."""
    return (CONTROL, TREATMENT)[hashlib.sha256(customer_id.encode()).digest()[0] % 2]


def fill(frame, seed):
    """Telco's columns and the four of this file: those that the frame has as they are, the others drawn."""
    filled = frame.copy()
    draws = {telco.SCHEMA[draw.__name__].column: draw for draw in (usage_frequency, support_calls, payment_delay)}
    lacking = [column for column in draws if column not in frame]
    if lacking:
        leaning = leanings(frame, seed)
    for column in lacking:
        # Every column has random numbers of its own, so that the presence of one changes nothing in another.
        filled[column] = draws[column](frame, leaning, np.random.default_rng([seed, *column.encode()]))
    if "variant" not in frame:
        filled["variant"] = frame["customerID"].map(variant)
    return filled[[*telco.COLUMNS, *draws, "variant"]]


def invented(frame):
    """The columns that `fill` draws, because the frame lacks them."""
    added = [telco.SCHEMA[name].column for name in ("usage_frequency", "support_calls", "payment_delay", "variant")]
    return [column for column in added if column not in frame]
