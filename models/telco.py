"""IBM's Telco file: its columns, how it is read, and the prices that its monthly charges follow."""

from pathlib import Path

import numpy as np

from workspace import Workspace

WORKSPACE = Workspace(Path(__file__).parent.parent)
SCHEMA = WORKSPACE.schema
read = WORKSPACE.read

# The columns of the file: the id, the model's features and the outcome.
FEATURE_COLUMNS = [field.column for field in SCHEMA.features.values()]
CATEGORICAL_COLUMNS = [field.column for field in SCHEMA.features.values() if field.values is not None]
NUMERIC_COLUMNS = [field.column for field in SCHEMA.features.values() if field.values is None]
MONEY_COLUMNS = [field.column for field in SCHEMA.features.values() if field.kind == "money"]
OUTCOME = SCHEMA.columns_of("outcome")[0]
COLUMNS = [SCHEMA.columns_of("id")[0], *FEATURE_COLUMNS, OUTCOME]

# What is sold beside internet service.
ADD_ONS = [field for field in SCHEMA.fields.values() if "internet_service" in field.needs]


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
