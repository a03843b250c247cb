"""What columns have to do with each other: recodings, exact identities, implications and prices."""

from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from adopt import names

# A field is taken to imply another only if chance would have broken the rule this often.
EXPECTED_EXCEPTIONS = 20
# Rows on which identities are tried before they are checked on all.
TRIED_ROWS = 200
# What a value may differ by, beside rounding to the decimals that it is written with.
RELATIVE = 1e-9
# Names of what sorts another column's values into few.
GROUP_WORDS = {
    "group",
    "band",
    "code",
    "coded",
    "encoded",
    "level",
    "bucket",
    "class",
    "segment",
    "category",
    "bin",
    "index",
}
MOST_COARSENED = 60
NO_VALUES = {"no", "none", "not", "without", "0", "free", "basic"}
FEWEST_VALUES, FEWEST_ROWS = 10, 100
# Columns of numbers among which identities are searched: the search grows with their third power.
MOST_NUMBERS = 40
DERIVED_WORDS = {"total", "sum", "ratio", "avg", "average", "mean", "per", "net", "gross", "difference", "diff", "annual", "arr", "yearly",
                 "revenue", "charge", "cost"}  # fmt: skip
DERIVED_WITHIN = ("total", "ratio", "average")


@dataclass
class Identity:
    """A column that follows from others exactly."""

    column: str
    formula: str
    of: tuple
    # Whether it says less than what it follows from.
    coarse: bool = False


def decimals(codes):
    """With how many decimals the numbers of a column are written, at most 9."""
    present = codes[~np.isnan(codes)][:TRIED_ROWS]
    for count in range(9):
        if np.allclose(present, np.round(present, count), rtol=0, atol=1e-10):
            return count
    return 9


def tolerance(codes):
    """What each value of a column may differ by, as it is rounded."""
    return 0.5000001 * 10.0 ** -decimals(codes) + RELATIVE * np.abs(codes)


NOTHING = Identity("", "", ())


def depending(columns):
    """Numbers that are 0 or missing exactly where a flag is no: (flag, number)."""
    found = []
    for flag in columns:
        if flag.kind != "flag" or flag.about == "person":
            continue
        for number in columns:
            empty = np.isnan(number.codes) | (number.codes == 0)
            if not number.is_named and empty.any() and (empty == (flag.codes != 1)).all():
                found.append((flag, number))
    return found


def recodings(columns):
    """Columns that repeat another: each value of one goes with one value of the other, or with a range of its numbers."""
    found, gone = [], set()
    gaps = {column.source: np.isnan(column.codes).tobytes() for column in columns}
    for column in columns:
        for other in columns:
            if (
                column is other
                or gaps[column.source] != gaps[other.source]
                or other.source in gone
                or column.source in gone
            ):
                continue
            identity = repeats(column, other, columns)
            if identity:
                found.append(identity)
                gone.add(column.source)
                break
    return found


def repeats(column, other, columns):
    """The identity by which a column repeats another one, if it does."""
    if column.other is not None or other.other is not None:
        return None
    ours, theirs = column.codes[~np.isnan(column.codes)], other.codes[~np.isnan(column.codes)]
    count, of_theirs = len(np.unique(ours)), len(np.unique(theirs))
    if count == 0 or count > of_theirs or not is_function(theirs, ours):
        return None
    if count == of_theirs and is_function(ours, theirs):
        less = (says(column), -columns.index(column)) < (says(other), -columns.index(other))
        # Two numbers of many values, such as those of a place, split customers differently, unless one rises with the other.
        few = count <= MOST_COARSENED and count * 3 <= len(ours)
        repeated = column.is_named or other.is_named or few or is_monotone(theirs, ours)
        if less and repeated and count > 1:
            numbers = not column.is_named and not other.is_named and count >= FEWEST_VALUES
            # What is another number on a line, but for the same, is found as such.
            if not numbers or line_of(column, other) in (None, (1.0, 0.0)):
                return Identity(column.source, f"{other.source} in other words", (other.source,))
        return None
    if column.is_named and other.is_named:
        if count * 2 <= of_theirs <= MOST_COARSENED:
            return Identity(column.source, f"a coarser {other.source}", (other.source,), coarse=True)
    # That the months since a date follow from the date makes neither superfluous.
    elif (
        not other.is_named
        and other.kind != "date"
        and count >= (2 if column.is_named else 3)
        and in_ranges(theirs, ours)
    ):
        return Identity(column.source, f"ranges of {other.source}", (other.source,), coarse=True)
    return None


