"""IBM's Telco file: where it comes from, how it is read, and the prices that its monthly charges follow."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from schema import Schema

SHA256 = "16320c9c1ec72448db59aa0a26a0b95401046bef5d02fd3aeb906448e3055e91"
SOURCE = "https://github.com/IBM/telco-customer-churn-on-icp4d/blob/master/data/Telco-Customer-Churn.csv"

SCHEMA = Schema(Path(__file__).parent.parent / "data" / "schema.toml")

# The columns of the file: the id, the model's features and the outcome.
FEATURE_COLUMNS = [field.column for field in SCHEMA.features.values()]
CATEGORICAL_COLUMNS = [field.column for field in SCHEMA.features.values() if field.values is not None]
NUMERIC_COLUMNS = [field.column for field in SCHEMA.features.values() if field.values is None]
MONEY_COLUMNS = [field.column for field in SCHEMA.features.values() if field.kind == "money"]
COLUMNS = [SCHEMA.columns_of("id")[0], *FEATURE_COLUMNS, SCHEMA.columns_of("outcome")[0]]

# What is sold beside internet service.
ADD_ONS = [field for field in SCHEMA.fields.values() if "internet_service" in field.needs]


def read(path, *, allow_other_data=False):
    """Reads a file of Telco's shape as text, blanks kept; ends the program with a sentence when it cannot serve."""
    path = Path(path)
    if not path.is_file():
        sys.exit(f"{path} does not exist. Download it from {SOURCE} and pass its path.")
    digest = sha256(path)
    if digest != SHA256 and not allow_other_data:
        sys.exit(
            f"{path} has SHA-256 {digest}, but IBM's file has {SHA256}. "
            f"Download that from {SOURCE}, or pass --allow-other-data to use this one."
        )
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        sys.exit(f"{path} lacks the columns {', '.join(missing)}.")
    return frame


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def values(field):
    """The values of a field as IBM's file spells them: one flag, alone of all, as digits. None for a number."""
    return ["0", "1"] if field.name == "senior_citizen" else field.values


def services(frame):
    """What each customer pays for, as 0/1 columns in the order of the schema's prices."""
    paid = [field.encode(frame[field.column]) == code for field, code, _ in SCHEMA.priced]
    return np.column_stack(paid).astype(float)


def fit_prices(frame):
    """Ordinary least squares of the monthly charges on the services, no constant: dollars a month per service."""
    charges = frame["MonthlyCharges"].to_numpy(float)
    prices, *_ = np.linalg.lstsq(services(frame), charges)
    # The last bits depend on the CPU; whoever computes with the prices must not.
    return np.round(prices, 9)


def variance_explained(frame, prices):
    """R², about the mean, of the monthly charges that the prices give, and the root mean squared error in dollars."""
    charges = frame["MonthlyCharges"].to_numpy(float)
    residual = charges - services(frame) @ prices
    r_squared = 1 - np.sum(residual**2) / np.sum((charges - charges.mean()) ** 2)
    return r_squared, np.sqrt(np.mean(residual**2))
