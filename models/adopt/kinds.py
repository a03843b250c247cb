"""Infers what each column holds, with the evidence."""

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from adopt import names
from adopt.target import ID_WORDS, is_index
from spelling import fold

# With fewer rows of other values, a column is as good as constant.
FEWEST_OTHERS = 10
# The most values of a choice, and how many are kept of more.
MOST_LEVELS, KEPT_LEVELS = 100, 50
# What a schema allows, one value being kept for all others.
MOST_VALUES = 255
OTHER = "other"

# Whole numbers with these names are codes: their order means nothing.
CODE_WORDS = {"code", "zip", "zipcode", "postcode", "plz", "postal", "type", "category", "segment", "region", "status", "gender", "sex",
              "channel", "tariff", "area", "cluster", "branch"}  # fmt: skip
CODE_WITHIN = ("zipcode", "areacode", "postalcode", "postcode")
# Few whole numbers with these names are plans, which somebody may change.
PLAN_WITHIN = (
    "numofproducts",
    "numberofproducts",
    "products",
    "stockoption",
    "tariffplan",
    "contractlength",
    "contracttype",
    "subscriptiontype",
    "plantype",
    "plantier",
)
# Of these the numbers count something, so that more is more; of the others their names are lost.
COUNTED_PLANS = ("numofproducts", "numberofproducts", "products", "stockoption")
MOST_PLANS = 6
MONEY_WORDS = {"charge", "charges", "price", "amount", "revenue", "mrr", "arr", "salary", "income", "balance", "spend", "spent", "cost",
               "costs", "fee", "fees", "paid", "payment", "payments", "cashback", "bill", "refund", "refunds", "premium", "wage", "ltv",
               "arpu", "clv", "cltv", "usd", "eur", "gbp", "dollars", "euros", "credit"}  # fmt: skip
MONEY_WITHIN = (
    "charge",
    "revenue",
    "refund",
    "customervalue",
    "dailyrate",
    "hourlyrate",
    "monthlyrate",
    "income",
    "salary",
)
NO_MONEY_WORDS = {"percent", "pct", "ratio", "share", "count", "number", "num", "score", "hike", "growth", "delay", "days", "method", "rating",
                  "late", "failed", "times", "limit"}  # fmt: skip
PERSON_NAMES = ("surname", "lastname", "firstname", "familyname", "fullname", "forename", "givenname", "customername", "username",
                "clientname", "employeename", "contactname", "membername", "nachname", "vorname")  # fmt: skip
CONTACT = re.compile(r"^([^@\s]+@[^@\s]+\.[^@\s]+|\+?[0-9][0-9 ()/.-]{7,}[0-9])$")
IP = re.compile(r"^\d{1,3}(\.\d{1,3}){3}$")
DATE = re.compile(
    r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?( ?(Z|[+-]\d\d:?\d\d))?$"
)
# Text whose values follow each other, as words in this order.
ORDERS = [
    ["never", "non-travel", "rarely", "travel rarely", "seldom", "sometimes", "often", "frequently", "travel frequently", "always"],
    ["free", "trial", "starter", "basic", "bronze", "standard", "silver", "plus", "pro", "team", "professional", "gold", "premium",
     "business", "platinum", "enterprise", "diamond"],
    ["very low", "low", "medium", "moderate", "high", "very high"],
    ["small", "medium", "large", "extra large"],
    ["poor", "fair", "average", "good", "very good", "excellent"],
    ["month-to-month", "weekly", "monthly", "one month", "quarterly", "three months", "half-yearly", "semi-annual", "six months", "annual",
     "annually", "yearly", "one year", "1 year", "12 months", "two year", "two years", "2 year", "biennial", "24 months", "three year"],
    ["below college", "high school", "college", "bachelor", "master", "doctor", "phd"],
]  # fmt: skip


