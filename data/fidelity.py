"""How like the real customers the simulated ones are, and whether that is enough."""

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


def transfer_auc(real, simulated):
    """ROC-AUC on the real customers of a model of the shipped settings that is trained on the simulated ones."""
    booster = churn_model.fit(telco.encode(simulated), telco.churned(simulated))
    return float(roc_auc_score(telco.churned(real), churn_model.margins(booster, telco.encode(real))))


def broken_rules(real, simulated):
    """How many simulated customers break each rule."""
    internet = simulated["InternetService"] != "No"
    phone = simulated["PhoneService"] == "Yes"
    without = {
        "an add-on without internet": sum(
            (simulated[column] == "No internet service") == internet for column in telco.ADD_ONS
        ),
        "a second line without a phone": (simulated["MultipleLines"] == "No phone service") == phone,
    }
    gap = simulated["MonthlyCharges"].to_numpy(float) - telco.services(simulated) @ telco.fit_prices(real)
    profile = [column for column in telco.COLUMNS if column not in ("customerID", "Churn")]
    real_profiles = set(map(tuple, real[profile].to_numpy()))
    return {
        **{rule: int(np.count_nonzero(broken)) for rule, broken in without.items()},
        "a total that is blank after month 0, or not in it": int(
            np.count_nonzero((simulated["TotalCharges"].str.strip() == "") != (simulated["tenure"] == "0"))
        ),
        f"charges more than ${PRICE_GAP_MAX:.2f} from the price list": int(np.count_nonzero(np.abs(gap) > PRICE_GAP_MAX)),
        "the id of a real customer": int(simulated["customerID"].isin(real["customerID"]).sum()),
        "the id of another simulated customer": int(simulated["customerID"].duplicated().sum()),
        "the whole profile of a real customer": sum(
            profile in real_profiles for profile in map(tuple, simulated[profile].to_numpy())
        ),
    }


def measure(real, simulated):
    """Every figure with its bound, as (what, value, bound, holds)."""
    rows = []
    for column in [*telco.CATEGORICAL_COLUMNS, "Churn"]:
        value = total_variation(real[column], simulated[column])
        rows.append((f"total variation of {column}", value, f"≤ {VARIATION_MAX}", value <= VARIATION_MAX))
    positions = [list(telco.FEATURES).index(column) for column in telco.NUMERIC_COLUMNS]
    for column, position in zip(telco.NUMERIC_COLUMNS, positions, strict=True):
        value = kolmogorov(telco.encode(real)[:, position], telco.encode(simulated)[:, position])
        rows.append((f"Kolmogorov–Smirnov of {column}", value, f"≤ {KOLMOGOROV_MAX}", value <= KOLMOGOROV_MAX))
    auc = transfer_auc(real, simulated)
    rows.append(("trained on simulated, tested on real: ROC-AUC", auc, f"≥ {TRANSFER_AUC_MIN}", auc >= TRANSFER_AUC_MIN))
    rate = float(telco.churned(simulated).mean())
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
