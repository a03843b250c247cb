"""Brings the cells of a column into one spelling: missing values and numbers, decided from all of its cells, never from one."""

import re

import pandas as pd

from spelling import MISSING, fold

CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "₹": "INR", "¥": "JPY"}
PLAIN = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
SIGNED = r"[-+]?\s*[$€£₹¥]?\s*[-+]?[\d.,'\s]*\d[\d.,'\s]*\s*[$€£₹¥%]?|\(\s*[$€£₹¥]?[\d.,'\s]*\d[\d.,'\s]*\)"
POINT = r"\d{1,3}([,'\s]\d{3})*(\.\d*)?|\d+(\.\d*)?|\.\d+"
COMMA = r"\d{1,3}([.'\s]\d{3})*(,\d*)?|\d+(,\d*)?|,\d+"


def normalised(text):
    """The cells, and what was done with them."""
    seen = []
    is_missing = text.map(fold).isin(MISSING)
    if is_missing.any():
        spelled = ", ".join(repr(cell) for cell in text[is_missing].unique()[:4])
        seen.append(f"{spelled} is missing ({int(is_missing.sum()):,})")
        text = text.where(~is_missing, "")
    filled = text[text != ""]
    if filled.empty or filled.str.fullmatch(PLAIN).all() or not filled.str.fullmatch(SIGNED).mean() >= 0.98:
        return text, seen
    return numbers(text, filled, seen)


def numbers(text, filled, seen):
    """A column of numbers as people write them."""
    numeric = filled[filled.str.fullmatch(SIGNED)]
    bare = numeric.str.replace(r"[\s$€£₹¥%()+-]", "", regex=True)
    with_point, with_comma = bare.str.fullmatch(POINT).all(), bare.str.fullmatch(COMMA).all()
    # 1,234 is either; where no cell tells which, the usual one is taken only if every comma has three digits after it.
    if with_point:
        plain = bare.str.replace(r"[,'\s]", "", regex=True)
        if bare.str.contains(",").any():
            seen.append("commas separate thousands")
        elif with_comma and bare.str.contains(r"\.").any():
            seen.append("points are decimal")
    elif with_comma:
        plain = bare.str.replace(r"[.'\s]", "", regex=True).str.replace(",", ".")
        seen.append("commas are decimal")
    else:
        return text, seen
    negative = numeric.str.contains(r"-|\(")
    plain = plain.where(~negative, "-" + plain)
    for sign, currency in CURRENCIES.items():
        if numeric.str.contains(re.escape(sign)).any():
            seen.append(f"{sign} is a sign of {currency}")
    if numeric.str.contains("%").any():
        seen.append("% is left out")
    return pd.concat([plain, filled.drop(numeric.index)]).reindex(text.index, fill_value=""), seen
