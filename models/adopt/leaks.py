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
# The loss of AUC without the column: more than the first number, and more than the second times the next column's loss.
JOINT_DROP, JOINT_TIMES = 0.02, 3
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


def joint(columns, labels):
    """How much the ROC-AUC of all columns together drops without each of those that matter most, the largest drop first.

    Also returns the ROC-AUC of all.
    """
    rows = sampled(labels)
    known = labels[rows]
    folds = evaluation.fold_numbers(known, SEED)
    matrix = np.column_stack([column.codes[rows] for column in columns])
    types = ["c" if column.is_named and len(column.level_names) > 2 else "q" for column in columns]
    gains = np.zeros(len(columns))

    def auc(chosen, gains=None):
        scores = np.empty(len(known))
        for fold in range(evaluation.FOLDS):
            held_out = folds == fold
            options = {"feature_types": [types[place] for place in chosen], "enable_categorical": True, "nthread": 1}
            train = xgboost.DMatrix(matrix[~held_out][:, chosen], known[~held_out], **options)
            booster = xgboost.train(SETTINGS, train, ROUNDS)
            scores[held_out] = booster.predict(xgboost.DMatrix(matrix[held_out][:, chosen], **options))
            if gains is not None:
                for name, gain in booster.get_score(importance_type="total_gain").items():
                    gains[int(name[1:])] += gain
        return roc_auc_score(known, scores)

    everything = list(range(len(columns)))
    whole = auc(everything, gains)
    tried = np.argsort(-gains, kind="stable")[:TRIED]
    with ThreadPoolExecutor(cpu_count()) as pool:
        without = pool.map(lambda place: auc([other for other in everything if other != place]), tried)
        drops = {columns[place].source: whole - rest for place, rest in zip(tried, without, strict=True)}
    return dict(sorted(drops.items(), key=lambda item: -item[1])), whole


def joint_leak(drops, whole):
    """The column without which the whole loses far more than without any other, if there is one."""
    if len(drops) < 2:
        return None
    (column, drop), (next_column, next_drop) = list(drops.items())[:2]
    if drop <= JOINT_DROP or drop <= JOINT_TIMES * next_drop:
        return None
    why = (
        f"without it the AUC of all columns falls by {drop:.3f}, from {whole:.3f} to {whole - drop:.3f}; without the next, "
        f"{next_column}, by {max(next_drop, 0):.3f}"
    )
    if names.has_word(column, SECOND_SIGNS, SECOND_WITHIN):
        return Leak(column, f"{why}; and its name speaks of the outcome", True)
    if whole > ALONE >= whole - drop:
        return Leak(column, f"{why}: below {ALONE}, which an honest table seldom exceeds", True)
    return Leak(column, why, False)