@dataclass
class Column:
    """What is known of a column of the table."""

    source: str
    kind: str
    evidence: str
    # Codes or numbers of the rows, a missing value as NaN; None of a column that is dropped.
    codes: np.ndarray | None = None
    # The values of a choice, in the order of their codes, and further spellings of each.
    values: list = field(default_factory=list)
    spelled: dict = field(default_factory=dict)
    ordered: bool = False
    # The value that stands for all others, if there is one.
    other: str | None = None
    # The value of a flag that means that it does not apply.
    without: str | None = None
    # Why it is no field, if it is none.
    dropped: str | None = None
    name: str = ""
    about: str = "behaviour"
    change: str = "never"
    in_model: bool = True
    needs: dict = field(default_factory=dict)
    prices: dict = field(default_factory=dict)
    newest: str | None = None
    # What was guessed, as comments of the schema say it.
    guesses: list = field(default_factory=list)
    doubts: list = field(default_factory=list)

    @property
    def is_named(self):
        """Whether its values are named: a flag or a choice."""
        return self.kind in ("flag", "choice")

    @property
    def missing(self):
        """How many rows have no value."""
        return int(np.isnan(self.codes).sum())

    @property
    def level_names(self):
        """The names of its codes."""
        return ["No", "Yes", *([self.without] if self.without else [])] if self.kind == "flag" else self.values


def infer(table, skipped, keep, warn):
    """Every column of the table but the skipped ones."""
    return [
        infer_column(column, table.frame[column], table.says[column], keep.get(column), warn)
        for column in table.frame
        if column not in skipped
    ]


def drop(source, kind, evidence, why):
    """A column that is no field."""
    return Column(source, kind, evidence, dropped=why)


def without_strays(text):
    """A column of numbers without the few texts among them, and these: such as one total row's or a mark for unknown."""
    filled = text[text != ""]
    numbers = pd.to_numeric(filled, errors="coerce")
    strange = filled[~np.isfinite(numbers)]
    if 0 < len(strange) <= 0.02 * len(filled) and strange.nunique() <= 3 and filled.nunique() > 10:
        return text.where(~text.isin(strange.unique()), ""), list(strange.unique())
    return text, []


def blanks(text):
    """How many cells are missing, in words."""
    missing = int((text == "").sum())
    return "" if missing == 0 else f", {missing:,} missing"


def infer_column(source, text, says, keep, warn):
    """One column; `says` has the texts that say yes or no."""
    filled = text[text != ""]
    distinct = filled.nunique()
    if distinct == 0:
        return drop(source, "constant", "every cell is blank", "every cell is blank")
    if distinct == 1 and len(filled) == len(text):
        return drop(source, "constant", f"every cell is {filled.iloc[0]!r}", "constant")
    usual = filled.value_counts().iloc[0]
    if len(filled) == len(text) and len(text) - usual < FEWEST_OTHERS <= usual:
        others = len(text) - usual
        return drop(source, "constant", f"every cell but {others} is {filled.mode().iloc[0]!r}", "nearly constant")
    if names.has_word(source, (), PERSON_NAMES) or names.words(source) == ["name"]:
        return drop(source, "text", f"{distinct:,} names of persons", "names of persons")
    numeric, strays = without_strays(text)
    if strays:
        warn(f"{source}: {', '.join(map(repr, strays))} among numbers are taken as missing.")
        filled = numeric[numeric != ""]
    if np.isfinite(pd.to_numeric(filled, errors="coerce")).all():
        return infer_number(source, numeric, keep)
    if filled.str.fullmatch(DATE).mean() >= 0.995:
        dates = parse_dates(filled)
        if dates is not None:
            return infer_date(source, text, dates)
        warn(
            f"{source} looks like dates, but day and month can't be told apart, so it is taken as text. Write dates as 2026-11-22."
        )
    return infer_text(source, text, filled, distinct, says, keep)


def as_numbers(text):
    """Cells as numbers, blank as NaN."""
    numbers = pd.to_numeric(text.where(text != ""), errors="coerce").to_numpy(float, copy=True)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


