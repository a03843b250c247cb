"""Writes the files of a workspace: schema, customers, starter nudges and the settings of its model."""

import csv
import json

import numpy as np
import intake
from adopt import kinds, names
from adopt.propose import MOST_PERSONS_LEVELS
from adopt.relations import FEWEST_VALUES
from intake import finder

WIDTH = 118
# A warning sign catches this share of the customers, and those leave this much more often than the others.
ALARM_SHARE, ALARM_LIFT, MOST_ALARMS = (0.03, 0.25), 1.5, 4
# Standard errors that the difference must have: several bounds of many columns are tried.
ALARM_ERRORS = 4
# A value is compared with another if this many customers with it have a known outcome, and differ by this much.
FEWEST_CUSTOMERS, FEWEST_POINTS = 50, 0.01
MOST_NUDGES = 12
MOST_LISTED = 4


def text(value):
    """A TOML string."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def number(value):
    """A TOML number."""
    value = float(value)
    return str(int(value)) if value.is_integer() else repr(value)


def listed(values):
    """A TOML list on one line, or on several where it is long."""
    line = f"[{', '.join(values)}]"
    return line if len(line) < WIDTH - 12 else "[\n" + "".join(f"  {value},\n" for value in values) + "]"


def comment(line):
    """A comment on one line."""
    return f"# {' '.join(line.split())}"


def guessed(line):
    """A guess and its evidence, as a comment."""
    return comment(f"guessed: {line}")


class Proposal:
    """What is proposed for a table: everything that the files say."""

    def __init__(self, table, options, target, identity, columns, labels):
        self.table, self.options, self.target, self.identity = table, options, target, identity
        self.columns, self.labels = columns, labels
        self.roles, self.currency, self.as_of = {}, "USD", None
        self.currency_guess, self.as_of_guess = None, None
        self.alarms = {}
        self.auc = {}
        self.outcome_name = None
        self.id_name = "customer_id"

    @property
    def fields(self):
        """The columns that become fields."""
        return [column for column in self.columns if column.dropped is None]

    def name_fields(self):
        """Gives id, outcome and fields their names."""
        taken = names.FieldNames()
        for column in self.fields:
            taken.reserve(column.source)
        target = self.target.column
        # Their names in files are those of the columns, but no field's.
        outcome = "churned" if names.folded(target) in ("churn", "churned") else taken.field(target)
        taken.reserve(outcome)
        self.outcome_name = outcome
        if self.identity.column is not None:
            snake = "_".join(names.words(self.identity.column))
            self.id_name = snake if snake == "customer_id" else taken.field(self.identity.column)
        for column in self.fields:
            taken.taken.discard(column.source)
            # A date's days are another column than its dates.
            column.name = taken.field(f"{column.source} days" if column.kind == "date" else column.source)
            taken.reserve(column.name)

    def find_alarms(self):
        """Values of behaviour beyond which customers leave much more often."""
        known = ~np.isnan(self.labels)
        found = []
        for column in self.fields:
            if column.about != "behaviour" or column.is_named or column.kind == "date" or not column.in_model:
                continue
            sign = warning_sign(column.codes[known], self.labels[known])
            if sign:
                found.append((sign[-1], column, sign))
        found.sort(key=lambda item: -item[0])
        for _, column, (side, bound, share, inside, outside, _) in found[:MOST_ALARMS]:
            self.alarms[column.source] = (side, bound)
            column.guesses.append(
                f"a warning sign {side} {number(bound)}: {share:.0%} of the customers, of whom {inside:.0%} left, of the others {outside:.0%}"
            )


def warning_sign(codes, left):
    """The bound beyond which customers leave much more often: (above or below, bound, share, rate inside, outside, lift)."""
    present = ~np.isnan(codes)
    codes, left = codes[present], left[present]
    if len(np.unique(codes)) < 5:
        return None
    best = None
    for side, shares in (("above", (0.75, 0.8, 0.85, 0.9, 0.95)), ("below", (0.25, 0.2, 0.15, 0.1, 0.05))):
        for share in shares:
            bound = float(np.quantile(codes, share, method="nearest"))
            caught = codes > bound if side == "above" else codes < bound
            if not ALARM_SHARE[0] <= caught.mean() <= ALARM_SHARE[1] or caught.sum() < FEWEST_CUSTOMERS:
                continue
            inside, outside = left[caught].mean(), left[~caught].mean()
            lift = inside / max(outside, 1e-9)
            error = np.sqrt(left.mean() * (1 - left.mean()) * (1 / caught.sum() + 1 / (~caught).sum()))
            if lift >= ALARM_LIFT and inside - outside >= ALARM_ERRORS * error and (best is None or lift > best[-1]):
                best = (side, bound, caught.mean(), inside, outside, lift)
    return best


def bins_of(column):
    """Where the bins of a number's distribution begin."""
    present = column.codes[~np.isnan(column.codes)]
    values = np.unique(present)
    if len(values) <= FEWEST_VALUES:
        return [float(value) for value in values]
    low = least_of(column)
    start = 0.0 if low is None and values[0] >= 0 else float(low if low is not None else np.floor(values[0]))
    bounds = [start]
    for bound in np.quantile(present, [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95]):
        rounded = float(f"{bound:.2g}") if column.kind != "whole" else float(round(float(f"{bound:.2g}")))
        if rounded > bounds[-1] and rounded < values[-1]:
            bounds.append(rounded)
    return bounds


