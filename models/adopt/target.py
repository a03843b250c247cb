"""Finds the target, which of its values means that a customer left, and the id."""

import re
from dataclasses import dataclass, field

import numpy as np

from adopt import names
from spelling import LEFT_WORDS, STAYED_WORDS, fold

# Names that say that the value yes means the opposite.
INVERTED_WORDS = {"retained", "retention", "stayed", "stay", "active", "kept", "renewed", "loyal", "remained"}
# The likelier names of a target first.
TARGET_NAMES = [
    r"churn(ed|er)?", r"(is|has)?churn(ed)?(flag|value|label|status)?", r"exited", r"attrition(flag)?", r"(has)?left", r"cancell?ed",
    r"(customer|subscription|account|client)?status", r"attrited", r"quit", r"resigned", r"terminated", r"unsubscribed",
]  # fmt: skip
ID_WORDS = {
    "id",
    "ids",
    "uuid",
    "guid",
    "key",
    "number",
    "no",
    "nr",
    "num",
    "code",
    "ref",
    "reference",
    "msisdn",
    "phone",
}
OWNER_WORDS = {
    "customer",
    "client",
    "user",
    "account",
    "member",
    "subscriber",
    "employee",
    "subscription",
    "policy",
    "contract",
}
OWNED_ID = re.compile(f"({'|'.join(sorted(OWNER_WORDS))})(id|num|no|nr|number|key|ref)s?$")


@dataclass
class Target:
    """What the target's values mean."""

    column: str
    left: list
    stayed: list
    # Other values than these, of customers whose outcome is not known yet.
    others: list
    counts: dict

    def labels(self, frame):
        """1 for each customer who left, 0 for each who stayed, NaN where the outcome is not known."""
        text = frame[self.column]
        return np.where(text.isin(self.left), 1.0, np.where(text.isin(self.stayed), 0.0, np.nan))


@dataclass
class Identity:
    """The column of the customers' ids; None where ids are made."""

    column: str | None
    warnings: list = field(default_factory=list)


def counted(counts):
    """Values and their counts as a sentence names them."""
    listed = [f"{value!r} {count:,}" if value else f"blank {count:,}" for value, count in list(counts.items())[:8]]
    return ", ".join(listed) + (f" and {len(counts) - 8} more" if len(counts) > 8 else "")


def find_column(frame, wanted, parameter, faults):
    """The column of a name that a person gave; None and a fault where there is none, or more than one."""
    found = [column for column in frame if column == wanted]
    found = found or [column for column in frame if names.folded(column) == names.folded(wanted)]
    if len(found) == 1:
        return found[0]
    what = "is no column" if not found else f"may be any of the columns {', '.join(found)}"
    faults.append(f"{parameter}={wanted} {what}; the columns are {', '.join(frame)}.")
    return None


def find_target(table, wanted, left, stayed, faults):
    """The target, or None and faults."""
    frame = table.frame
    if wanted:
        column = find_column(frame, wanted, "TARGET", faults)
    else:
        column = guess_target(frame, faults)
    return None if column is None else states_of(table, column, left, stayed, faults)


def guess_target(frame, faults):
    """The column that is named like a target and has few values."""
    for pattern in TARGET_NAMES:
        found = [
            column
            for column in frame
            if re.fullmatch(pattern, names.folded(column)) and 2 <= frame[column].nunique() <= 5
        ]
        if len(found) == 1:
            return found[0]
        if found:
            faults.append(f"Which column says who left? {', '.join(found)} may. Say TARGET=<column>.")
            return None
    faults.append(f"No column is named like a target. Say TARGET=<column>; the columns are {', '.join(frame)}.")
    return None


def states_of(table, column, left, stayed, faults):
    """The states of a target, or None and faults."""
    counts = table.frame[column].value_counts().to_dict()
    # Who is on may be a customer still.
    says = {text: is_yes for text, is_yes in table.says[column].items() if fold(text) not in ("on", "off")}
    values = [value for value in counts if value]
    said = {"LEFT": left, "STAYED": stayed}
    given = {}
    for parameter, wanted in said.items():
        given[parameter] = []
        for text in wanted:
            found = [value for value in values if value == text]
            found = found or [value for value in values if names.folded(value) == names.folded(text)]
            if not found:
                faults.append(f"{parameter}={text}: {column} has no such value; it has {counted(counts)}.")
            given[parameter] += found
    if any(said.values()):
        return told(column, counts, values, given, said, faults)
    known_left = [value for value in values if says.get(value) is True or fold(value) in LEFT_WORDS]
    known_stayed = [value for value in values if says.get(value) is False or fold(value) in STAYED_WORDS]
    others = [value for value in values if value not in known_left and value not in known_stayed]
    seen = f"{column} has {counted(counts)}"
    if len(values) < 2:
        faults.append(f"{seen}: a model needs customers who left and customers who stayed.")
    elif len(values) > 20:
        faults.append(
            f"{seen}: these are too many values for a target. Say TARGET=<column> of the one that says who left."
        )
    elif others or not known_left or not known_stayed:
        likely_left, likely_stayed = known_left or ["…"], known_stayed or ["…"]
        faults.append(
            f"{seen}: which of them means that a customer left, and which that one stayed? "
            f"Say LEFT={','.join(likely_left)} STAYED={','.join(likely_stayed)}; customers with another value are kept as "
            f"current customers whose outcome is not known yet, and not trained on."
        )
    elif set(names.words(column)) & INVERTED_WORDS:
        faults.append(
            f"{seen}: by its name, {known_left[0]!r} means that a customer stayed. Say LEFT={known_stayed[0]} "
            f"STAYED={known_left[0]} if that is so, LEFT={known_left[0]} STAYED={known_stayed[0]} if not."
        )
    else:
        return Target(column, known_left, known_stayed, [], counts)
    return None


