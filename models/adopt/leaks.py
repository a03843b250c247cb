"""Finds columns that know the outcome: these block until a person allows or drops them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count

import numpy as np
import pandas as pd
import xgboost
from sklearn.metrics import roc_auc_score

import churn_model
import evaluation
from adopt import names

ALONE = 0.95
# A column matters to the others if they lose this much AUC without it, and stands out if that is this many times the next one's.
JOINT_DROP, JOINT_TIMES = 0.02, 3
# Of what the other columns leave open of a column, the variance that the outcome explains, by that which even it does not explain:
# Cohen's f². A cause that decides by itself and without any chance who leaves has 1.75 if it is distributed normally, and 3 if
# evenly (its squared correlation with whether it is above its median is 2/π and 3/4). Honest causes share the decision with others
# and with chance: what comes close to these is made from the outcome.
MADE_OF_OUTCOME = 1.5
# Where its name speaks of the outcome, what Cohen calls a large effect is enough.
LARGE_EFFECT = 0.35
SECOND_SIGNS = {
    "churn",
    "churned",
    "cancel",
    "cancelled",
    "canceled",
    "cancellation",
    "reason",
    "score",
    "exit",
    "exited",
    "cltv",
}
SECOND_WITHIN = ("churn", "cancel", "reason", "score", "exit", "cltv")
# Columns that the whole is tried without: those that it uses most. One that matters this much is among them.
TRIED = 12
# Rows that are enough to see any of this.
ENOUGH_ROWS = 20_000
FEWEST_FILLED = 20
# The snapshot is not before the newest start, and hardly later: by as many days as usually pass until this number of customers start.
STARTS_UNTIL, MOST_GRACE_DAYS = 5, 31
SEED = 0
STARTS = {"start", "started", "signup", "sign", "joined", "join", "created", "since", "opened", "registered", "registration", "activation",
          "activated", "begin", "first"}  # fmt: skip
# The usual settings with a third of the trees: as shallow as the model, and quicker.
SETTINGS, ROUNDS = {**churn_model.SETTINGS, "eta": 0.06}, 200
# What predicts a column from the others.
REGRESSION = {**SETTINGS, "objective": "reg:squarederror", "max_depth": 3, "eta": 0.1, "base_score": 0}
REGRESSION_ROUNDS = 100
OUTLIERS = (0.01, 0.99)


@dataclass
class Leak:
    """A column that knows the outcome, or may."""

    column: str
    why: str
    blocks: bool


def fill_leak(source, text, labels):
    """A leak by which cells are filled: only those of customers who left, or all but theirs."""
    known = ~np.isnan(labels)
    filled, left = (text != "").to_numpy()[known], labels[known] == 1
    if filled.all() or not filled.any():
        return None
    if not filled[~left].any() and filled[left].sum() >= FEWEST_FILLED:
        return Leak(
            source,
            f"filled for {filled[left].sum():,} of {left.sum():,} customers who left and for none who stayed",
            True,
        )
    if filled[~left].all() and not filled[left].any():
        return Leak(source, f"blank for all {left.sum():,} customers who left and filled for all who stayed", True)
    return None


def date_leaks(columns, snapshot):
    """Dates after the snapshot, which is given, or follows from when customers began; and dates that are yet to come."""
    dates = [column for column in columns if column.kind == "date"]
    if snapshot:
        limit, origin = pd.Timestamp(snapshot), f"the snapshot of {snapshot} (AS_OF)"
    else:
        limit, origin = pd.Timestamp.today().normalize(), "today"
        begun = began(dates)
        if begun is not None:
            latest = pd.Timestamp(begun.newest) + pd.Timedelta(days=grace_days(begun))
            if latest < limit:
                limit, origin = latest, f"the snapshot, as the newest {begun.source} is {begun.newest}"
    found = []
    for column in dates:
        after = pd.Timestamp(column.newest) - pd.to_timedelta(column.codes, unit="D") > limit
        count = int(np.sum(after & ~np.isnan(column.codes)))
        if count:
            found.append(
                Leak(column.source, f"{count:,} of its dates are after {origin}; the last is {column.newest}", True)
            )
    return found


def began(dates):
    """The column of dates that says when customers began, by its name; else the one that everybody has and that ends first."""
    named = [column for column in dates if set(names.words(column.source)) & STARTS]
    complete = [column for column in dates if column.missing == 0]
    return min(named or complete, key=lambda column: column.newest, default=None)


def grace_days(column):
    """By how many days the snapshot may be later than the newest of these dates."""
    lately = int(np.nansum(column.codes <= 60))
    return min(MOST_GRACE_DAYS, int(np.ceil(STARTS_UNTIL * 60 / max(lately, 1))))


def target_means(text, labels, folds):
    """Of each row the share that left of the other folds' rows with the same text, drawn to the overall share."""
    codes, _ = pd.factorize(text)
    means = np.empty(len(labels))
    for fold in range(evaluation.FOLDS):
        held_out = folds == fold
        base = labels[~held_out].mean()
        size = codes.max() + 1
        left = np.bincount(codes[~held_out], labels[~held_out], size)
        count = np.bincount(codes[~held_out], minlength=size)
        means[held_out] = ((left + base) / (count + 1))[codes[held_out]]
    return means


