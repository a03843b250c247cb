"""Expected policies of made-up comparisons, computed with statsmodels 0.15.0, causalml 0.18.0 and numpy.

    python3.12 -m venv .venv && .venv/bin/pip install causalml==0.18 statsmodels==0.15.0
    .venv/bin/python make_policy_golden.py policy.json

Needs an environment of its own, because causalml and gbstats hold pandas at different versions. Every customer is drawn.
"""

import json
import sys

import numpy as np
import pandas as pd
import statsmodels.api as sm
from causalml.metrics import get_cumgain, get_qini
from scipy.special import expit, logit
from scipy.stats import rankdata
from statsmodels.stats.meta_analysis import combine_effects

FOLDS = 5
FEWEST_PER_CELL = 5
# Users, share of the treatment, digits of the score (few make ties), and how far the segments' shifts spread.
CASES = [(360, 0.5, 2, 0.0), (300, 0.4, 9, 1.2), (420, 1 / 3, 9, 0.8), (300, 0.5, 3, 1.5)]


def draw(rng, users, share, digits, spread):
    probability = (0.01 + 0.98 * rng.beta(1.1, 2.2, users)).round(digits)
    segments = [rng.integers(0, 3, users), rng.integers(0, 2, users)]
    shifts = spread * rng.normal(size=3)
    treated = rng.random(users) < share
    shift = np.where(treated, -0.3 + shifts[segments[0]], 0)
    return pd.DataFrame(
        {
            "treated": treated.astype(int),
            "left": (rng.random(users) < expit(0.2 + 0.9 * logit(probability) + shift)).astype(int),
            "probability": probability,
            "fold": rng.integers(0, FOLDS, users),
            "worth": rng.integers(20, 120, users),
            "segment_0": segments[0],
            "segment_1": segments[1],
        }
    )


def logistic(frame, columns):
    model = sm.Logit(frame["left"], np.column_stack(columns))
    return model.fit(disp=0, method="newton", tol=1e-14, maxiter=100)


def shift_model(frame):
    """Intercept, shift and slope."""
    return logistic(frame, [np.ones(len(frame)), frame["treated"], logit(frame["probability"])]).params.to_numpy()


def segment_shifts(others, linear, column):
    """Each segment's shift beside a linear predictor, less the mean of all, shrunken; and the predictor with it."""
    expected = expit(linear)
    residual, information = others["left"] - expected, expected * (1 - expected)
    effects, variances, compared = [], [], []
    for segment in sorted(others[column].unique()):
        arms = [(others[column] == segment) & (others["treated"] == arm) for arm in (0, 1)]
        cells = [others["left"][arm].value_counts().reindex([0, 1], fill_value=0).min() for arm in arms]
        if min(cells) < FEWEST_PER_CELL:
            continue
        control, treatment = [residual[arm].sum() / information[arm].sum() for arm in arms]
        effects.append(treatment - control)
        variances.append(sum(1 / information[arm].sum() for arm in arms))
        compared.append(segment)
    shifts = {}
    if len(compared) > 1:
        combined = combine_effects(np.array(effects), np.array(variances), method_re="dl")
        if combined.tau2 > 0:
            for segment, effect, variance in zip(compared, effects, variances):
                kept = combined.tau2 / (combined.tau2 + variance)
                shifts[segment] = kept * (effect - combined.mean_effect_re)
    return shifts, linear + others["treated"] * others[column].map(shifts).fillna(0.0)


def expectations(frame, share):
    """The chances of control and treatment on each rung, from the other folds."""
    rungs = {name: np.zeros((2, len(frame))) for name in ("one_difference", "log_odds_shift", "segment_shifts")}
    models = []
    for fold in range(FOLDS):
        own = (frame["fold"] == fold).to_numpy()
        others = frame[~own]
        intercept, shift, slope = shift_model(others)
        models.append([intercept, shift, slope])
        control = intercept + slope * logit(frame["probability"].to_numpy())
        chances = np.array([expit(control), expit(control + shift)])
        rungs["log_odds_shift"][:, own] = chances[:, own]
        mean = (1 - share) * chances[0] + share * chances[1]
        difference = (chances[1] - chances[0])[~own].mean()
        one = np.array([mean - share * difference, mean + (1 - share) * difference])
        rungs["one_difference"][:, own] = one[:, own]
        linear = pd.Series(control + shift * frame["treated"].to_numpy(), frame.index)[~own]
        total = np.full(len(frame), shift)
        for column in ("segment_0", "segment_1"):
            shifts, linear = segment_shifts(others, linear, column)
            total = total + frame[column].map(shifts).fillna(0.0).to_numpy()
        rungs["segment_shifts"][:, own] = np.array([expit(control), expit(control + total)])[:, own]
    return rungs, models


