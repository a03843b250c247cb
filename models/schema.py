"""Reads a schema file: the fields of a business's customers, their codes and prices, and the model's features."""

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# How a flag is spelled in a file: no (code 0), then yes (code 1).
FLAG_SPELLINGS = [("No", "0", "false"), ("Yes", "1", "true")]
# The risk levels of a schema without its own.
USUAL_RISK = {
    "will_churn": 0.5,
    "levels": [{"name": "low"}, {"name": "medium", "from": 0.5}, {"name": "high", "from": 0.75}],
}


@dataclass(frozen=True)
class Field:
    """A field of a customer, and the column of a customers file that holds it."""

    name: str
    column: str
    # Every name under which a file may have the column, the field's own among them.
    columns: tuple[str, ...]
    kind: str
    about: str
    change: str
    # The other fields that must have certain values, or this one has none.
    needs: dict
    # The spellings of each code, the usual one first; None for a number.
    spellings: tuple[tuple[str, ...], ...] | None
    # The value where the needs do not hold: the last code. None if there is no such value.
    without: str | None
    # The code that stands for every value without one of its own. None if there is no such code.
    other: int | None
    required: bool
    # Code -> dollars (or another currency) per period; codes that cost nothing are left out.
    prices: dict[int, float]
    most: float | None
    alarm: dict
    in_model: bool

    @property
    def values(self):
        """The usual spelling of each code; None for a number."""
        return None if self.spellings is None else [spellings[0] for spellings in self.spellings]

    @property
    def choices(self):
        """How many values a customer can choose from: the codes but for that of `without`."""
        return len(self.spellings) - (self.without is not None)

    @property
    def feature_type(self):
        """XGBoost's: "c" for more than two codes, else "q": two codes are told apart by one split either way."""
        return "c" if self.spellings is not None and len(self.spellings) > 2 else "q"

    def code(self, value):
        """The code of a value as conditions and changes name it: a flag's are booleans."""
        return int(value) if isinstance(value, bool) else self.values.index(value)

    def spelled_in(self, text):
        """The values of a flag or choice; of a flag, in the spellings that are the most frequent in a column of text."""
        if self.kind != "flag":
            return self.values
        counts = text.astype(str).str.strip().value_counts()
        return [max(spellings, key=lambda spelling: counts.get(spelling, 0)) for spellings in self.spellings]

    def encode(self, text):
        """A column of text as codes or numbers, blank as NaN.

        Ends the program with a sentence when a value is neither a number nor one of the allowed, or a code is blank
        though it is required.
        """
        text = text.astype(str).str.strip()
        if self.spellings is None:
            try:
                return text.replace("", "nan").to_numpy(object).astype(float)
            except ValueError as error:
                sys.exit(f"column {self.column}: {error}.")
        codes = {spelling: code for code, spellings in enumerate(self.spellings) for spelling in spellings}
        known = codes if self.required else {**codes, "": np.nan}
        numbers = text.map(known).to_numpy(float)
        strange = ~text.isin(known).to_numpy()
        if self.other is not None:
            others = strange & (text != "").to_numpy()
            numbers = np.where(others, self.other, numbers)
            strange &= ~others
        if strange.any():
            sys.exit(f"column {self.column} holds {sorted(set(text[strange]))}; allowed are {list(codes)}.")
        return numbers


def read_field(entry):
    """The field of one entry of the file."""
    columns = (*entry.get("columns", []), entry["name"])
    without = entry.get("without", {}).get("spelled")
    spellings, prices, other = None, [], None
    if entry["kind"] == "flag":
        spellings = list(FLAG_SPELLINGS)
        prices = [0, entry.get("price", 0)]
    elif entry["kind"] == "choice":
        values = [value if isinstance(value, dict) else {"name": value} for value in entry["values"]]
        spellings = [(value["name"], *value.get("spelled", [])) for value in values]
        prices = [value.get("price", 0) for value in values]
        other = next((code for code, value in enumerate(values) if value.get("other")), None)
    if without is not None:
        spellings.append((without,))
    return Field(
        name=entry["name"],
        column=columns[0],
        columns=columns,
        kind=entry["kind"],
        about=entry["about"],
        change=entry.get("change", "never"),
        needs=entry.get("needs", {}),
        spellings=None if spellings is None else tuple(spellings),
        without=without,
        other=other,
        required=entry.get("required", False),
        prices={code: price for code, price in enumerate(prices) if price},
        most=entry.get("most"),
        alarm=entry.get("alarm", {}),
        in_model=entry.get("model", True),
    )


