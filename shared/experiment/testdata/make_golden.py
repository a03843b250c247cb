"""Expected readouts of random experiments, computed with GrowthBook's gbstats, statsmodels and scipy.

    python3.11 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python make_golden.py golden.json

(gbstats 0.8 holds pandas at 1.5, which needs Python 3.11.) The expected values have the shape of our JSON, so that the
tests compare every leaf they find. Running the script again gives the same file.
"""

import itertools
import json
import math
import sys
import warnings

import numpy as np
from gbstats.bayesian.tests import EffectBayesianABTest, EffectBayesianConfig, GaussianPrior
from gbstats.frequentist.tests import FrequentistConfig, SequentialConfig, SequentialTwoSidedTTest, TwoSidedTTest
from gbstats.models.statistics import ProportionStatistic, RegressionAdjustedStatistic, SampleMeanStatistic
from gbstats.utils import check_srm
from scipy.optimize import brentq
from scipy.stats import chi2, norm
from scipy.stats import t as student
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint, proportion_effectsize, proportions_ztest

SEQUENTIAL_TUNING = 5000
TARGET_POWER = 0.8
EXPERIMENTS = 240
BIG_EXPERIMENTS = 20
CUPED_EXPERIMENTS = 80
PLANS = 80
FAMILIES = 40
DIMENSIONS = 60
FEWEST_PER_CELL = 5


def effect(control, treatment, settings):
    """Everything gbstats says of the effect between two of its statistics."""
    alpha = settings["alpha"]

    def welch(difference_type):
        test = TwoSidedTTest(control, treatment, FrequentistConfig(alpha=alpha, difference_type=difference_type))
        result = test.compute_result()
        estimate = {
            "estimate": result.expected,
            "standard_error": result.uplift.stddev,
            "interval": result.ci,
        }
        return test, estimate

    _, absolute_difference = welch("absolute")
    test, relative_lift = welch("relative")
    prior = settings["prior"]
    bayesian = EffectBayesianABTest(
        control,
        treatment,
        EffectBayesianConfig(
            alpha=alpha,
            inverse=settings["metric"] == "lower_is_better",
            prior_effect=GaussianPrior(mean=prior["mean"], variance=prior["sd"] ** 2, proper=prior["proper"]),
        ),
    ).compute_result()
    sequential = SequentialTwoSidedTTest(
        control, treatment, SequentialConfig(alpha=alpha, sequential_tuning_parameter=SEQUENTIAL_TUNING)
    ).compute_result()
    return {
        "absolute_difference": absolute_difference,
        "relative_lift": relative_lift,
        "frequentist": {
            "statistic": test.critical_value,
            "degrees_of_freedom": test.dof,
            # gbstats takes 1 - cdf, which has no digits left far in the tail.
            "p_value": 2 * student.sf(abs(test.critical_value), test.dof),
            "interval": relative_lift["interval"],
        },
        "bayesian": {
            "mean": bayesian.uplift.mean,
            "standard_deviation": bayesian.uplift.stddev,
            "interval": bayesian.ci,
            "chance_to_win": bayesian.chance_to_win,
            "risk": {"control": bayesian.risk[0], "treatment": bayesian.risk[1]},
        },
        "sequential": {"p_value": sequential.p_value, "interval": sequential.ci},
    }


def arm(counts, alpha):
    return {
        "rate": counts["conversions"] / counts["users"],
        "interval": proportion_confint(counts["conversions"], counts["users"], alpha, method="wilson"),
    }


def readout(request):
    """What the counts of a request say, except for power."""
    control, treatment = request["control"], request["treatment"]
    z, p_value = proportions_ztest(
        [control["conversions"], treatment["conversions"]], [control["users"], treatment["users"]]
    )
    return {
        "control": arm(control, request["alpha"]),
        "treatment": arm(treatment, request["alpha"]),
        **effect(
            ProportionStatistic(n=control["users"], sum=control["conversions"]),
            ProportionStatistic(n=treatment["users"], sum=treatment["conversions"]),
            request,
        ),
        "pooled_z": {"statistic": z, "p_value": p_value},
        "sample_ratio_mismatch": {
            "p_value": check_srm([control["users"], treatment["users"]], request["expected_split"])
        },
    }


def solved_power(**known):
    """statsmodels' solution for the one quantity that is missing.

    Its own root finder stops some 1e-5 away from the root of its power function, so scipy's takes over from there.
    """
    (missing,) = [name for name, value in known.items() if value is None]
    target = known["power"]

    def excess(value):
        trial = {name: value if name == missing else given for name, given in known.items() if name != "power"}
        return NormalIndPower().power(**trial) - target

    rough = float(np.asarray(NormalIndPower().solve_power(**known)).item())
    return brentq(excess, 0.98 * rough, 1.02 * rough, xtol=1e-12 * rough, rtol=1e-14)


def users_needed(h, alpha, power, split):
    ratio = split[1] / split[0]
    users = solved_power(effect_size=h, nobs1=None, alpha=alpha, power=power, ratio=ratio)
    return {"control": users, "treatment": users * ratio}


