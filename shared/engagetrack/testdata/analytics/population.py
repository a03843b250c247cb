"""The population as pandas sees it: its bins, and who passes a query of filters."""

from urllib.parse import parse_qs

import numpy as np
import pandas as pd

# First number of each bin; a bin ends below the first number of the next.
STARTS = {
    "usage_frequency": [0, 5, 10, 15, 20, 25],
    "payment_delay": [0, 1, 6, 16, 31],
    "support_calls": [0, 1, 2, 3, 4, 6],
    "tenure_months": [0, 4, 7, 13, 25, 37, 49, 61],
    "monthly_charges": [0, 20, 40, 60, 80, 100],
    "total_charges": [0, 100, 500, 1000, 2000, 4000, 6000],
}
VALUES = {
    "contract": ["Month-to-month", "One year", "Two year"],
    "internet_service": ["DSL", "Fiber optic", "No"],
    "payment_method": ["Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"],
    "persona": ["strained", "essentials", "protected", "entertainer", "committed", "speed-seeker", "value-seeker"],
    "stage": ["onboarding", "adoption", "growth", "mature"],
    "risk_level": ["low", "medium", "high"],
    "variant": ["A", "B"],
}
FIELDS = [
    "usage_frequency", "payment_delay", "support_calls", "contract", "tenure_months", "monthly_charges",
    "total_charges", "internet_service", "payment_method", "persona", "stage", "risk_level", "variant",
]  # fmt: skip


def read(file) -> pd.DataFrame:
    """The table that `analytics table` writes, with a column `<field>_bin` for every field; an unknown value comes last."""
    frame = pd.read_csv(file, keep_default_na=False, na_values=[""], float_precision="round_trip")
    for field in FIELDS:
        if field in STARTS:
            starts = STARTS[field]
            bins = pd.cut(frame[field], [*starts, np.inf], right=False, labels=range(len(starts)))
        else:
            names = pd.Categorical(frame[field], VALUES[field])
            bins = pd.Series(names.rename_categories(range(len(VALUES[field]))))
        if bins.isna().any():
            bins = bins.cat.add_categories(len(bins.cat.categories)).fillna(len(bins.cat.categories))
        frame[f"{field}_bin"] = bins
    return frame


def passes(frame: pd.DataFrame, query: str) -> pd.Series:
    """Whether each customer passes the filters of a query string."""
    mask = pd.Series(True, frame.index)
    for name, values in parse_qs(query).items():
        if name == "missing":
            mask &= frame[values].isna().any(axis=1)
        elif name in VALUES:
            mask &= frame[name].isin(values)
        elif name == "senior_citizen":
            mask &= frame[name].isin([{"true": "yes", "false": "no"}[value] for value in values])
        else:
            field, _, end = name.rpartition("_")
            column = frame["tenure_months" if field == "tenure" else field]
            bound = float(values[0])
            mask &= {"min": column >= bound, "max": column <= bound, "below": column < bound}[end]
    return mask
