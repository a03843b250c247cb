"""How like the real customers the simulated ones are, and whether that is enough."""

import itertools

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

import churn_model
import telco

VARIATION_MAX = 0.02
KOLMOGOROV_MAX = 0.03
TRANSFER_AUC_MIN = 0.83
CHURN_RATE = 0.265
CHURN_RATE_TOLERANCE = 0.01
# The largest gap between a real customer's charge and the price list is 4.81 dollars.
PRICE_GAP_MAX = 5.0


def total_variation(real, simulated):
    """Half the summed difference of the shares of each value, 0..1."""
    shares = pd.concat([real.value_counts(normalize=True), simulated.value_counts(normalize=True)], axis=1).fillna(0)
    return float((shares.iloc[:, 0] - shares.iloc[:, 1]).abs().sum() / 2)


def kolmogorov(real, simulated):
    """The largest difference of the two distribution functions, 0..1; blanks left out."""
    return float(ks_2samp(real[~np.isnan(real)], simulated[~np.isnan(simulated)]).statistic)


def transfer_auc(learned, tested):
    """ROC-AUC on some customers of a model of the shipped settings that is trained on others."""
    booster = churn_model.fit(telco.SCHEMA, telco.SCHEMA.encode(learned), telco.SCHEMA.left(learned))
    margins = churn_model.margins(telco.SCHEMA, booster, telco.SCHEMA.encode(tested))
    return float(roc_auc_score(telco.SCHEMA.left(tested), margins))


def pair_variation(real, simulated):
    """The mean total variation over all pairs of categorical columns: how well columns hang together."""
    pairs = itertools.combinations([*telco.CATEGORICAL_COLUMNS, "Churn"], 2)
    return float(np.mean([total_variation(real[list(pair)], simulated[list(pair)]) for pair in pairs]))


def broken_rules(real, simulated):
    """How many simulated customers break each rule."""
    offline = simulated["InternetService"] == "No"
    phone = simulated["PhoneService"] == "Yes"
    lacking = pd.DataFrame({add_on.column: simulated[add_on.column] == add_on.without for add_on in telco.ADD_ONS})
    no_lines = simulated["MultipleLines"] == telco.SCHEMA["multiple_lines"].without
    gap = simulated["MonthlyCharges"].to_numpy(float) - telco.services(simulated) @ telco.fit_prices(real)
    features = telco.FEATURE_COLUMNS
    real_profiles = set(map(tuple, real[features].to_numpy()))
    return {
        "an add-on without internet": int(lacking.ne(offline, axis=0).any(axis=1).sum()),
        "a second line without a phone": int((no_lines == phone).sum()),
        "a total that is blank after month 0, or not in it": int(
            ((simulated["TotalCharges"].str.strip() == "") != (simulated["tenure"] == "0")).sum()
        ),
        f"charges more than ${PRICE_GAP_MAX:.2f} from the price list": int((np.abs(gap) > PRICE_GAP_MAX).sum()),
        "the id of a real customer": int(simulated["customerID"].isin(real["customerID"]).sum()),
        "the id of another simulated customer": int(simulated["customerID"].duplicated().sum()),
        "the whole profile of a real customer": sum(
            profile in real_profiles for profile in map(tuple, simulated[features].to_numpy())
        ),
    }


def measure(real, simulated):
    """Every figure with its bound, as (what, value, bound, holds)."""
    rows = []
    for column in [*telco.CATEGORICAL_COLUMNS, "Churn"]:
        value = total_variation(real[column], simulated[column])
        rows.append((f"total variation of {column}", value, f"≤ {VARIATION_MAX}", value <= VARIATION_MAX))
    real_rows, simulated_rows = telco.SCHEMA.encode(real), telco.SCHEMA.encode(simulated)
    for column in telco.NUMERIC_COLUMNS:
        position = telco.FEATURE_COLUMNS.index(column)
        value = kolmogorov(real_rows[:, position], simulated_rows[:, position])
        rows.append((f"Kolmogorov–Smirnov of {column}", value, f"≤ {KOLMOGOROV_MAX}", value <= KOLMOGOROV_MAX))
    rows.append(("mean total variation of two columns together", pair_variation(real, simulated), "none", True))
    auc = transfer_auc(simulated, real)
    rows.append(
        ("trained on simulated, tested on real: ROC-AUC", auc, f"≥ {TRANSFER_AUC_MIN}", auc >= TRANSFER_AUC_MIN)
    )
    rows.append(("trained on real, tested on simulated: ROC-AUC", transfer_auc(real, simulated), "none", True))
    rate = float(telco.SCHEMA.left(simulated).mean())
    near = abs(rate - CHURN_RATE) <= CHURN_RATE_TOLERANCE
    rows.append(("churn rate", rate, f"{CHURN_RATE} ± {CHURN_RATE_TOLERANCE}", near))
    for rule, count in broken_rules(real, simulated).items():
        rows.append((f"customers with {rule}", count, "0", count == 0))
    return rows


def table(rows):
    """The figures as a Markdown table."""
    lines = ["| figure | measured | bound |", "|---|---|---|"]
    for what, value, bound, _ in rows:
        lines.append(f"| {what} | {value if isinstance(value, int) else format(value, '.4f')} | {bound} |")
    return "\n".join(lines)