def says(column):
    """How much the values of a column say: words more than yes and no, these more than numbers, and numbers more than codes."""
    if column.kind == "choice" and not all(value.replace(".", "").isdigit() for value in column.values):
        return 3
    if column.kind == "flag":
        return 2
    return 0 if column.is_named or names.has_word(column.source, GROUP_WORDS) else 1


def is_function(of, values):
    """Whether equal elements of `of` always have equal values."""
    # Most pairs are told apart by a few rows.
    if len(of) > 10 * TRIED_ROWS and not is_function(of[: 5 * TRIED_ROWS], values[: 5 * TRIED_ROWS]):
        return False
    order = np.lexsort((values, of))
    same = of[order][1:] == of[order][:-1]
    return bool((values[order][1:][same] == values[order][:-1][same]).all())


def is_monotone(of, values):
    """Whether values only rise, or only fall, with `of`."""
    steps = np.diff(values[np.argsort(of, kind="stable")])
    return bool((steps >= 0).all() or (steps <= 0).all())


def in_ranges(numbers, codes):
    """Whether each code, which follows from the number, has a range or two of the numbers to itself, of several different ones each."""
    order = np.argsort(numbers, kind="stable")
    ranges = int(np.sum(codes[order][1:] != codes[order][:-1])) + 1
    # Where a value stands for one number only, such as no for 0, it is the number that depends on it.
    fewest = min(len(np.unique(numbers[codes == code])) for code in np.unique(codes))
    return ranges <= 2 * len(np.unique(codes)) and 3 * ranges <= len(np.unique(numbers)) and fewest >= 2


def derived_rank(column, columns):
    """Of columns that follow from each other, the one of the highest rank is said to follow from the others."""
    name = names.words(column.source)
    return (bool(set(name) & DERIVED_WORDS) or names.has_word(column.source, (), DERIVED_WITHIN), columns.index(column))


def numbers_of(columns):
    """The columns of numbers that may be in an identity."""
    numeric = [column for column in columns if not column.is_named]
    return [column for column in numeric if len(np.unique(column.codes[~np.isnan(column.codes)])) >= FEWEST_VALUES][
        :MOST_NUMBERS
    ]


def identities(columns):
    """Numbers that follow from others exactly."""
    found = multiples(columns)
    return [*found, *combined(columns, {identity.column for identity in found})]


def multiples(columns):
    """Numbers that are a constant times another column's: arr = 12 × mrr, charge = rate × minutes."""
    found = {}
    for pair in combinations(numbers_of(columns), 2):
        column, other = sorted(pair, key=lambda column: derived_rank(column, columns), reverse=True)
        if column.source in found:
            continue
        line = line_of(column, other)
        if line is not None:
            found[column.source] = Identity(column.source, on_line(other, *line), (other.source,))
    return list(found.values())


def on_line(other, rate, start):
    """The formula of what is a rate times another column and a start."""
    scaled = other.source if abs(rate) == 1 else f"{abs(rate):.9g} × {other.source}"
    if start:
        return f"= {start:.9g} {'−' if rate < 0 else '+'} {scaled}"
    return f"= {'−' if rate < 0 else ''}{scaled}"


def line_of(column, other):
    """The rate and the start by which a column follows from another on a line, as exactly as both are written."""
    if (np.isnan(column.codes) != np.isnan(other.codes)).any():
        return None
    known = ~np.isnan(column.codes)
    ours, theirs = column.codes[known], other.codes[known]
    # A column of zeros and a few others may be on any line.
    if len(ours) < FEWEST_ROWS or np.mean(ours != np.median(ours)) < 0.02 or np.ptp(theirs) == 0:
        return None
    largest = np.argsort(-np.abs(theirs), kind="stable")[:50]
    rates = []
    if theirs[largest].all():
        rates.append((float(np.median(ours[largest] / theirs[largest])), 0.0))
    low, high = np.argmin(theirs), np.argmax(theirs)
    slope = float((ours[high] - ours[low]) / (theirs[high] - theirs[low]))
    rates.append((slope, None))
    for rate, start in rates:
        for digits in (2, 3, 4, 6, 9):
            rounded = float(f"{rate:.{digits}g}")
            begin = float(f"{np.median(ours - rounded * theirs):.9g}") if start is None else start
            near = tolerance(ours) + abs(rounded) * (tolerance(theirs) if decimals(theirs) else 0)
            if rounded and (np.abs(ours - rounded * theirs - begin) <= near).all():
                return rounded, begin
    return None