def least_of(column):
    """The smallest value that the field accepts, if it may be negative."""
    low = np.nanmin(column.codes)
    if low >= 0:
        return None
    scale = 10.0 ** np.floor(np.log10(-low))
    return float(-np.ceil(-low / scale) * scale)


def most_of(column):
    """The largest value that the field accepts, if that is more than usual."""
    high = np.nanmax(column.codes)
    return None if high <= 1e8 else float(10.0 ** np.ceil(np.log10(high) + 1))


def schema_toml(proposal):
    """The schema, with every guess in a comment beside it."""
    options = proposal.options
    lines = [
        comment("What the columns of this business mean; docs/schema.md explains each key."),
        comment(
            f"Proposed from {proposal.table.source.name}. What a comment calls guessed is to be checked; edits stay when it is adopted again."
        ),
        "",
        "format = 1",
        f"name = {text(slug(options.into.name))}",
        f"title = {text(names.label(options.into.name))}",
    ]
    if proposal.currency_guess:
        lines.append(guessed(proposal.currency_guess))
    lines.append(f"currency = {text(proposal.currency)}")
    if proposal.as_of_guess:
        lines.append(guessed(proposal.as_of_guess))
    lines += [
        f"as_of = {proposal.as_of}",
        f"note = {text(f'Adopted from {proposal.table.source.name}: fields, prices and nudges are proposals until somebody has checked them.')}",
        f"list = {listed([text(name) for name in directory_columns(proposal)])}",
        "",
        "[roles]",
        *roles_toml(proposal),
    ]
    for column in proposal.fields:
        lines += ["", *field_toml(column, proposal)]
    return "\n".join(lines) + "\n"


def slug(name):
    """The name of a business for machines."""
    return "-".join(names.words(name))[:64] or "business"


def directory_columns(proposal):
    """The columns of the directory: those that tell most about who leaves, but for those about persons."""
    told = [
        column for column in proposal.fields if column.about != "person" and column.in_model and column.kind != "date"
    ]
    playing = [column.source for column, _ in proposal.roles.values()]
    told.sort(key=lambda column: (column.source not in playing[:2], -proposal.auc.get(column.source, 0.5)))
    return [column.name for column in told[:MOST_LISTED]]


def roles_toml(proposal):
    """The lines of the roles."""
    target, identity = proposal.target, proposal.identity
    lines = []
    if identity.column is None:
        lines.append(
            comment("The file has no id: these are the places of the rows, and outcomes can't be joined later.")
        )
    columns = "" if identity.column in (None, proposal.id_name) else f", columns = [{text(identity.column)}]"
    lines.append(f"id = {{ name = {text(proposal.id_name)}{columns} }}")
    columns = "" if target.column == proposal.outcome_name else f", columns = [{text(target.column)}]"
    left, stayed = (listed([text(value) for value in values]) for values in (target.left, target.stayed))
    if target.others:
        others = ", ".join(f"{value!r} ({target.counts[value]:,})" for value in target.others)
        lines.append(comment(f"Customers with {others} are current ones whose outcome is not known yet."))
    lines.append(f"outcome = {{ name = {text(proposal.outcome_name)}{columns}, left = {left}, stayed = {stayed} }}")
    for role, (column, evidence) in proposal.roles.items():
        lines += [guessed(evidence), f"{role} = {text(column.name)}"]
    return lines