def told(column, counts, values, given, said, faults):
    """The states of a target where a person says them."""
    before = len(faults)
    both = set(given["LEFT"]) & set(given["STAYED"])
    if both:
        faults.append(f"{sorted(both)} can't mean both that a customer left and that one stayed; say each value once.")
    left, stayed = given["LEFT"], given["STAYED"]
    rest = [value for value in values if value not in left and value not in stayed]
    for parameter, missing in (("LEFT", not said["LEFT"]), ("STAYED", not said["STAYED"])):
        # Of two values, one says what the other means.
        if missing and len(rest) == 1 and len(values) == 2:
            given[parameter], rest = rest, []
        elif missing:
            faults.append(f"{parameter}= is missing: {column} has {counted(counts)}.")
    if len(faults) > before or not all(given.values()):
        return None
    return Target(column, given["LEFT"], given["STAYED"], rest, counts)


def is_unique(text):
    """Whether every row has a value, and each its own."""
    return bool((text != "").all() and text.is_unique)


def is_index(text):
    """Whether the values are those by which rows are numbered: whole numbers from 0 or 1 on, each once."""
    if not text.str.fullmatch(r"\d{1,9}").all() or not text.is_unique:
        return False
    numbers = text.astype(int)
    return int(numbers.min()) in (0, 1) and int(numbers.max()) - int(numbers.min()) == len(numbers) - 1


def find_id(frame, wanted, target, faults):
    """The column of the ids: the given one, else the unique one that is named like an id."""
    if wanted and names.folded(wanted) == "none":
        return made_ids()
    if wanted:
        column = find_column(frame, wanted, "ID", faults)
        if column is None:
            return None
        check_ids(frame[column], column, faults)
        return Identity(column, personal_id(frame, column))
    unique = [column for column in frame if column != target and is_unique(frame[column])]
    ranked = sorted(((id_rank(frame, column), column) for column in unique), reverse=True)
    ranked = [(rank, column) for rank, column in ranked if rank > 0]
    if not ranked:
        return made_ids()
    best = [column for rank, column in ranked if rank == ranked[0][0]]
    if len(best) > 1:
        faults.append(f"Which column is the customer's id? {', '.join(best)} may be. Say ID=<column>, or ID=none.")
        return None
    check_ids(frame[best[0]], best[0], faults)
    return Identity(best[0], personal_id(frame, best[0]))


def id_rank(frame, column):
    """How much a unique column looks like the customers' id; 0 if it does not."""
    parts = set(names.words(column))
    folded = names.folded(column)
    owned = any(owner in folded for owner in OWNER_WORDS)
    is_id = bool(parts & {"id", "ids", "uuid", "guid"}) or bool(OWNED_ID.search(folded))
    if is_index(frame[column]) and not is_id:
        return 0
    if is_id:
        return 4 + owned
    if parts & ID_WORDS or folded in OWNER_WORDS:
        return 2 + owned
    # Named otherwise, it is an id only if it can be nothing else: text without a blank inside.
    text = frame[column]
    is_code = bool(text.str.fullmatch(r"\S{1,64}").all()) and not text.str.fullmatch(r"[-+0-9.,eE]+").all()
    return 1 if is_code else 0


def check_ids(text, column, faults):
    """Adds what keeps a column from being the id."""
    blank, repeated = int((text == "").sum()), text[text != ""]
    repeated = int(repeated.duplicated(keep=False).sum())
    long = int((text.str.len() > 64).sum())
    if blank:
        faults.append(
            f"The id {column} is blank in {blank:,} rows. Fill it, or choose another column: ID=<column>, ID=none."
        )
    if repeated:
        faults.append(
            f"The id {column} is not unique: {repeated:,} rows share theirs with another. Keep one row of each customer, or "
            f"choose another column: ID=<column>, ID=none."
        )
    if long:
        faults.append(
            f"The id {column} is longer than 64 characters in {long:,} rows. Choose another column: ID=<column>."
        )


def personal_id(frame, column):
    """A warning where the id is personal data itself."""
    text = frame[column]
    if (
        names.has_word(column, {"phone", "msisdn", "mobile", "email", "mail", "ssn"}, ("phonenumber",))
        or text.str.contains("@").all()
    ):
        return [
            f"The id {column} is personal data: it is in addresses, logs and downloads. ID=none makes ids that are not, "
            f"ID=<column> takes another."
        ]
    return []


def made_ids():
    """Ids for rows that have none."""
    warning = (
        "No column is an id, so the customers are called row-000001 and so on, after their place in the file: what becomes "
        "of them later can't be joined to them. ID=<column> names one."
    )
    return Identity(None, [warning])