def power(request):
    """Power of a request's experiment; statsmodels' root finders limit it to moderate sizes."""
    control, treatment, alpha = request["control"], request["treatment"], request["alpha"]
    rates = [arm["conversions"] / arm["users"] for arm in (control, treatment)]
    ratio = treatment["users"] / control["users"]
    h = proportion_effectsize(rates[1], rates[0])
    detectable = solved_power(
        effect_size=None, nobs1=control["users"], alpha=alpha, power=TARGET_POWER, ratio=ratio
    )
    direction = -1 if request["metric"] == "lower_is_better" else 1
    angle = math.asin(math.sqrt(rates[0])) + direction * abs(detectable) / 2
    reachable = 0 <= angle <= math.pi / 2
    return {
        "cohens_h": h,
        "achieved": NormalIndPower().power(abs(h), control["users"], alpha, ratio),
        "detectable_effect": math.sin(angle) ** 2 - rates[0] if reachable else None,
        "users_per_arm_needed": users_needed(abs(h), alpha, TARGET_POWER, request["expected_split"]),
    }


def random_request(rng, most_users):
    """Counts with some, but not all, users converted in either arm, and settings that vary."""
    control_share = float(rng.choice([0.5, 0.5, 0.2, 0.9]))
    total = 10 ** rng.uniform(1.5, math.log10(most_users))
    baseline = rng.uniform(0.02, 0.95)
    counts = []
    for share, rate in [
        (control_share, baseline),
        (1 - control_share, min(0.98, max(0.01, baseline * rng.normal(1, 0.15)))),
    ]:
        users = max(3, round(total * share * rng.normal(1, 0.01)))
        conversions = min(users - 1, max(1, int(rng.binomial(users, rate))))
        counts.append({"users": users, "conversions": conversions})
    return {
        "metric": str(rng.choice(["lower_is_better", "higher_is_better"])),
        "control": counts[0],
        "treatment": counts[1],
        "expected_split": [control_share, round(1 - control_share, 3)],
        "alpha": float(rng.choice([0.05, 0.05, 0.01, 0.1, 0.001])),
        "prior": {
            "mean": round(rng.normal(0, 0.1), 3),
            "sd": round(rng.uniform(0.05, 0.6), 3),
            "proper": bool(rng.random() < 0.5),
        },
    }


def moderate_experiments(rng):
    while True:
        request = random_request(rng, most_users=3e6)
        control, treatment = request["control"], request["treatment"]
        if control["conversions"] * treatment["users"] != treatment["conversions"] * control["users"]:
            yield {"request": request, "expected": {**readout(request), "power": power(request)}}


def big_experiments(rng):
    while True:
        request = random_request(rng, most_users=2e12)
        if request["control"]["users"] > 1e8:
            yield {"request": request, "expected": readout(request)}


def cuped_experiments(rng):
    while True:
        settings = random_request(rng, most_users=100)
        users = rng.integers(15, 3000, 2)
        baseline, slope, lift = rng.uniform(0.1, 0.6), rng.uniform(-0.3, 0.8), rng.normal(1, 0.2)
        sums, statistics = [], []
        for n, factor in zip(users, (1, lift)):
            covariate = rng.beta(2, 4, n)
            rate = np.clip((baseline + slope * (covariate - 1 / 3)) * factor, 0.02, 0.98)
            converted = rng.random(n) < rate
            arm_sums = {
                "users": int(n),
                "conversions": int(converted.sum()),
                "covariate": float(covariate.sum()),
                "covariate_squared": float((covariate**2).sum()),
                "cross": float(covariate[converted].sum()),
            }
            sums.append(arm_sums)
            statistics.append(
                RegressionAdjustedStatistic(
                    n=arm_sums["users"],
                    post_statistic=ProportionStatistic(n=arm_sums["users"], sum=arm_sums["conversions"]),
                    pre_statistic=SampleMeanStatistic(
                        n=arm_sums["users"], sum=arm_sums["covariate"], sum_squares=arm_sums["covariate_squared"]
                    ),
                    post_pre_sum_of_products=arm_sums["cross"],
                    theta=0,
                )
            )
        if any(not 0 < arm["conversions"] < arm["users"] for arm in sums):
            continue
        expected = effect(*statistics, settings)
        theta = statistics[0].theta  # gbstats has set it meanwhile
        unadjusted = sum(s.post_statistic.variance / s.n for s in statistics)
        yield {
            "control": sums[0],
            "treatment": sums[1],
            "settings": {name: settings[name] for name in ("metric", "alpha", "prior")},
            "expected": {
                "theta": theta,
                "variance_reduction": 1 - sum(s.variance / s.n for s in statistics) / unadjusted,
                **expected,
            },
        }