def field_toml(column, proposal):
    """The lines of one field."""
    kind = "whole" if column.kind == "date" else column.kind
    lines = [comment(f"{column.source}: {column.evidence}")]
    lines += [guessed(line) for line in column.guesses]
    lines += [comment(f"check: {line}") for line in column.doubts]
    lines += ["[[field]]", f"name = {text(column.name)}"]
    if column.kind != "date" and column.source != column.name:
        lines.append(f"columns = [{text(column.source)}]")
    label = label_of(column)
    if column.kind == "date":
        lines += [f"label = {text(f'{label}, days before the newest')}", 'unit = "day"']
    else:
        lines.append(f"label = {text(label)}")
    lines.append(f"kind = {text(kind)}")
    if column.kind == "flag" and (words := words_of(column)):
        lines.append(f"words = {listed([text(word) for word in words])}")
    if column.kind == "choice":
        lines.append(
            f"values = {listed([value_toml(column, code, value) for code, value in enumerate(column.values)])}"
        )
    if not column.is_named:
        lines += [
            f"{key} = {number(bound)}"
            for key, bound in (("least", least_of(column)), ("most", most_of(column)))
            if bound is not None
        ]
        lines.append(f"bins = {listed([number(bound) for bound in bins_of(column)])}")
    if column.source in proposal.alarms:
        side, bound = proposal.alarms[column.source]
        lines.append(f"alarm = {{ {side} = {number(bound)} }}")
    lines.append(f"about = {text(column.about)}")
    if not column.in_model:
        lines.append("model = false")
    if column.needs:
        needs = ", ".join(f"{other} = {needed}" for other, needed in column.needs.items())
        lines.append(f"needs = {{ {needs} }}")
    if column.without:
        lines.append(f"without = {{ spelled = {text(column.without)} }}")
    if column.change != "never":
        lines.append(f"change = {text(column.change)}")
    if column.kind == "flag" and 1 in column.prices:
        lines.append(f"price = {number(column.prices[1])}")
    lines.append("filter = true")
    if column.in_model and column.missing == 0:
        lines.append("required = true")
    return lines


def label_of(column):
    """What a field is called for people."""
    return names.label(column.source, column.kind == "flag")


def words_of(column):
    """How no and yes are worded where "without" and "with" the label would be odd: of what somebody is, or does."""
    label = spoken(label_of(column))
    if names.words(column.source)[:1] == ["is"]:
        return [f"not {label}", label]
    return None


