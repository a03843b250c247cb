"""Names of columns: how they match, what words they consist of, and what the fields made of them are called."""

import re
import unicodedata

from intake import folded

# Names that answers and parameters use (docs/schema.md).
RESERVED = set(
    "customer_id q sort limit cursor status moved missing persona stage risk_level percentile at_risk change model_changed probability experiment treatment "
    "campaign holdout contacts budget cost months success value target category rotate read rejects interactions max_points".split()
)
BOUNDS = ("_min", "_max", "_below")
LONGEST = 64


def words(name):
    """The words of a column's name in lower case: of `NumOfProducts` and `num_of_products` num, of, products."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    parted = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", plain)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", parted) if word]


SHORT = {"num": "number of", "no": "number", "nr": "number", "cr": "credit", "amt": "amount", "avg": "average", "qty": "quantity", "pct": "percent",
         "mrr": "MRR", "arr": "ARR", "gb": "GB", "sms": "SMS", "id": "ID", "nps": "NPS", "vmail": "voice mail", "intl": "international",
         "eve": "evening", "tv": "TV"}  # fmt: skip


def label(name, is_flag=False):
    """A name for people."""
    parts = words(name)
    # Of yes and no, `is` and `has` say nothing.
    if is_flag and len(parts) > 1 and parts[0] in ("is", "has"):
        parts = parts[1:]
    if is_flag and len(parts) > 1 and parts[-1] == "flag":
        parts = parts[:-1]
    parts = [SHORT.get(part, part) for part in parts]
    parts = [part for place, part in enumerate(parts) if not (part == "of" and parts[place - 1].endswith(" of"))]
    text = " ".join(parts) or name.strip()
    return text[:1].upper() + text[1:]


def has_word(name, alone, within=()):
    """Whether one of the words `alone` is a word of the name, or one of the texts `within` is in it, whatever the words are."""
    return bool(set(words(name)) & set(alone)) or any(text in folded(name) for text in within)


class FieldNames:
    """Gives each column the name of a field that nothing else has."""

    def __init__(self):
        self.taken = set()

    def reserve(self, name):
        """Keeps a name for something that is no field."""
        self.taken.add(name)

    def field(self, column):
        """A name of lower-case letters, digits and underscores that begins with a letter."""
        name = "_".join(words(column)) or "column"
        if not name[0].isalpha():
            name = f"field_{name}"
        name = name[: LONGEST - 12].rstrip("_")
        if name in RESERVED or self._bounds_another(name):
            name = f"{name}_field"
        free, number = name, 2
        while free in self.taken:
            free, number = f"{name}_{number}", number + 1
        self.taken.add(free)
        return free

    def _bounds_another(self, name):
        """Whether it is the name of a parameter of another field: beside `tenure` none is called `tenure_min`."""
        if any(f"{name}{bound}" in self.taken for bound in BOUNDS):
            return True
        return any(name.endswith(bound) and name[: -len(bound)] in self.taken for bound in BOUNDS)
