"""The Telco schema: its columns, how the model sees them, and the price list behind the monthly charges."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd

SHA256 = "16320c9c1ec72448db59aa0a26a0b95401046bef5d02fd3aeb906448e3055e91"
SOURCE = "https://github.com/IBM/telco-customer-churn-on-icp4d/blob/master/data/Telco-Customer-Churn.csv"

COLUMNS = [
    "customerID", "gender", "SeniorCitizen", "Partner", "Dependents", "tenure", "PhoneService", "MultipleLines",
    "InternetService", "OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV",
    "StreamingMovies", "Contract", "PaperlessBilling", "PaymentMethod", "MonthlyCharges", "TotalCharges", "Churn",
]  # fmt: skip

NO_YES = ["No", "Yes"]
ADD_ON_VALUES = ["No", "Yes", "No internet service"]

# Each add-on: Telco's column -> the feature of the same meaning.
ADD_ONS = {
    "OnlineSecurity": "online_security",
    "OnlineBackup": "online_backup",
    "DeviceProtection": "device_protection",
    "TechSupport": "tech_support",
    "StreamingTV": "streaming_tv",
    "StreamingMovies": "streaming_movies",
}

# Telco's column -> (feature, XGBoost's feature type, allowed values; a value's place is its code; None: a number).
FEATURES = {
    "gender": ("gender", "q", ["Female", "Male"]),
    "SeniorCitizen": ("senior_citizen", "q", ["0", "1"]),
    "Partner": ("partner", "q", NO_YES),
    "Dependents": ("dependents", "q", NO_YES),
    "tenure": ("tenure_months", "q", None),
    "PhoneService": ("phone_service", "q", NO_YES),
    "MultipleLines": ("multiple_lines", "c", ["No", "Yes", "No phone service"]),
    "InternetService": ("internet_service", "c", ["DSL", "Fiber optic", "No"]),
    **{column: (feature, "c", ADD_ON_VALUES) for column, feature in ADD_ONS.items()},
    "Contract": ("contract", "c", ["Month-to-month", "One year", "Two year"]),
    "PaperlessBilling": ("paperless_billing", "q", NO_YES),
    "PaymentMethod": (
        "payment_method",
        "c",
        ["Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"],
    ),
    "MonthlyCharges": ("monthly_charges", "q", None),
    "TotalCharges": ("total_charges", "q", None),
}
FEATURE_NAMES = [name for name, _, _ in FEATURES.values()]
FEATURE_TYPES = [kind for _, kind, _ in FEATURES.values()]
CATEGORICAL_COLUMNS = [column for column, (_, _, values) in FEATURES.items() if values is not None]
NUMERIC_COLUMNS = [column for column, (_, _, values) in FEATURES.items() if values is None]


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


def encode(frame):
    """The rows as the model sees them: 64-bit floats, one column per feature, categories as codes, blank as NaN.

    Ends the program with a sentence when a value is neither a number nor one of the allowed.
    """
    columns = []
    for column, (_, _, values) in FEATURES.items():
        text = frame[column].astype(str).str.strip()
        if values is None:
            try:
                numbers = text.replace("", "nan").to_numpy(object).astype(float)
            except ValueError as error:
                sys.exit(f"column {column}: {error}.")
        else:
            numbers = text.map({value: code for code, value in enumerate(values)}).to_numpy(float)
            unknown = sorted(set(text[np.isnan(numbers)]))
            if unknown:
                sys.exit(f"column {column} holds {unknown}; allowed are {values}.")
        columns.append(numbers)
    return np.column_stack(columns)


def churned(frame):
    """1 for every customer who left, else 0."""
    return (frame["Churn"] == "Yes").to_numpy(int)


def services(frame):
    """What each customer pays for, as 0/1 columns in the order of `price_list`."""
    return np.column_stack(
        [
            frame["PhoneService"] == "Yes",
            frame["MultipleLines"] == "Yes",
            frame["InternetService"] == "DSL",
            frame["InternetService"] == "Fiber optic",
            *(frame[column] == "Yes" for column in ADD_ONS),
        ]
    ).astype(float)


def fit_prices(frame):
    """Ordinary least squares of the monthly charges on the services, no constant: dollars a month per service."""
    charges = frame["MonthlyCharges"].to_numpy(float)
    prices, *_ = np.linalg.lstsq(services(frame), charges)
    # The last bits depend on the CPU; whoever computes with the prices must not.
    return np.round(prices, 9)


def price_list(frame):
    """The fitted prices by name, with the fit's R² (about the mean) and root mean squared error in dollars."""
    prices = fit_prices(frame)
    charges = frame["MonthlyCharges"].to_numpy(float)
    residual = charges - services(frame) @ prices
    phone, lines, dsl, fiber, *add_ons = prices
    return {
        "phone_service": phone,
        "multiple_lines": lines,
        "internet_service": {"DSL": dsl, "Fiber optic": fiber},
        **dict(zip(ADD_ONS.values(), add_ons, strict=True)),
        "r_squared": 1 - np.sum(residual**2) / np.sum((charges - charges.mean()) ** 2),
        "rmse": np.sqrt(np.mean(residual**2)),
    }