def spoken(label):
    """A label within a sentence."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def counted_things(column):
    """What a column counts, in the plural, if it counts something: products, of the number of products."""
    label = label_of(column)
    return label.removeprefix("Number of ") if label.startswith("Number of ") else None


def value_toml(column, code, value):
    """One value of a choice."""
    parts = [f"name = {text(value)}"]
    # Names of lower-case letters, digits and dashes are taken for machines' and put into words, which a range is not to be.
    things = counted_things(column)
    if things and value.isdigit():
        # A bare number says nothing in a list.
        thing = things.removesuffix("s") if value == "1" else things
        parts += [f"{key} = {text(f'{value} {thing}')}" for key in ("label", "words")]
    elif any(mark in value for mark in "-_") and any(character.isdigit() for character in value):
        parts.append(f"label = {text(value)}")
    if code in column.prices:
        parts.append(f"price = {number(column.prices[code])}")
    if value in column.spelled:
        parts.append(f"spelled = [{', '.join(map(text, column.spelled[value]))}]")
    if value == column.other:
        parts.append("other = true")
    return text(value) if len(parts) == 1 else f"{{ {', '.join(parts)} }}"


def training_toml(proposal, allowed, same_customer):
    """What `train.py` and another adoption know of this workspace beside its schema."""
    groups = [
        column.name
        for column in proposal.fields
        if column.about == "person" and column.is_named and len(column.level_names) <= MOST_PERSONS_LEVELS
    ]
    lines = [
        comment("What training knows of this workspace beside its schema."),
        "",
        comment("The fields over which the fairness table compares groups."),
        f"groups = {listed([text(name) for name in groups])}",
    ]
    lines += [
        "",
        comment("Rows with the same features are of one customer, and so are rows with the same text in these columns: in the"),
        comment("cross-validation they are in one fold, so that nobody is scored by a model that has seen them."),
        f"same_customer = {listed([text(source) for source in same_customer])}",
    ]
    if allowed:
        lines += [
            "",
            comment("Columns that look as if they knew the outcome, and that a person allowed."),
            f"allowed = {listed([text(source) for source in allowed])}",
        ]
    dates = {column.name: column for column in proposal.fields if column.kind == "date"}
    if dates:
        lines += ["", comment("Fields that are days before the newest date of these columns."), "[dates]"]
        lines += [f"{name} = {text(column.source)}" for name, column in dates.items()]
    return "\n".join(lines) + "\n"


def settings_toml(change, results, described):
    """The settings that the search chose, with what it saw."""
    lines = [
        "",
        comment(
            "How the model differs from the usual settings: the first of these whose log loss is within one standard error of the"
        ),
        comment("best (out of fold, repeated twice). Without this table the next adoption searches again."),
    ]
    for result in results:
        behind = "the best" if result.behind == 0 else f"{result.behind:.4f} ± {result.error:.4f} more than the best"
        lines.append(comment(f"{described(result.change)}: log loss {result.loss:.4f}, {behind}; AUC {result.auc:.4f}"))
    lines.append("[settings]")
    lines += [f"{name} = {number(value)}" for name, value in change.items()]
    return "\n".join(lines) + "\n"


def conform(table, workspace, others, faults):
    """The table as a file of the schema's columns, in its spelling, and of those that tell customers apart; `others` are outcomes that
    are not known yet."""
    schema, dates = workspace.schema, workspace.dates
    frame = table.frame.copy()
    find = finder(frame)
    if find(schema.columns_of("id")) is None:
        frame[schema.columns_of("id")[0]] = [f"row-{number:06}" for number in range(1, len(frame) + 1)]
    for name, source in dates.items():
        column = find([source])
        if column is not None:
            frame[schema[name].column] = days_before_newest(frame[column], column, faults)
    for field in schema.fields.values():
        column = find(field.columns)
        if field.spellings is None and column is not None:
            frame[column], _ = kinds.without_strays(frame[column])
    outcome = find(schema.columns_of("outcome"))
    if outcome is not None:
        frame[outcome] = frame[outcome].where(~frame[outcome].isin(others), "")
    frame, found, notes = intake.conform(schema, frame)
    faults += [f"{table.source.name}: {fault}" for fault in found]
    columns = [
        schema.columns_of("id")[0],
        *(field.column for field in schema.fields.values()),
        schema.columns_of("outcome")[0],
        *(workspace.same_customer or []),
    ]
    return frame[[column for column in columns if column in frame]], notes


def days_before_newest(column, source, faults):
    """Dates as days before the newest of them."""
    filled = column[column != ""]
    dates = kinds.parse_dates(filled) if filled.str.fullmatch(kinds.DATE).all() else None
    if dates is None:
        faults.append(f"{source} holds something else than dates.")
        return column
    return (dates.max() - dates).dt.days.astype(str).reindex(column.index, fill_value="")


def write_customers(path, frame):
    """Writes the customers."""
    frame.to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")


def needed(column, codes):
    """Values of a flag or choice as another's `needs` name them."""
    return value_of(column, codes)


def only_otherwise():
    """Nudges where nothing is known of what can change."""
    return "\n\n".join([comment("What can be done about a customer."), OTHERWISE]) + "\n"


def nudges_toml(proposal):
    """Starter nudges: one for each thing that a customer can change to something whose customers stay, one for each warning sign."""
    blocks = [
        "\n".join(
            [
                comment(
                    "What can be done about a customer: a start, made from what schema.toml says can change. Replace the wordings by your"
                ),
                comment(
                    "own; the comments at the top of data/nudges.toml at the root of the repository explain the keys. Rates are those of"
                ),
                comment("the adopted file, and say who left, not what a change would do."),
                "",
                'categories = ["plan", "behaviour", "engagement"]',
            ]
        )
    ]
    known = ~np.isnan(proposal.labels)
    changeable = [column for column in proposal.fields if column.change in ("any", "up")]
    for column in changeable[:MOST_NUDGES]:
        blocks += change_nudge(column, known, proposal)
    for column in proposal.fields:
        if column.source in proposal.alarms:
            blocks.append(alarm_nudge(column, *proposal.alarms[column.source]))
    blocks.append(OTHERWISE)
    return "\n\n".join(blocks) + "\n"