def alone_auc(codes, labels, folds):
    """Out-of-fold ROC-AUC of the trees that see one column only."""
    scores = np.empty(len(labels))
    settings = {**SETTINGS, "max_depth": 3, "eta": 0.3, "subsample": 1, "colsample_bytree": 1}
    for fold in range(evaluation.FOLDS):
        held_out = folds == fold
        train = xgboost.DMatrix(codes[~held_out, None], labels[~held_out], nthread=1)
        booster = xgboost.train(settings, train, 20)
        scores[held_out] = booster.predict(xgboost.DMatrix(codes[held_out, None], nthread=1))
    return roc_auc_score(labels, scores)


def sampled(labels):
    """The rows that are enough: those whose outcome is known, at most `ENOUGH_ROWS` of them."""
    rows = np.flatnonzero(~np.isnan(labels))
    if len(rows) > ENOUGH_ROWS:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, ENOUGH_ROWS, replace=False))
    return rows


def alone(columns, frame, labels):
    """The ROC-AUC of each column by itself, out of fold; of what is dropped, too, unless it is constant."""
    rows = sampled(labels)
    known = labels[rows]
    folds = evaluation.fold_numbers(known, SEED)
    found = {}
    for column in columns:
        if column.codes is not None and not column.is_named:
            found[column.source] = alone_auc(column.codes[rows], known, folds)
        else:
            found[column.source] = roc_auc_score(
                known, target_means(frame[column.source].to_numpy()[rows], known, folds)
            )
    return found