def infer_number(source, text, keep):
    """A column of numbers."""
    codes = as_numbers(text)
    present = codes[~np.isnan(codes)]
    values = np.unique(present)
    whole = bool((present == np.round(present)).all())
    low, high = spell(values[0]), spell(values[-1])
    ranged = f"{low} to {high}, {len(values):,} values{blanks(text)}"
    if len(values) == 1:
        return drop(source, "constant", f"{low} or blank", "one value only, else blank")
    if len(values) == 2 and set(values) == {0, 1}:
        return Column(source, "flag", f"0 and 1{blanks(text)}", codes)
    if whole and is_index(text):
        return drop(source, "index", f"the whole numbers {low} to {high}, each once", "numbers the rows")
    parts = set(names.words(source))
    is_id = bool(parts & {"id", "ids", "uuid", "guid"}) or (parts & ID_WORDS and len(values) > 0.95 * len(present))
    serial = whole and len(values) == len(present) and values[0] >= 1e5 and len(low) == len(high)
    if whole and ((is_id and len(values) > MOST_LEVELS) or serial):
        return drop(source, "id", f"{len(values):,} different whole numbers", "an id")
    if (
        whole
        and len(values) <= MOST_LEVELS
        and names.has_word(source, CODE_WORDS - {"status"}, CODE_WITHIN)
        and len(values) > 2
    ):
        return numbered_choice(source, codes, values, f"codes {ranged}")
    if whole and names.has_word(source, (), CODE_WITHIN):
        return many_levels(
            source, pd.Series(np.where(np.isnan(codes), "", [spell(code) for code in codes])), keep, "codes"
        )
    if whole and len(values) == 2:
        return numbered_choice(source, codes, values, f"{low} and {high}{blanks(text)}")
    if whole and len(values) <= MOST_PLANS and names.has_word(source, (), PLAN_WITHIN):
        counts = names.has_word(source, (), COUNTED_PLANS)
        return numbered_choice(source, codes, values, f"{ranged}, of something that may be chosen", ordered=counts)
    money = names.has_word(source, MONEY_WORDS, MONEY_WITHIN) and not names.has_word(source, NO_MONEY_WORDS)
    if money and (not whole or len(values) > 20):
        return Column(source, "money", ranged, codes)
    if whole:
        coded = len(values) <= 5 and values[0] in (0, 1) and values[-1] - values[0] == len(values) - 1
        return Column(source, "whole", ranged, codes, ordered=bool(coded))
    return Column(source, "number", ranged, codes)


def numbered_choice(source, codes, values, evidence, ordered=False):
    """A choice between whole numbers."""
    places = np.searchsorted(values, codes).astype(float)
    places[np.isnan(codes)] = np.nan
    column = Column(source, "choice", evidence, places, [spell(value) for value in values], ordered=ordered)
    if not ordered:
        column.doubts.append(f"What do the codes of {source} mean? Give each of its values a label in schema.toml.")
    return column


def spell(number):
    """A number as a file has it: a whole one without decimals."""
    return "" if np.isnan(number) else f"{int(number)}" if float(number).is_integer() else f"{number:.12g}"


def parse_dates(filled):
    """Dates, or None where day and month can't be told apart. Years come first, or the one that is above 12 is the day."""
    heads = filled.str.extract(r"^(\d+)[-/.](\d+)[-/.](\d+)")
    first, second = heads[0].astype(int), heads[1].astype(int)
    if (heads[0].str.len() == 4).all():
        order = ["year", "month", "day"]
    elif (first > 12).any() and (second <= 12).all():
        order = ["day", "month", "year"]
    elif (second > 12).any() and (first <= 12).all():
        order = ["month", "day", "year"]
    else:
        return None
    heads.columns = order
    dates = pd.to_datetime(heads.apply(pd.to_numeric), errors="coerce")
    return None if dates.isna().any() else dates


def infer_date(source, text, dates):
    """A column of dates: days before the newest."""
    newest = dates.max()
    days = pd.Series(np.nan, text.index)
    days[dates.index] = (newest - dates).dt.days.astype(float)
    evidence = f"dates {dates.min().date()} to {newest.date()}{blanks(text)}"
    return Column(source, "date", evidence, days.to_numpy(float), newest=str(newest.date()))


