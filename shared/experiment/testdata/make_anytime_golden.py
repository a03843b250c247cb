"""Expected evidence and intervals of random experiments, computed straight from their definitions with scipy.

    python make_anytime_golden.py anytime.json

needs numpy and scipy 1.17.1 only. The expected values have the shape of our JSON.
"""

import json
import sys

import numpy
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.special import betaln, expit, logit, xlog1py, xlogy

ALPHA = 0.05
SCALES = [(0.6, 0.2), (0.4, 0.8)]
CASES = 60
BIG = 60.0  # log-odds beyond any of these experiments


def log_ratio(counts, rates, pooled):
    """ln of the likelihood of the users' arms given their outcomes, at these rates over equal ones."""
    (x_a, n_a), (x_b, n_b) = counts
    a, b = rates
    return (
        xlogy(x_a, a / pooled)
        + xlogy(n_a - x_a, (1 - a) / (1 - pooled))
        + xlogy(x_b, b / pooled)
        + xlogy(n_b - x_b, (1 - b) / (1 - pooled))
    )


def log_density(delta):
    return numpy.log(
        sum(w * numpy.sqrt(2 / numpy.pi) / s * numpy.exp(-(delta**2) / (2 * s * s)) for w, s in SCALES)
    )


def log_integral(f):
    """ln of the integral of exp f over the positive numbers."""
    peak = minimize_scalar(lambda d: -f(d), bounds=(0, 20), method="bounded", options={"xatol": 1e-10}).x
    scan = numpy.linspace(0, 20, 4001)
    values = numpy.array([f(d) for d in scan])
    peak = max([peak, scan[values.argmax()]], key=f)
    high = f(peak)
    inside = scan[values > high - 60]
    low_end, high_end = max(0, min(inside.min(), peak) - 0.005), max(inside.max(), peak) + 0.005
    points = sorted({p for k in (0, 0.003, 0.01, 0.03, 0.1, 0.3, 1) for p in (peak - k, peak + k) if low_end < p < high_end})
    area, _ = quad(lambda d: numpy.exp(f(d) - high), low_end, high_end, points=points, limit=2000, epsabs=0, epsrel=1e-10)
    return high + numpy.log(area)


def evidence(counts, share, sign, balanced=False):
    (x_a, n_a), (x_b, n_b) = counts
    pooled_rate = (x_a + x_b + 0.5) / (n_a + n_b + 1)

    def f(delta):
        mean = lambda mu: (1 - share) * expit(mu - sign * delta / 2) + share * expit(mu + sign * delta / 2)
        mu = logit(pooled_rate)
        if balanced and delta > 0:
            mu = brentq(lambda mu: mean(mu) - pooled_rate, mu - delta / 2, mu + delta / 2, xtol=1e-14)
        rates = expit(mu - sign * delta / 2), expit(mu + sign * delta / 2)
        return log_density(delta) + log_ratio(counts, rates, mean(mu))

    return log_integral(f)


def odds_interval(successes, failures, prior, alpha):
    a, b = prior

    def excess(log_odds):
        fit = successes * numpy.logaddexp(0, -log_odds) + failures * numpy.logaddexp(0, log_odds)
        return betaln(a + successes, b + failures) - betaln(a, b) + fit + numpy.log(alpha)

    middle = numpy.log((successes + 1e-12) / (failures + 1e-12))
    low = brentq(excess, -BIG, middle, xtol=1e-13) if successes else -numpy.inf
    high = brentq(excess, middle, BIG, xtol=1e-13) if failures else numpy.inf
    return numpy.exp(low), numpy.exp(high)


def difference_interval(counts, share):
    (x_a, n_a), (x_b, n_b) = counts
    conversions, others = x_a + x_b, n_a + n_b - x_a - x_b
    log_evidence = numpy.logaddexp(*[evidence(counts, share, sign, True) for sign in (1, -1)]) - numpy.log(2)
    least = log_evidence + numpy.log(0.9 * ALPHA)
    low, high = [odds / (1 + odds) if odds < numpy.inf else 1 for odds in odds_interval(conversions, others, (0.5, 0.5), 0.1 * ALPHA)]

    def ends(pooled):
        lowest = -min(pooled / (1 - share), (1 - pooled) / share)
        highest = min(pooled / share, (1 - pooled) / (1 - share))
        shrink = 1 - 1e-13

        def fit(d):
            with numpy.errstate(divide="ignore", invalid="ignore"):
                return log_ratio(counts, (pooled - share * d, pooled + (1 - share) * d), pooled) - least

        best = minimize_scalar(lambda d: -fit(d), bounds=(lowest * shrink, highest * shrink), method="bounded", options={"xatol": 1e-12}).x
        if not fit(best) > 0:
            return None
        return [
            end * shrink if fit(end * shrink) >= 0 else brentq(fit, best, end * shrink, xtol=1e-15)
            for end in (lowest, highest)
        ]

    found = [ends(pooled) for pooled in numpy.linspace(low, high, 402)[1:-1]]
    found += [ends(pooled) for pooled in (low + 1e-9 * (high - low), high - 1e-9 * (high - low))]
    found = [pair for pair in found if pair]
    return min(pair[0] for pair in found), max(pair[1] for pair in found)


def case(rng):
    share = rng.choice([0.5, 0.5, 0.1, 0.8])
    users = int(10 ** rng.uniform(1, 5))
    rate = 10 ** rng.uniform(-3, 0) * rng.choice([0.5, 0.999])
    other = expit(logit(rate) + rng.normal(0, 0.4))
    n_b = int(rng.binomial(users, share))
    n_a = max(users - n_b, 1)
    n_b = max(n_b, 1)
    counts = (int(rng.binomial(n_a, rate)), n_a), (int(rng.binomial(n_b, other)), n_b)
    (x_a, _), (x_b, _) = counts
    ratio = odds_interval(x_b, x_a, (1 + 2 * share, 3 - 2 * share), ALPHA)
    scale = (1 - share) / share
    return {
        "request": {
            "metric": "higher_is_better",
            "control": {"users": n_a, "conversions": x_a},
            "treatment": {"users": n_b, "conversions": x_b},
            "expected_split": [1 - share, share],
        },
        "expected": {
            "better": numpy.exp(evidence(counts, share, 1)),
            "worse": numpy.exp(evidence(counts, share, -1)),
            "threshold": 1 / ALPHA,
            "absolute_difference": difference_interval(counts, share),
            "rate_ratio": [ratio[0] * scale, ratio[1] * scale if ratio[1] < numpy.inf else None],
        },
    }


def plain(value):
    """numpy's numbers as Python's own, to ten digits; no NaN, no infinity."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (numpy.floating, float)):
        assert numpy.isfinite(value), "an expected value is not finite"
        return float(f"{value:.10g}")
    return value


def main(path):
    rng = numpy.random.default_rng(1)
    lines = [json.dumps(plain(case(rng)), separators=(",", ":")) for _ in range(CASES)]
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