class Joint:
    """All columns together: how well they tell who left, and what each adds to the others."""

    def __init__(self, columns, labels):
        rows = sampled(labels)
        self.columns, self.known = columns, labels[rows]
        self.matrix = np.column_stack([column.codes[rows] for column in columns])
        self.types = ["c" if column.is_named and len(column.level_names) > 2 else "q" for column in columns]
        self.folds = evaluation.fold_numbers(self.known, SEED, evaluation.same_rows(self.matrix))
        gains = np.zeros(len(columns))
        everything = list(range(len(columns)))
        self.auc = self._auc(everything, gains)
        tried = np.argsort(-gains, kind="stable")[:TRIED]
        with ThreadPoolExecutor(cpu_count()) as pool:
            without = pool.map(lambda place: self._auc([other for other in everything if other != place]), tried)
            drops = {int(place): self.auc - rest for place, rest in zip(tried, without, strict=True)}
        # By place, the largest first.
        self.drops = dict(sorted(drops.items(), key=lambda item: -item[1]))

    def _data(self, places, rows, labels=None, extra=None):
        matrix, types = self.matrix[rows][:, places], [self.types[place] for place in places]
        if extra is not None:
            matrix, types = np.column_stack([matrix, extra[rows]]), [*types, "q"]
        return xgboost.DMatrix(matrix, labels, feature_types=types, enable_categorical=True, nthread=1)

    def _auc(self, places, gains=None):
        scores = np.empty(len(self.known))
        for fold in range(evaluation.FOLDS):
            held_out = self.folds == fold
            booster = xgboost.train(SETTINGS, self._data(places, ~held_out, self.known[~held_out]), ROUNDS)
            scores[held_out] = booster.predict(self._data(places, held_out))
            if gains is not None:
                for name, gain in booster.get_score(importance_type="total_gain").items():
                    gains[int(name[1:])] += gain
        return roc_auc_score(self.known, scores)

    def effect_of_outcome(self, place):
        """Cohen's f² of the outcome on a column, the others being known; out of fold, and never below 0."""
        wanted = as_numbers(self.columns[place], self.matrix[:, place], self.known)
        others = [other for other in range(len(self.columns)) if other != place]
        variance = wanted.var()
        with ThreadPoolExecutor(cpu_count()) as pool:
            without, with_it = pool.map(lambda extra: self._error(others, wanted, extra), (None, self.known))
        without = min(without, variance)
        with_it = min(with_it, without)
        return without / max(with_it, 1e-9 * variance) - 1

    def _error(self, others, wanted, extra):
        """The mean squared error of a column, predicted from others by a line or by trees, whichever does better."""
        by_line, by_trees = np.empty(len(wanted)), np.empty(len(wanted))
        design = linear([self.columns[other] for other in others], self.matrix[:, others], extra)
        for fold in range(evaluation.FOLDS):
            held_out = self.folds == fold
            weights, *_ = np.linalg.lstsq(design[~held_out], wanted[~held_out], rcond=1e-6)
            by_line[held_out] = design[held_out] @ weights
            train = self._data(others, ~held_out, wanted[~held_out], extra)
            booster = xgboost.train(REGRESSION, train, REGRESSION_ROUNDS)
            by_trees[held_out] = booster.predict(self._data(others, held_out, extra=extra))
        return min(np.mean((guess - wanted) ** 2) for guess in (by_line, by_trees))

    def leak(self):
        """The column that is made from the outcome, or may be; None if there is none."""
        drops = list(self.drops.items())
        found = None
        for position, (place, drop) in enumerate(drops):
            if drop <= JOINT_DROP:
                break
            column = self.columns[place].source
            effect = self.effect_of_outcome(place)
            why = (
                f"without it the AUC of all columns falls by {drop:.3f}, from {self.auc:.3f} to {self.auc - drop:.3f}, and the outcome "
                f"explains {effect / (1 + effect):.0%} of what the other columns leave open of it"
            )
            if effect > MADE_OF_OUTCOME:
                return Leak(column, why, True)
            if effect > LARGE_EFFECT and names.has_word(column, SECOND_SIGNS, SECOND_WITHIN):
                return Leak(column, f"{why}; and its name speaks of the outcome", True)
            following = drops[position + 1][1] if position + 1 < len(drops) else 0
            if found is None and position == 0 and (effect > LARGE_EFFECT or drop > JOINT_TIMES * following):
                found = Leak(column, why, False)
        return found


def as_numbers(column, codes, known):
    """A column as numbers without outliers; of a choice, the share that left of each value."""
    if column.is_named and len(column.level_names) > 2:
        shares = [known[codes == code].mean() if (codes == code).any() else 0 for code in range(len(column.level_names))]
        codes = np.where(np.isnan(codes), np.nan, np.array(shares)[np.nan_to_num(codes).astype(int)])
    codes = np.clip(codes, *np.nanquantile(codes, OUTLIERS))
    # Missing is a value of its own, below all others.
    codes = np.where(np.isnan(codes), np.nanmin(codes) - np.nanstd(codes), codes)
    return (codes - codes.mean()) / (codes.std() or 1)


def linear(columns, matrix, extra):
    """Columns as a linear model takes them: numbers by their deviations, choices as a column for each value, and where values are missing."""
    parts = [np.ones(len(matrix))]
    for column, codes in zip(columns, matrix.T, strict=True):
        missing = np.isnan(codes)
        if missing.any():
            parts.append(missing.astype(float))
        if column.is_named and len(column.level_names) > 2:
            parts += [(codes == code).astype(float) for code in range(1, len(column.level_names))]
        else:
            spread = np.nanstd(codes)
            parts.append(np.where(missing, 0, (codes - np.nanmean(codes)) / (spread or 1)))
    if extra is not None:
        parts.append(extra)
    return np.column_stack(parts)