def combined(columns, known):
    """Numbers that are a sum, difference, product or ratio of two others, or a sum of several."""
    numeric = [column for column in numbers_of(columns) if column.source not in known]
    complete = [column for column in numeric if np.mean(np.isnan(column.codes)) < 0.5]
    rng = np.random.default_rng(0)
    rows = (
        np.sort(rng.choice(len(columns[0].codes), min(TRIED_ROWS, len(columns[0].codes)), replace=False))
        if columns
        else []
    )
    near = {column.source: tolerance(column.codes) for column in complete}
    found = {}
    for three in combinations(complete, 3):
        for column in sorted(three, key=lambda column: derived_rank(column, columns), reverse=True):
            first, second = (other for other in three if other is not column)
            if column.source in found or first.source in found or second.source in found:
                continue
            formula = combination_of(column, first, second, near[column.source], rows)
            if formula:
                found[column.source] = Identity(column.source, formula, (first.source, second.source))
                break
    left = [column for column in complete if column.source not in found]
    for column in sorted(left, key=lambda column: derived_rank(column, columns), reverse=True):
        others = [
            other
            for other in numeric
            if other is not column and column.source not in found.get(other.source, NOTHING).of
        ]
        identity = sum_of(column, others)
        if identity:
            found[column.source] = identity
    return list(found.values())


def combination_of(column, first, second, near, rows):
    """The formula by which a column follows from two others, if there is one."""
    ours, a, b = column.codes, first.codes, second.codes
    known = np.flatnonzero(~np.isnan(ours))
    for sign, make, swapped in OPERATIONS:
        x, y = (b, a) if swapped else (a, b)
        for factor in factors(ours, x, y, make, rows) if sign in ("×", "÷") else (1.0,):
            scaled = partial(scale, factor, make)
            if not agrees(ours, near, x, y, scaled, rows) or not agrees(ours, near, x, y, scaled, known):
                continue
            if trivial(a, b, known):
                continue
            x, y = (second, first) if swapped else (first, second)
            return f"= {'' if factor == 1 else f'{factor:.9g} × '}{x.source} {sign} {y.source}"
    return None


def scale(factor, make, a, b):
    """A combination times a factor."""
    return factor * make(a, b)


def factors(values, a, b, make, rows):
    """The factors by which a product or ratio may give a column: 1, and what it usually is, rounded."""
    with np.errstate(all="ignore"):
        usual = values[rows] / make(a[rows], b[rows])
    usual = usual[np.isfinite(usual)]
    if len(usual) < len(rows) / 2 or abs(np.median(usual)) < 1e-9 or np.ptp(usual) > np.abs(np.median(usual)):
        return [1.0]
    return [1.0, *dict.fromkeys(float(f"{np.median(usual):.{digits}g}") for digits in (2, 3, 4))]


OPERATIONS = [
    ("+", np.add, False),
    ("×", np.multiply, False),
    ("−", np.subtract, False),
    ("−", np.subtract, True),
    ("÷", np.divide, False),
    ("÷", np.divide, True),
]


def agrees(values, near, a, b, make, rows):
    """Whether a combination gives a column's values wherever it can be computed, which is nearly everywhere."""
    with np.errstate(all="ignore"):
        made = make(a[rows], b[rows])
    possible = np.isfinite(made) & ~np.isnan(values[rows])
    return possible.mean() > 0.5 and bool((np.abs(made - values[rows])[possible] <= near[rows][possible]).all())


def trivial(a, b, rows):
    """Whether one of two columns hardly varies, so that the other says all."""
    return any(np.mean(values[rows] == np.median(values[rows])) > 0.98 for values in (a, b))


def sum_of(column, others):
    """The columns of which an amount is the sum, some of them subtracted."""
    amounts = [other for other in others if other.missing == 0]
    if column.kind not in ("money", "number") or column.missing or len(amounts) < 3 or len(column.codes) < FEWEST_ROWS:
        return None
    matrix = np.column_stack([amount.codes for amount in amounts])
    weights, *_ = np.linalg.lstsq(matrix, column.codes)
    signs = np.round(weights)
    if np.abs(weights - signs).max() > 0.01 or not 3 <= np.count_nonzero(signs) or np.abs(signs).max() > 1:
        return None
    if (np.abs(matrix @ signs - column.codes) > tolerance(column.codes)).any():
        return None
    parts = [(sign, amount.source) for sign, amount in zip(signs, amounts, strict=True) if sign]
    formula = " ".join(f"{'+' if sign > 0 else '−'} {source}" for sign, source in parts).removeprefix("+ ")
    return Identity(column.source, f"= {formula}", tuple(source for _, source in parts))


def implications(columns):
    """What flags need of others: (column, needed column, the codes of it that allow, evidence).

    A value such as no excludes yes if no row has both, though chance would have made some.
    """
    found = []
    for column in columns:
        if column.kind != "flag" or column.about == "person":
            continue
        for other in columns:
            if (
                other is column
                or not other.is_named
                or other.about == "person"
                or needs_each_other(found, column, other)
            ):
                continue
            excluded = excluded_codes(column, other)
            if excluded:
                codes = range(len(other.level_names))
                found.append((column, other, [code for code in codes if code not in excluded], excluded))
    return direct(found)


