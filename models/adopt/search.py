"""Chooses the settings of the model: the first of a few that is as good as the best, as far as the table can tell."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from os import cpu_count

import numpy as np
from sklearn.metrics import roc_auc_score

import churn_model
import evaluation

# Each entry changes the usual settings, from the smoothest model to the deepest. None is deeper than four: of deeper trees
# explanations cost more, and where rows repeat each other they would only remember them.
CANDIDATES = [
    {},
    {"max_depth": 3},
    {"max_depth": 4, "rounds": 300, "eta": 0.05, "subsample": 0.8, "colsample_bytree": 0.8},
    {"max_depth": 4, "eta": 0.05, "subsample": 0.8, "colsample_bytree": 0.8, "reg_lambda": 1, "min_child_weight": 1},
]
REPEATS = 2
# Rows that are enough to tell settings apart.
ENOUGH_ROWS = 20_000
SEED = 0


@dataclass
class Result:
    """How one candidate does out of fold."""

    change: dict
    auc: float
    loss: float
    # How much worse than the best, and the standard error of that difference.
    behind: float = 0.0
    error: float = 0.0


def choose(schema, rows, labels, same, progress):
    """The change of the settings, and how each candidate did that was tried. Rows with the same number in `same` are of one customer."""
    if len(labels) > ENOUGH_ROWS:
        chosen = np.sort(np.random.default_rng(SEED).choice(len(labels), ENOUGH_ROWS, replace=False))
        rows, labels = rows[chosen], labels[chosen]
        same = None if same is None else np.unique(same[chosen], return_inverse=True)[1]
    losses, results = [], []
    with ThreadPoolExecutor(cpu_count()) as pool:
        for change in CANDIDATES:
            settings, rounds = churn_model.changed(change)
            one = partial(out_of_fold, schema, rows, labels, same, settings, rounds)
            repeats = list(pool.map(one, range(REPEATS)))
            loss = np.mean([row_losses(probabilities, labels) for probabilities in repeats], axis=0)
            auc = float(np.mean([roc_auc_score(labels, probabilities) for probabilities in repeats]))
            losses.append(loss)
            results.append(Result(change, auc, float(loss.mean())))
            progress(f"  {described(change)}: log loss {loss.mean():.4f}, AUC {auc:.4f}")
            best = min(range(len(losses)), key=lambda place: results[place].loss)
            # What is deeper still only fits the noise better.
            if results[-1].loss - results[best].loss > 2 * error_of(losses[-1] - losses[best]) > 0:
                break
    for result, loss in zip(results, losses, strict=True):
        result.behind, result.error = result.loss - results[best].loss, error_of(loss - losses[best])
    first = next(result for result in results if result.behind <= result.error)
    return first.change, results


def out_of_fold(schema, rows, labels, same, settings, rounds, seed):
    """Calibrated probabilities of every customer from a model that has not seen them."""
    margins, folds = evaluation.out_of_fold(schema, rows, labels, settings, rounds, seed, same)
    return evaluation.cross_calibrated(margins, labels, folds)


def row_losses(probabilities, labels):
    """The log loss of each row."""
    clipped = np.clip(probabilities, 1e-15, 1 - 1e-15)
    return -np.where(labels == 1, np.log(clipped), np.log1p(-clipped))


def error_of(differences):
    """The standard error of a mean difference between rows."""
    return float(np.std(differences, ddof=1) / np.sqrt(len(differences)))


def described(change):
    """A change of the settings in words."""
    return ", ".join(f"{name} {value}" for name, value in change.items()) or "the usual settings"
