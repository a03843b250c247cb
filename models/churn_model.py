"""The churn model itself: its settings, how it is trained, and how its margins become probabilities."""

import numpy as np
import xgboost
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
ROUNDS = 600
SETTINGS = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 2,
    "eta": 0.02,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "reg_lambda": 5,
    "min_child_weight": 5,
    "seed": 1,
    # More threads add up the same numbers in another order, and the file would differ from run to run.
    "nthread": 1,
}


def changed(change):
    """The settings and the number of trees after a change, which may have `rounds`."""
    settings = {**SETTINGS, **change}
    return settings, settings.pop("rounds", ROUNDS)


def matrix(schema, rows, labels=None):
    """The rows, encoded as the schema does, as XGBoost wants them."""
    return xgboost.DMatrix(
        rows,
        labels,
        feature_names=schema.feature_names,
        feature_types=schema.feature_types,
        enable_categorical=True,
        nthread=1,
    )


def fit(schema, rows, labels, settings=SETTINGS, rounds=ROUNDS):
    """Trains one booster."""
    return xgboost.train(settings, matrix(schema, rows, labels), rounds)


def margins(schema, booster, rows):
    """The raw log-odds of each row, as XGBoost's 32-bit sum gives them."""
    return booster.predict(matrix(schema, rows), output_margin=True).astype(float)


def fit_calibration(margins, labels):
    """Platt's slope and intercept: the logistic regression of the labels on the margin, without a penalty."""
    platt = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12)
    platt.fit(margins.reshape(-1, 1), labels)
    return float(platt.coef_[0, 0]), float(platt.intercept_[0])


def calibrate(margins, slope, intercept):
    """The calibrated probability, 0..1, of each margin."""
    return expit(slope * margins + intercept)