def infer_text(source, text, filled, distinct, says, keep):
    """A column of text."""
    by_fold = {}
    for value, count in filled.value_counts().items():
        by_fold.setdefault(fold(value), []).append((count, value))
    levels = {folded: max(spellings)[1] for folded, spellings in by_fold.items()}
    spelled = {
        levels[folded]: [value for _, value in spellings if value != levels[folded]]
        for folded, spellings in by_fold.items()
    }
    spelled = {value: others for value, others in spelled.items() if others}
    flags = {fold(spelling): float(is_yes) for spelling, is_yes in says.items()}
    neither = [folded for folded in levels if folded not in flags]
    says_both = set(flags.values()) == {0.0, 1.0}
    folded_text = text.map(fold)
    if len(levels) == 1:
        if len(filled) == len(text):
            return drop(source, "constant", f"every cell is {filled.iloc[0]!r}", "constant")
        return drop(source, "constant", f"{filled.iloc[0]!r} or blank", "one value only, else blank")
    evidence = f"{' and '.join(levels.values()) if len(levels) == 2 else ', '.join(levels.values())}{blanks(text)}"
    if says_both and not neither:
        return Column(source, "flag", evidence, folded_text.map(flags).to_numpy(float))
    if says_both and len(neither) == 1 and neither[0].startswith(("no ", "not ", "without ", "kein")):
        codes = folded_text.map({**flags, neither[0]: 2.0}).to_numpy(float)
        return Column(source, "flag", evidence, codes, without=levels[neither[0]])
    if filled.str.fullmatch(CONTACT).mean() > 0.9 or filled.str.fullmatch(IP).mean() > 0.9:
        return drop(source, "text", f"{distinct:,} addresses or telephone numbers", "identifies persons")
    parts = set(names.words(source))
    if distinct > MOST_LEVELS and (
        parts & {"id", "ids", "uuid", "guid"} or distinct > 0.95 * len(filled) and parts & ID_WORDS
    ):
        each = "each once" if filled.is_unique else f"on {len(filled) / distinct:.1f} rows each"
        return drop(source, "id", f"{distinct:,} different texts, {each}", "an id")
    if distinct > max(MOST_LEVELS, 0.5 * len(filled)):
        return drop(
            source, "text", f"{distinct:,} different texts in {len(filled):,} cells", "text that hardly repeats"
        )
    if distinct > 20 and filled.str.split().str.len().mean() > 6:
        return drop(source, "text", f"{distinct:,} different texts of several words", "free text")
    canonical = folded_text.map(levels).fillna("")
    if len(levels) > MOST_LEVELS:
        return many_levels(source, canonical, keep, "texts", spelled)
    values, ordered = order_of(list(levels.values()), canonical)
    codes = canonical.map({value: float(code) for code, value in enumerate(values)}).to_numpy(float)
    listed = ", ".join(values[:6]) + (f" and {len(values) - 6} more" if len(values) > 6 else "")
    return Column(source, "choice", f"{listed}{blanks(text)}", codes, values, spelled, ordered)


def many_levels(source, text, keep, what, spelled=()):
    """A choice of more values than are kept: the most common ones, and one for all others."""
    counts = text[text != ""].value_counts()
    # Equally common ones in the order of the alphabet, so that the same table gives the same choice.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    wanted = len(ranked) if keep == "all" else keep or (KEPT_LEVELS if len(ranked) > MOST_LEVELS else len(ranked))
    kept = sorted(value for value, _ in ranked[: min(wanted, MOST_VALUES - 1)])
    if len(kept) == len(ranked):
        values, other = kept, None
    else:
        other = OTHER if OTHER not in kept else "any other"
        values = [*kept, other]
    places = {value: float(code) for code, value in enumerate(values)}
    codes = text.map(lambda value: places.get(value, float(len(values) - 1) if value else np.nan)).to_numpy(float)
    share = counts[kept].sum() / counts.sum()
    if other is None:
        evidence = f"{len(ranked):,} different {what}"
    else:
        evidence = (
            f"{len(ranked):,} different {what}: the {len(kept)} most common ({share:.0%} of the rows) and {other!r}"
        )
    spelled = {value: others for value, others in dict(spelled).items() if value in kept}
    column = Column(source, "choice", evidence, codes, values, spelled, other=other)
    if other is not None and not keep:
        column.doubts.append(
            f"{source} has {len(ranked):,} values; the {len(kept)} most common are kept. KEEP={source}:100 keeps another number, at "
            f"most {MOST_VALUES - 1}."
        )
    return column


def order_of(values, text):
    """The values in their order, if they have one, else the most common first; and whether they have one."""
    plain = {value: fold(value) for value in values}
    for order in ORDERS:
        if all(text in order for text in plain.values()):
            return sorted(values, key=lambda value: order.index(plain[value])), True
    starts = [re.match(r"^[<>]?\s*(\d+)\s*(-|–|to|\+)", value) for value in values]
    if sum(map(bool, starts)) >= max(2, len(values) - 1):
        return sorted(values, key=lambda value: starting_number(value)), True
    counts = text.value_counts()
    return sorted(values, key=lambda value: (-counts[value], value)), False


def starting_number(value):
    """The number that a range begins with; ranges without one come last."""
    found = re.match(r"^[<>]?\s*(\d+)", value)
    if found is None:
        return (1, 0)
    return (0, int(found.group(1)) - (0.5 if value.startswith("<") else 0))
