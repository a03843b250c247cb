"""How good the model is on customers it has not seen: metrics and curves, all out of fold."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)
from sklearn.model_selection import StratifiedKFold

import churn_model

FOLDS = 5
REPEATS = 5
BINS = 10
CURVE_POINTS = 200
# From this share of different rows on, rows that are the same are of one customer.
LEAST_DISTINCT = 0.1
# The 97.5 % point of the normal distribution: Wilson intervals hold 95 %.
Z = 1.959963984540054

METRICS = {
    "roc_auc": roc_auc_score,
    "average_precision": average_precision_score,
    "log_loss": log_loss,
    "brier": brier_score_loss,
}


def same_rows(rows, *others):
    """The number of the customer whom each row is of; None if each is of another.

    Rows of one customer have the same features, or the same key in one of the `others`, in which a blank key is none. Where hardly any
    rows differ, features don't tell customers apart, and are not compared.
    """
    count = len(rows)
    keys = [np.unique(np.where(np.isnan(rows), -np.inf, rows), axis=0, return_inverse=True)[1].ravel()]
    if keys[0].max() + 1 < LEAST_DISTINCT * count:
        keys = []
    for other in others:
        key = np.unique(other, return_inverse=True)[1]
        blank = np.asarray(other) == ""
        key[blank] = key.max() + 1 + np.arange(blank.sum())
        keys.append(key)
    # Rows are linked with their keys, and so with each other.
    links, size = [], count
    for key in keys:
        links.append(size + key)
        size += int(key.max()) + 1
    places = np.tile(np.arange(count), len(keys))
    ends = np.concatenate([np.empty(0, int), *links])
    graph = coo_array((np.ones(len(places)), (places, ends)), shape=(size, size))
    customers = connected_components(graph, directed=False)[1][:count]
    _, first, inverse = np.unique(customers, return_index=True, return_inverse=True)
    if len(first) == count:
        return None
    # Numbered as they come first, so that folds are those of a table without their further rows.
    return np.argsort(np.argsort(first))[inverse]


def fold_numbers(labels, seed, same=None):
    """The number of the fold, 0 to 4, that holds each customer in the repeat of this seed; churners spread evenly.

    Rows with the same number in `same` are of one customer, and in one fold.
    """
    if same is not None:
        left = np.zeros(same.max() + 1)
        np.maximum.at(left, same, labels)
        return fold_numbers(left, seed)[same]
    folds = np.empty(len(labels), int)
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (_, held_out) in enumerate(splitter.split(labels, labels)):
        folds[held_out] = number
    return folds


def out_of_fold(schema, rows, labels, settings, rounds, seed, same=None):
    """Margins of every customer from the one model of this repeat that has not seen them, and each one's fold."""
    folds = fold_numbers(labels, seed, same)
    margins = np.empty(len(labels))
    for number in range(FOLDS):
        held_out = folds == number
        booster = churn_model.fit(schema, rows[~held_out], labels[~held_out], settings, rounds)
        margins[held_out] = churn_model.margins(schema, booster, rows[held_out])
    return margins, folds


def cross_calibrated(margins, labels, folds):
    """Calibrated probabilities: each fold's slope and intercept come from the margins of the other folds."""
    probabilities = np.empty(len(labels))
    for number in range(FOLDS):
        held_out = folds == number
        line = churn_model.fit_calibration(margins[~held_out], labels[~held_out])
        probabilities[held_out] = churn_model.calibrate(margins[held_out], *line)
    return probabilities


def equal_mass_bins(probabilities):
    """The number, 0 to 9, of the bin that holds each probability; bins as equal in size as can be."""
    order = np.argsort(probabilities, kind="stable")
    bins = np.empty(len(probabilities), int)
    bins[order] = np.arange(len(probabilities)) * BINS // len(probabilities)
    return bins


def calibration_error(probabilities, labels):
    """Expected calibration error: the mean gap between predicted and observed rate over ten equal-mass bins."""
    bins = equal_mass_bins(probabilities)
    gaps = np.bincount(bins, probabilities) - np.bincount(bins, labels)
    return np.abs(gaps).sum() / len(labels)


def summary(repeats, labels):
    """Each metric's mean and standard deviation over the repeats, and the pooled calibration error."""
    result = {}
    for name, metric in METRICS.items():
        values = [metric(labels, probabilities) for probabilities in repeats]
        result[name] = {"mean": np.mean(values), "sd": np.std(values, ddof=1)}
    result["ece"] = calibration_error(np.concatenate(repeats), np.tile(labels, len(repeats)))
    return result


