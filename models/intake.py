"""Brings a table into the spelling of a schema, and says all that is wrong with it at once."""

import numpy as np
import pandas as pd

import spelling

# Values of a column that a fault names.
MOST_NAMED = 5
LONGEST_ID = 64


def folded(name):
    """A column's name without case, blanks and punctuation, by which columns match."""
    return "".join(character for character in name.casefold() if character.isalnum())


def finder(frame):
    """Finds a column by any of some names, as they are written or without case, blanks and punctuation; None if there is none."""
    by_fold = {}
    for column in frame:
        by_fold.setdefault(folded(column), column)

    def find(wanted):
        exact = next((name for name in wanted if name in frame), None)
        return exact or next((by_fold[folded(name)] for name in wanted if folded(name) in by_fold), None)

    return find


def named(values):
    """Some of the values, as a fault names them."""
    values = sorted(set(values))
    more = f" and {len(values) - MOST_NAMED} more" if len(values) > MOST_NAMED else ""
    return ", ".join(map(repr, values[:MOST_NAMED])) + more


def rows(count):
    """A number of rows in words."""
    return "1 row" if count == 1 else f"{count:,} rows"


def conform(schema, frame):
    """The table with the schema's names and spellings, its faults, and what its owner should know.

    A cell that the schema knows stays as it is, and so does a column that it does not know.
    """
    find, faults, notes = finder(frame), [], []
    taken = {}
    wanted = [(schema.columns_of("id"), True)]
    wanted += [(field.columns, field.in_model or field.required) for field in schema.fields.values()]
    if "outcome" in schema.roles:
        wanted.append((schema.columns_of("outcome"), True))
    missing = []
    for columns, needed in wanted:
        column = find(columns)
        if column is not None:
            taken[column] = columns[0]
        elif needed:
            missing.append(columns[0])
    if missing:
        faults.append(f"lacks the columns {', '.join(missing)}.")
    made = frame.rename(columns=taken)
    if schema.columns_of("id")[0] in made:
        faults += id_faults(made[schema.columns_of("id")[0]], schema.columns_of("id")[0])
    for field in schema.fields.values():
        if field.column in made:
            made[field.column], found = conformed(made[field.column], field)
            blank = int((made[field.column].str.strip() == "").sum())
            if field.required and blank:
                found.append(f"{field.column} is blank in {rows(blank)}, and is required.")
            faults += found
    if "outcome" in schema.roles and schema.columns_of("outcome")[0] in made:
        column = schema.columns_of("outcome")[0]
        made[column], found = outcomes(schema, made[column], column, notes)
        faults += found
    if not faults:
        faults = need_faults(schema, made)
    return made, faults, notes


def id_faults(text, column):
    """What is wrong with the ids."""
    ids, faults = text.str.strip(), []
    blank, shared = int((ids == "").sum()), ids[ids != ""]
    repeated = shared[shared.duplicated(keep=False)]
    long = int((ids.str.len() > LONGEST_ID).sum())
    if blank:
        faults.append(f"the id {column} is blank in {rows(blank)}.")
    if len(repeated):
        faults.append(
            f"the id {column} is not unique: {rows(len(repeated))} share theirs with another: {named(repeated)}."
        )
    if long:
        faults.append(f"the id {column} is longer than {LONGEST_ID} characters in {rows(long)}.")
    return faults


def conformed(text, field):
    """A field's cells in the schema's spelling, and what is wrong with them."""
    cells = text.str.strip()
    is_missing = cells.map(spelling.fold).isin(spelling.MISSING)
    if field.spellings is None:
        made = text.where(~is_missing, "")
        numbers = pd.to_numeric(made.str.strip().where(made.str.strip() != ""), errors="coerce")
        strange = cells[(made.str.strip() != "") & ~np.isfinite(numbers)]
        return made, [f"{field.column} holds {named(strange)} in {rows(len(strange))}, and is a number."] if len(
            strange
        ) else []
    exact = {spelling for spellings in field.spellings for spelling in spellings} | {""}
    if cells.isin(exact).all():
        return text, []
    known = {spelling.fold(text): spellings[0] for spellings in field.spellings for text in spellings}
    if field.kind == "flag":
        known |= dict.fromkeys(spelling.YES, field.values[1]) | dict.fromkeys(spelling.NO, field.values[0])
    for missing in spelling.MISSING - set(known):
        known[missing] = ""
    made = text.where(cells.isin(exact), cells.map(spelling.fold).map(known))
    strange = cells[made.isna()]
    if field.other is not None:
        return made.fillna(text), []
    if len(strange) == 0:
        return made, []
    allowed = ", ".join(map(repr, field.values))
    return made, [f"{field.column} holds {named(strange)} in {rows(len(strange))}; allowed are {allowed}."]


def outcomes(schema, text, column, notes):
    """The outcomes in the schema's spelling, blank where they are not known yet, and what is wrong with them."""
    cells = text.str.strip()
    own = {state: schema.outcome_spellings(state) for state in ("left", "stayed")}
    exact = {*own["left"], *own["stayed"], ""}
    known = dict.fromkeys(spelling.LEFT, own["left"][0]) | dict.fromkeys(spelling.STAYED, own["stayed"][0])
    known |= dict.fromkeys([*spelling.NOT_YET, *spelling.MISSING], "")
    known |= {spelling.fold(text): spellings[0] for spellings in own.values() for text in spellings}
    # Spellings of two schemas beside each other would look like two outcomes.
    made = text if cells.isin(exact).all() else cells.map(spelling.fold).map(known | {"": ""})
    open_ones = cells[made.eq("") & (cells != "")]
    if len(open_ones):
        notes.append(
            f"{len(open_ones):,} customers whose {column} is {named(open_ones)} are taken as current ones without a known outcome."
        )
    strange = cells[made.isna()]
    if len(strange):
        return made, [
            f"{column} holds {named(strange)} in {rows(len(strange))}, which says neither that a customer left nor that one stayed; "
            f"add it to `left` or `stayed` in schema.toml, or make it blank if it is not known yet."
        ]
    return made, []


def need_faults(schema, frame):
    """Fields that a customer has without what they need, or has not for that reason although what they need is there."""
    faults, encoded = [], {}
    for name, field in schema.fields.items():
        if not field.needs or field.column not in frame:
            continue
        if any(schema[needed].column not in frame for needed in field.needs):
            continue
        codes = field.encode(frame[field.column])
        unmet = schema.unmet(name, frame, encoded)
        absent = np.zeros(len(codes), bool) if field.without is None else codes == field.choices
        for wrong, why in ((unmet & (codes > 0) & ~absent, "without"), (~unmet & absent, "in spite of")):
            if wrong.any():
                of = ", ".join(schema[needed].column for needed in field.needs)
                held = named(frame[field.column].str.strip()[wrong])
                faults.append(f"{field.column} is {held} in {rows(int(wrong.sum()))} {why} what it needs of {of}.")
    return faults