def plans(rng):
    while True:
        baseline = rng.uniform(0.02, 0.9)
        rate = baseline + rng.uniform(-0.15, 0.15)
        control_share = round(rng.uniform(0.2, 0.8), 2)
        if not 0.005 < rate < 0.995 or abs(rate - baseline) < 0.002:
            continue
        request = {
            "baseline_rate": baseline,
            "detectable_effect": rate - baseline,
            "alpha": float(rng.choice([0.05, 0.01, 0.1])),
            "power": float(rng.choice([0.8, 0.9, 0.5])),
            "split": [control_share, round(1 - control_share, 2)],
            "users_per_day": int(rng.integers(50, 5000)),
        }
        h = proportion_effectsize(request["baseline_rate"] + request["detectable_effect"], baseline)
        users = users_needed(abs(h), request["alpha"], request["power"], request["split"])
        total = users["control"] + users["treatment"]
        yield {
            "request": request,
            "expected": {
                "cohens_h": h,
                "users_per_arm": users,
                "total_users": total,
                "days": total / request["users_per_day"],
            },
        }


def families(rng):
    while True:
        p_values = rng.beta(0.4, 1.5, rng.integers(1, 30))
        p_values[rng.integers(0, len(p_values))] = p_values[0]
        yield {
            "p_values": p_values.tolist(),
            "benjamini_hochberg": multipletests(p_values, method="fdr_bh")[1].tolist(),
            "holm": multipletests(p_values, method="holm")[1].tolist(),
        }


def homogeneity(effects, variances):
    """Cochran's Q and DerSimonian and Laird's random effects, by statsmodels."""
    combined = combine_effects(effects, variances, method_re="dl")
    degrees = len(effects) - 1
    # statsmodels keeps an estimate below 0; a variance of 0 is the model of fixed effects.
    model = "re" if combined.tau2 > 0 else "fe"
    return {
        "q": combined.q,
        "degrees_of_freedom": degrees,
        "p_value": chi2.sf(combined.q, degrees),
        "tau_squared": max(0.0, combined.tau2),
        "mean": getattr(combined, f"mean_effect_{model}"),
        "standard_error": getattr(combined, f"sd_eff_w_{model}"),
    }


def dimensions(rng):
    """Segments whose effects differ by chance, or truly; some with too few users to be compared."""
    while True:
        spread = rng.choice([0.0, 0.3, 1.0])
        segments = []
        for _ in range(rng.integers(1, 7)):
            users = rng.integers(20, 3000, 2)
            rate = rng.uniform(0.03, 0.6)
            odds = rate / (1 - rate) * math.exp(-0.2 + spread * rng.normal())
            segments.append([(int(n), int(rng.binomial(n, p))) for n, p in zip(users, (rate, odds / (1 + odds)))])
        cells = [[(x, n - x) for n, x in arms] for arms in segments]
        compared = [index for index, cell in enumerate(cells) if min(map(min, cell)) >= FEWEST_PER_CELL]
        rates = np.array([[x / n for n, x in arms] for arms in segments])
        users = np.array([[n for n, _ in arms] for arms in segments])
        points = np.diff(rates, axis=1)[:, 0]
        variances = (rates * (1 - rates) / users).sum(1)
        expected = {"segments": len(compared), "points": None, "log_odds": None}
        shrunken = [None] * len(segments)
        if len(compared) > 1:
            expected["points"] = homogeneity(points[compared], variances[compared])
            left, stayed = np.array(cells)[compared].transpose(2, 0, 1)
            odds_ratios = np.diff(np.log(left / stayed), axis=1)[:, 0]
            expected["log_odds"] = homogeneity(odds_ratios, (1 / left + 1 / stayed).sum(1))
            random = expected["points"]
            for index in compared:
                kept = random["tau_squared"] / (variances[index] + random["tau_squared"])
                estimate = random["mean"] + kept * (points[index] - random["mean"])
                error = math.sqrt(kept * variances[index] + ((1 - kept) * random["standard_error"]) ** 2)
                ends = norm.interval(0.95, estimate, error)
                shrunken[index] = {"estimate": estimate, "standard_error": error, "interval": list(ends)}
        yield {"segments": segments, "expected": expected, "shrunken": shrunken}


def plain(value):
    """numpy's numbers as Python's own, to twelve digits; no NaN, no infinity."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (np.floating, float)):
        assert math.isfinite(value), "an expected value is not finite"
        return float(f"{value:.12g}")
    return value


def main(path):
    # gbstats' e-value overflows for overwhelming effects; its p value is then 0, as it should be.
    warnings.filterwarnings("ignore", "overflow encountered in exp", RuntimeWarning)
    sections = [
        ("experiments", moderate_experiments, EXPERIMENTS),
        ("big_experiments", big_experiments, BIG_EXPERIMENTS),
        ("cuped", cuped_experiments, CUPED_EXPERIMENTS),
        ("plans", plans, PLANS),
        ("families", families, FAMILIES),
        ("dimensions", dimensions, DIMENSIONS),
    ]
    with open(path, "w", encoding="utf-8") as file:
        file.write("{\n")
        for index, (name, cases, count) in enumerate(sections):
            drawn = itertools.islice(cases(np.random.default_rng(index)), count)
            lines = [json.dumps(plain(case), separators=(",", ":")) for case in drawn]
            file.write(f'"{name}": [\n' + ",\n".join(lines) + "\n]" + (",\n" if index + 1 < len(sections) else "\n"))
        file.write("}\n")


if __name__ == "__main__":
    main(sys.argv[1])