def by_group(repeats, labels, groups):
    """`summary` within each group, with its size, its churn rate and the mean predicted probability.

    A group that all left or stayed has no ROC curve, and is left out.
    """
    return [
        {
            "group": str(group),
            "customers": int(np.sum(groups == group)),
            "churn_rate": labels[groups == group].mean(),
            "mean_predicted": np.mean([probabilities[groups == group] for probabilities in repeats]),
            **summary([probabilities[groups == group] for probabilities in repeats], labels[groups == group]),
        }
        for group in np.unique(groups)
        if len(np.unique(labels[groups == group])) > 1
    ]


def wilson(rate, count):
    """Wilson's 95 % interval of a rate seen in `count` independent customers."""
    centre = rate + Z**2 / (2 * count)
    half = Z * np.sqrt(rate * (1 - rate) / count + Z**2 / (4 * count**2))
    return (centre - half) / (1 + Z**2 / count), (centre + half) / (1 + Z**2 / count)


def calibration_bins(repeats, labels):
    """Predicted against observed rate in ten equal-mass bins of all repeats' predictions.

    A customer is predicted once per repeat; the interval counts customers, for repeats of one are not independent.
    """
    pooled = np.concatenate(repeats)
    outcomes = np.tile(labels, len(repeats))
    bins = equal_mass_bins(pooled)
    result = []
    for number in range(BINS):
        inside = bins == number
        observed = outcomes[inside].mean()
        low, high = wilson(observed, inside.sum() / len(repeats))
        result.append(
            {
                "predicted": pooled[inside].mean(),
                "observed": observed,
                "predictions": int(inside.sum()),
                "observed_low": low,
                "observed_high": high,
            }
        )
    return result


def thinned(length):
    """Places of about `CURVE_POINTS` points, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, length - 1, CURVE_POINTS).round().astype(int))


def roc_points(probabilities, labels):
    """The ROC curve from (0, 0) to (1, 1); the first cutoff is 1, which nobody reaches."""
    false_positive, true_positive, cutoff = roc_curve(labels, probabilities)
    cutoff[0] = 1
    return [
        {"false_positive_rate": false_positive[i], "true_positive_rate": true_positive[i], "cutoff": cutoff[i]}
        for i in thinned(len(cutoff))
    ]


def precision_recall_points(probabilities, labels):
    """The precision-recall curve, from everybody flagged to the last one flagged."""
    precision, recall, cutoff = precision_recall_curve(labels, probabilities)
    return [{"recall": recall[i], "precision": precision[i], "cutoff": cutoff[i]} for i in thinned(len(cutoff))]


def gains(probabilities, labels):
    """For each percent of customers, riskiest first: the share of all churners among them, and the lift of that."""
    riskiest_first = np.argsort(-probabilities, kind="stable")
    found = np.concatenate([[0], np.cumsum(labels[riskiest_first])])
    points = []
    for percent in range(1, 101):
        contacted = round(len(labels) * percent / 100)
        gain = found[contacted] / found[-1]
        points.append({"percent": percent, "gain": gain, "lift": gain * len(labels) / contacted})
    return points


def by_cutoff(probabilities, labels):
    """The confusion counts, in customers, when those at or above each percentile of the score are flagged."""
    cutoffs = np.quantile(probabilities, np.arange(101) / 100, method="higher")
    rows = []
    for percentile, cutoff in enumerate(cutoffs):
        flagged = probabilities >= cutoff
        rows.append(
            {
                "percentile": percentile,
                "cutoff": cutoff,
                "true_positives": int(np.sum(flagged & (labels == 1))),
                "false_positives": int(np.sum(flagged & (labels == 0))),
                "true_negatives": int(np.sum(~flagged & (labels == 0))),
                "false_negatives": int(np.sum(~flagged & (labels == 1))),
            }
        )
    return rows


def report(repeats, labels, groups):
    """What `evaluation.json` holds; `groups` maps a name to each customer's group."""
    # Curves and counts show the first repeat, in which each customer stands once.
    probabilities = repeats[0]
    return {
        "customers": len(labels),
        "churners": int(labels.sum()),
        "folds": FOLDS,
        "repeats": len(repeats),
        "roc": roc_points(probabilities, labels),
        "precision_recall": precision_recall_points(probabilities, labels),
        "calibration": calibration_bins(repeats, labels),
        "gains": gains(probabilities, labels),
        "by_cutoff": by_cutoff(probabilities, labels),
        "by_group": {name: by_group(repeats, labels, values) for name, values in groups.items()},
    }