def excluded_codes(column, other):
    """The codes of another column, of those that mean no, with which a flag is never yes, where it never applies."""
    ours, theirs = column.codes, other.codes
    both = ~np.isnan(theirs)
    yes = ours == 1
    share = yes[both].mean() if both.any() else 0
    excluded = []
    # Of a plan any value may exclude another; of what else there is, only one that means no.
    is_plan = other.kind == "choice" and other.about == "plan"
    for code, name in enumerate(other.level_names):
        with_code = both & (theirs == code)
        is_no = (is_plan or bool(set(names.words(name)) & NO_VALUES)) and name != other.without
        exceptions = int((yes & with_code).sum())
        expected = with_code.sum() * share >= EXPECTED_EXCEPTIONS
        if column.without is not None:
            expected = bool((ours[with_code] == 2).all())
        if is_no and with_code.any() and exceptions == 0 and expected:
            excluded.append(code)
    if len(excluded) == len(other.level_names):
        return []
    if column.without is not None:
        # What does not apply says so in exactly these rows.
        absent = ours == 2
        if not excluded or (absent != (both & np.isin(theirs, excluded))).any():
            return []
    return excluded


def needs_each_other(found, column, other):
    """Whether the other is known to need this one."""
    return any(needing is other and needed is column for needing, needed, _, _ in found)


def direct(found):
    """Implications without those that follow from others: what needs internet needs no more than that."""
    kept = []
    for column, other, allowed, excluded in found:
        through = [needed for needing, needed, _, _ in found if needing is column and needed is not other]
        follows = any(needing is middle and needed is other for middle in through for needing, needed, _, _ in found)
        if not follows:
            kept.append((column, other, allowed, excluded))
    return kept


@dataclass
class PriceList:
    """What each value costs, so far as an amount follows from the values: (source, code) -> price."""

    prices: dict
    # Of the amount's variance, the share that the list explains, and the root mean squared error.
    explained: float
    error: float


# An amount follows from a price list if the list explains this share of its variance.
LEAST_EXPLAINED = 0.98
# A price below this share of the mean amount is noise.
SMALLEST_PRICE = 0.01
MOST_PRICED_VALUES = 12


def price_list(columns, amount):
    """The prices of flags and choices that make up an amount: least squares, or None where they don't explain it."""
    priced = [
        column
        for column in columns
        if column.about == "plan"
        and column.is_named
        and len(column.level_names) <= MOST_PRICED_VALUES
        and column.in_model
    ]
    known = ~np.isnan(amount.codes)
    terms = [
        (column, code, np.nan_to_num(column.codes == code).astype(float)[known])
        for column in priced
        for code in ([1] if column.kind == "flag" else range(1, len(column.values)))
    ]
    if not terms or known.sum() < FEWEST_ROWS:
        return None
    target = amount.codes[known]
    weights = least_squares(terms, target)
    # Again with those that cost something, so that the others take nothing of them.
    noise = SMALLEST_PRICE * np.abs(target).mean()
    terms = [term for term, weight in zip(terms, weights[1:], strict=True) if abs(weight) >= noise]
    if not terms:
        return None
    weights = least_squares(terms, target)
    residual = target - weights[0] - np.column_stack([term[2] for term in terms]) @ weights[1:]
    explained = 1 - np.mean(residual**2) / np.var(target)
    if explained < LEAST_EXPLAINED:
        return None
    prices = {(column.source, code): weight for (column, code, _), weight in zip(terms, weights[1:], strict=True)}
    with_base(prices, weights[0], priced, noise)
    prices = {place: round(float(price), 2) for place, price in prices.items() if abs(price) >= noise}
    return PriceList(prices, float(explained), float(np.sqrt(np.mean(residual**2))))


def least_squares(terms, target):
    """The constant and the weight of each term; where several are as good, the smallest."""
    matrix = np.column_stack([np.ones(len(target)), *(term[2] for term in terms)])
    weights, *_ = np.linalg.lstsq(matrix, target)
    return weights


def with_base(prices, base, priced, noise):
    """Adds what everybody pays to the values of the choice of which one, such as none, then costs nothing."""
    for column in priced:
        of_choice = {code: prices.get((column.source, code), 0) for code in range(len(column.level_names))}
        if column.kind == "choice" and any(abs(price + base) < noise for price in of_choice.values()):
            prices |= {(column.source, code): price + base for code, price in of_choice.items()}
            return