def scores(frame, share, chances):
    """Doubly robust scores."""
    control, treatment = chances
    left, treated = frame["left"], frame["treated"]
    correction = (1 - treated) * (left - control) / (1 - share) - treated * (left - treatment) / share
    return (control - treatment + correction).to_numpy()


def fallen(values):
    """Ranks by falling value."""
    return (rankdata(-np.asarray(values)) - 0.5) / len(values)


def case(rng, users, share, digits, spread):
    frame = draw(rng, users, share, digits, spread)
    rungs, models = expectations(frame, share)
    gamma = {rung: scores(frame, share, chances) for rung, chances in rungs.items()}
    rank = fallen(frame["probability"])
    effects = rungs["log_odds_shift"][0] - rungs["log_odds_shift"][1]
    effect_rank = np.zeros(users)
    for fold in range(FOLDS):
        own = frame["fold"] == fold
        effect_rank[own] = fallen(effects[own])
    of_rung = gamma["log_odds_shift"]
    summands = of_rung * (0.5 - rank)
    gain = gamma["one_difference"] * (0.5 - effect_rank)
    slope = sm.OLS(of_rung, sm.add_constant(rank)).fit(cov_type="HC0")
    x = logit(frame["probability"])
    interaction = logistic(frame, [np.ones(users), frame["treated"], x, frame["treated"] * x])
    error = lambda values: values.std(ddof=1) / np.sqrt(users)  # noqa: E731
    # What causalml needs of each customer, the ranking as a model of its own.
    gains = get_cumgain(pd.DataFrame({"score": -rank, "tau": of_rung}), treatment_effect_col="tau")["score"]
    raw = pd.DataFrame({"score": -rank, "y": 1 - frame["left"], "w": frame["treated"]})
    untied = frame["probability"].is_unique
    qini = get_qini(raw, outcome_col="y", treatment_col="w")["score"] if untied else None
    # Only sets that no tie crosses are sets of a ranking.
    ends = np.flatnonzero(np.diff(np.sort(rank), append=2) > 0) + 1
    return {
        "treatment_share": share,
        "treated": "".join(map(str, frame["treated"])),
        "left": "".join(map(str, frame["left"])),
        "fold": "".join(map(str, frame["fold"])),
        "segments": ["".join(map(str, frame[column])) for column in ("segment_0", "segment_1")],
        "probability": frame["probability"].tolist(),
        "worth": frame["worth"].tolist(),
        "everybody": shift_model(frame).tolist(),
        "models": models,
        "scores": {rung: values.tolist() for rung, values in gamma.items()},
        "qini": {"estimate": summands.mean(), "standard_error": error(summands)},
        "gain": {"estimate": gain.mean(), "standard_error": error(gain)},
        "points": {"slope": slope.params[1], "standard_error": slope.bse[1], "p_value": slope.pvalues[1]},
        "log_odds": {
            "slope": interaction.params.iloc[3],
            "standard_error": interaction.bse.iloc[3],
            "p_value": interaction.pvalues.iloc[3],
        },
        "cumulative_gain": [[int(end), gains[end]] for end in ends[:: max(1, len(ends) // 60)]],
        "raw_qini": None if qini is None else [[end, qini[end]] for end in range(50, users + 1, 50)],
    }


def plain(value):
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return float(f"{value:.12g}") if isinstance(value, (float, np.floating)) else value


def main(path):
    rng = np.random.default_rng(0)
    lines = [json.dumps(plain(case(rng, *settings)), separators=(",", ":")) for settings in CASES]
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