class Schema:
    """A business's schema."""

    def __init__(self, path):
        source = tomllib.loads(Path(path).read_text())
        self.name = source.get("name", "customers")
        self.as_of = source["as_of"].isoformat()
        self.currency = source.get("currency", "USD")
        # Which column or field plays which role.
        self.roles = source["roles"]
        self.experiments = source.get("experiment", [])
        self.fields = {entry["name"]: read_field(entry) for entry in source["field"]}
        # In the model's order, which is the file's.
        self.features = {name: field for name, field in self.fields.items() if field.in_model}
        risk = {**USUAL_RISK, **source.get("risk", {})}
        levels = {level["name"]: level["from"] for level in risk["levels"] if "from" in level}
        # The probability from which on a customer is expected to leave, and those at which the risk levels begin.
        self.thresholds = {"will_churn": risk["will_churn"], **levels}

    def __getitem__(self, name):
        return self.fields[name]

    @property
    def feature_names(self):
        """The names of the features, in the model's order."""
        return list(self.features)

    @property
    def feature_types(self):
        """XGBoost's types of the features, in the model's order."""
        return [field.feature_type for field in self.features.values()]

    def position(self, name):
        """The place of a feature among the model's."""
        return self.feature_names.index(name)

    def columns_of(self, role):
        """The names under which a file may have the column of `id` or `outcome`, the usual one first."""
        return [*self.roles[role].get("columns", []), self.roles[role].get("name", "customer_id")]

    @property
    def columns(self):
        """Every name under which a file may have a column that the schema knows."""
        known = {column for field in self.fields.values() for column in field.columns}
        return known.union(*(self.columns_of(role) for role in ("id", "outcome") if role in self.roles))

    @property
    def priced(self):
        """What has a price, as (field, code, price per period), in the file's order."""
        return [(field, code, price) for field in self.fields.values() for code, price in field.prices.items()]

    def encode(self, frame):
        """The rows as the model sees them: 64-bit floats, one column per feature, blank as NaN."""
        encoded = {}
        return np.column_stack([self.codes(name, frame, encoded) for name in self.features])

    def codes(self, name, frame, encoded):
        """One field's codes. A field whose needs do not hold gets the code for that where none is given, or no.

        `encoded` holds the fields that were encoded before.
        """
        if name not in encoded:
            field = self.fields[name]
            codes = field.encode(frame[field.column])
            unmet = self.unmet(name, frame, encoded)
            absent = 0 if field.without is None else field.choices
            encoded[name] = np.where(unmet & ~(codes > 0), absent, codes)
        return encoded[name]

    def unmet(self, name, frame, encoded):
        """The customers who are known to lack what a field needs."""
        unmet = np.zeros(len(frame), bool)
        for needed, values in self.fields[name].needs.items():
            allowed = [self.fields[needed].code(value) for value in (values if isinstance(values, list) else [values])]
            held = self.codes(needed, frame, encoded)
            unmet |= ~np.isnan(held) & ~np.isin(held, allowed)
        return unmet

    def settled(self, frame):
        """The rows whose outcome is known."""
        return frame[frame[self.columns_of("outcome")[0]].str.strip() != ""]

    def outcome_spellings(self, state):
        """The spellings of `left` or `stayed`, the schema's own before the usual ones."""
        stayed, left = FLAG_SPELLINGS
        return [*self.roles["outcome"].get(state, []), *(left if state == "left" else stayed)]

    def left(self, frame):
        """1 for every customer who left, else 0; their outcomes must be known."""
        column, spelled = self.columns_of("outcome")[0], self.roles["outcome"]
        text = frame[column].str.strip()
        # The schema's own spellings come before the usual ones.
        stayed, left = FLAG_SPELLINGS
        outcomes = {**dict.fromkeys(stayed, 0), **dict.fromkeys(left, 1)}
        outcomes |= dict.fromkeys(spelled.get("stayed", []), 0) | dict.fromkeys(spelled.get("left", []), 1)
        strange = sorted(set(text) - set(outcomes))
        if strange:
            sys.exit(f"column {column} holds {strange}; allowed are {list(outcomes)}.")
        return text.map(outcomes).to_numpy(int)