def rates(column, known, labels):
    """The share that left and the number of customers with a known outcome, of each code."""
    found = {}
    for code in range(len(column.level_names) - (column.without is not None)):
        here = known & (column.codes == code)
        if here.sum() >= FEWEST_CUSTOMERS and code != (column.values.index(column.other) if column.other else -1):
            found[code] = (labels[here].mean(), int(here.sum()))
    return found


def way(column, found):
    """From which codes to which one a nudge leads, and whether customers with that one leave less often."""
    if column.change == "up":
        # Only down the list: to the best of those that are further down than another.
        goals = sorted(found)[1:]
        best = min(goals, key=lambda code: found[code][0])
        from_codes = [code for code in found if code < best]
    else:
        best = min(found, key=lambda code: found[code][0])
        from_codes = [code for code in found if code != best]
    worse = [code for code in from_codes if found[code][0] - found[best][0] >= FEWEST_POINTS]
    return worse or from_codes, best, bool(worse)


def change_nudge(column, known, proposal):
    """The nudge towards the value whose customers leave least, from those whose customers leave more often."""
    found = rates(column, known, proposal.labels)
    if len(found) < 2:
        return []
    from_codes, best, better = way(column, found)
    label = label_of(column)
    subject = counted_things(column) or spoken(label)
    when = {column.name: value_of(column, from_codes)}
    if column.kind == "flag" and best == 1 and not column.without:
        when |= column.needs
    rate = ", ".join(f"{column.level_names[code]} {found[code][0]:.0%}" for code in (*from_codes[:3], best))
    # Braces would be placeholders.
    goal, source = (column.level_names[code].translate({123: "(", 125: ")"}) for code in (best, from_codes[0]))
    less = "leave less often" if better else "are no different"
    if column.kind == "flag":
        title, reason = f"Talk about {subject}", f"{label} is {source.lower()}; customers with {goal.lower()} {less}."
    else:
        title = f"Offer {goal} {subject}" if counted_things(column) else f"Offer {subject}: {goal}"
        reason = f"{label} is not {goal}; customers with {goal} {less}."
    doubt = "Whether the change keeps anybody is for an experiment to find out."
    if not better:
        doubt = "That is no difference: delete this nudge, or know better."
    nudge = {
        "id": f"change-{column.name.replace('_', '-')}",
        "category": "plan",
        "title": title,
        "when": when,
        "change": {column.name: value_of(column, [best])},
        "reasons": [reason],
        "messages": [
            f"May we talk about your {subject}? There may be something that suits you better.",
            f"We can change your {subject} for you. Tell us when it suits you.",
        ],
    }
    return [guessed(f"left by {label.lower()}: {rate}. {doubt}") + "\n" + entry(nudge)]


def value_of(column, codes):
    """Values of a field as TOML conditions name them."""
    if column.kind == "flag":
        return "true" if codes[0] == 1 else "false"
    values = [text(column.values[code]) for code in codes]
    return values[0] if len(values) == 1 else listed(values)


def alarm_nudge(column, side, bound):
    """The nudge where a warning sign shows."""
    label = label_of(column)
    return entry(
        {
            "id": f"look-into-{column.name.replace('_', '-')}",
            "category": "behaviour",
            "title": f"Look into {spoken(label)}",
            "when": {column.name: f"{{ {side} = {number(bound)} }}"},
            "placeholders": {"value": text(column.name)},
            "reasons": [f"{label} is {{value}}; {side} {number(bound)} customers leave more often."],
            "messages": [
                "We would like to hear how things are going. When may we call?",
                "Is everything as you want it? Tell us what we should do better.",
            ],
        }
    )


def entry(keys):
    """One nudge."""
    lines = ["[[nudge]]"]
    for key, value in keys.items():
        if isinstance(value, bool):
            lines.append(f"{key} = {str(value).lower()}")
        elif isinstance(value, dict):
            lines.append(f"{key} = {{ {', '.join(f'{name} = {item}' for name, item in value.items())} }}")
        elif isinstance(value, list):
            lines.append(f"{key} = {listed([text(item) for item in value])}")
        else:
            lines.append(f"{key} = {text(value)}")
    return "\n".join(lines)


# The nudge of those to whom no other applies.
OTHERWISE = entry(
    {
        "id": "keep-in-touch",
        "category": "engagement",
        "title": "Keep in touch",
        "otherwise": True,
        "reasons": ["Nothing in the data asks for a change."],
        "messages": ["Thank you for being with us.", "All is well. Tell us if there is anything we should do better."],
    }
)
