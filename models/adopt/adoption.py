"""The steps of an adoption, from the file to the folder."""

import datetime
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import golden
import intake
import spelling
import train
from adopt import kinds, leaks, names, page, propose, relations, search, target, write
from adopt.faults import Faults, Refused
from adopt.read import read
from workspace import Workspace, sha256

FEWEST_ROWS, FEWEST_LEAVERS = 500, 100
MOST_FIELDS = 512
# From this share of rows that repeat another on, it is no longer by chance.
REPEATED_SHARE = 0.01
# Fewer ids than these, each on several rows, can't be spread over folds.
FEWEST_APART = 50
PAGE = "ADOPTED.md"
SCHEMA, NUDGES, CUSTOMERS, TRAINING = (
    "data/schema.toml",
    "data/nudges.toml",
    "data/customers.csv",
    "models/training.toml",
)
# The files that adoption proposes, and where their hashes are kept: as long as these hold, nobody has edited them.
PROPOSALS, PROPOSED = (SCHEMA, NUDGES, TRAINING), "models/proposed.json"


@dataclass
class Facts:
    """What the page says beside the proposal."""

    warnings: list = field(default_factory=list)
    unnamed: list = field(default_factory=list)
    # Rows that are in one fold with another.
    together: int = 0


def adopt(options, progress):
    """Adopts a table, and returns the page. The folder changes only when all is well."""
    into = options.into
    if (into / CUSTOMERS).exists() and not (into / PAGE).exists():
        raise Refused([f"{into} holds customers that were not adopted. Choose another folder: INTO=<folder>."])
    progress(f"reading {options.csv}")
    table = read(options.csv, options.read, options.program)
    progress(f"{len(table.frame):,} rows, {len(table.frame.columns)} columns")
    facts = Facts(list(table.warnings))
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".adopting-") as folder:
        draft = Path(folder) / "workspace"
        for part in ("data", "models/golden"):
            (draft / part).mkdir(parents=True)
        if (into / SCHEMA).is_file() and not proposes_anew(options, table, into):
            text = adopt_again(options, table, draft, facts, progress)
        else:
            text = adopt_anew(options, table, draft, facts, progress)
        progress("checking the workspace")
        check(options.program, draft)
        (draft / PAGE).write_text(text)
        shutil.copytree(draft, into, dirs_exist_ok=True)
    return text


def proposes_anew(options, table, into):
    """Whether parameters say something else than an earlier proposal that nobody has edited; refuses if somebody has."""
    otherwise = disagreements(options, table.frame, Workspace(into))
    proposed = json.loads((into / PROPOSED).read_text()) if (into / PROPOSED).is_file() else {}
    edited = [name for name in PROPOSALS if not (into / name).is_file() or proposed.get(name) != sha256(into / name)]
    if otherwise and edited:
        raise Refused(
            [
                f"{parameter}: {into / SCHEMA} says otherwise, and {edited[0]} has been edited. Edit {where}, or choose another folder: "
                f"INTO=<folder>."
                for parameter, where in otherwise
            ]
        )
    return bool(otherwise)


def disagreements(options, frame, workspace):
    """The parameters that say something else than the schema that is there, and where it says so."""
    schema, found = workspace.schema, []

    def has(names_of, wanted):
        return names.folded(wanted) in {names.folded(name) for name in names_of}

    if options.target and "outcome" in schema.roles and not has(schema.columns_of("outcome"), options.target):
        found.append((f"TARGET={options.target}", "its `outcome`"))
    numbers_rows = intake.finder(frame)(schema.columns_of("id")) is None
    if options.id and not (numbers_rows and names.folded(options.id) == "none") and not has(schema.columns_of("id"), options.id):
        found.append((f"ID={options.id}", "its `id`"))
    for state, given in (("left", options.left), ("stayed", options.stayed)):
        unknown = [value for value in given if not has(schema.outcome_spellings(state), value)]
        if unknown:
            found.append((f"{state.upper()}={','.join(unknown)}", f"`{state}` of its `outcome`"))
    for wanted in options.drop:
        if has([*schema.columns, *workspace.dates.values()], wanted):
            found.append((f"DROP={wanted}", "it: delete the field"))
    for wanted in options.keep:
        name, _, number = wanted.rpartition(":")
        fields = [field for field in schema.fields.values() if field.other is not None and has(field.columns, name or wanted)]
        if any(str(len(field.values) - 1) != number for field in fields):
            found.append((f"KEEP={wanted}", "the field's `values`"))
    if options.as_of and options.as_of != schema.as_of:
        found.append((f"AS_OF={options.as_of}", "its `as_of`"))
    if options.currency and options.currency.upper() != schema.currency:
        found.append((f"CURRENCY={options.currency}", "its `currency`"))
    return found


def adopt_anew(options, table, draft, facts, progress):
    """Adopts a table of which nothing is known."""
    proposal = propose_all(options, table, facts, progress)
    (draft / SCHEMA).write_text(write.schema_toml(proposal))
    (draft / NUDGES).write_text(write.nudges_toml(proposal))
    allowed = allowed_columns(options, table.frame, [])
    (draft / TRAINING).write_text(write.training_toml(proposal, allowed, same_customer(proposal)))
    conform(draft, table, proposal.target.others)
    results = search_settings(draft, progress)
    proposed = {name: sha256(draft / name) for name in PROPOSALS}
    (draft / PROPOSED).write_text(json.dumps(proposed, indent=2) + "\n")
    card = train_model(draft, facts, progress)
    return page.write(proposal, card, results, search.described, facts)


def adopt_again(options, table, draft, facts, progress):
    """Adopts a table by the schema that is there."""
    into = options.into
    for name in (SCHEMA, NUDGES, TRAINING):
        if (into / name).is_file():
            shutil.copy(into / name, draft / name)
    workspace = Workspace(draft)
    schema = workspace.schema
    if "outcome" not in schema.roles:
        raise Refused(["schema.toml has no role `outcome`, so nothing says who left."])
    others = unknown_outcomes(schema, table.frame)
    if others:
        known = ", ".join(map(repr, others))
        facts.warnings.append(f"Customers whose outcome is {known} are taken as current ones without a known outcome.")
    frame = conform(draft, table, others)
    leaks_again(options, table, workspace, frame, facts, progress)
    if not (draft / NUDGES).is_file():
        (draft / NUDGES).write_text(write.only_otherwise())
    known = {names.folded(name) for name in [*schema.columns, *workspace.dates.values()]}
    facts.unnamed = [column for column in table.frame if names.folded(column) not in known]
    if not workspace.has_settings:
        search_settings(draft, progress)
    return page.write_again(options, table, train_model(draft, facts, progress), facts)


def leaks_again(options, table, workspace, frame, facts, progress):
    """Looks for leaks among the model's fields, as they are in the file."""
    schema, faults = workspace.schema, Faults()
    outcome = frame[schema.columns_of("outcome")[0]]
    known = (outcome.str.strip() != "").to_numpy()
    labels = np.full(len(frame), np.nan)
    labels[known] = schema.left(frame[known])
    check_size(labels, faults)
    faults.refuse()
    find = intake.finder(table.frame)
    sources = {find(field.columns) for field in schema.features.values()} | set(workspace.dates.values())
    columns = kinds.infer(table, {name for name in table.frame if name not in sources}, {}, lambda line: None)
    progress("looking for columns that know the outcome")
    look_for_leaks(columns, table.frame, labels, options, [*workspace.allowed, *options.allow], facts, faults)
    faults.refuse()


def unknown_outcomes(schema, frame):
    """Values of the outcome that say neither that a customer left nor that one stayed."""
    column = intake.finder(frame)(schema.columns_of("outcome"))
    if column is None:
        return []
    own = {spelling.fold(text) for state in ("left", "stayed") for text in schema.outcome_spellings(state)}
    return [value for value in frame[column].unique() if value and spelling.fold(value) not in own]


def propose_all(options, table, facts, progress):
    """Everything that is guessed about a table."""
    frame, faults = table.frame, Faults()
    state = target.find_target(table, options.target, options.left, options.stayed, faults)
    skipped = {state.column} if state else set()
    dropped = [
        column for column in (target.find_column(frame, name, "DROP", faults) for name in options.drop) if column
    ]
    identity = target.find_id(frame.drop(columns=dropped), options.id, state.column if state else None, faults)
    allowed = allowed_columns(options, frame, faults)
    keep = kept_levels(options, frame, faults)
    if identity and identity.column:
        skipped.add(identity.column)
    columns = kinds.infer(table, skipped, keep, facts.warnings.append)
    for column in columns:
        if column.source in dropped:
            column.dropped, column.codes = "as told (DROP)", None
    proposal = write.Proposal(table, options, state, identity, columns, None)
    date_of(proposal, faults)
    if state:
        proposal.labels = state.labels(frame)
        check_size(proposal.labels, faults)
        if enough(proposal.labels):
            progress("looking for columns that know the outcome")
            left_in = [column for column in columns if column.source not in dropped]
            proposal.auc = look_for_leaks(left_in, frame, proposal.labels, options, allowed, facts, faults)
    if len(proposal.fields) > MOST_FIELDS:
        faults.append(
            f"{len(proposal.fields)} columns would be fields; a schema has at most {MOST_FIELDS}. DROP= leaves some out."
        )
    faults.refuse()
    progress("looking for what columns have to do with each other")
    repeated_rows(table, identity, columns, facts)
    relate(proposal)
    if not any(column.in_model for column in proposal.fields):
        raise Refused(["No column is left that a model could learn from."])
    return proposal


def allowed_columns(options, frame, faults):
    """The columns that a person allowed."""
    return [column for column in (target.find_column(frame, name, "ALLOW", faults) for name in options.allow) if column]


def kept_levels(options, frame, faults):
    """How many values of a column of many are kept, where a person says so."""
    keep = {}
    for wanted in options.keep:
        name, _, number = wanted.rpartition(":")
        if not name or not number.isdigit():
            name, number = wanted, ""
        column = target.find_column(frame, name, "KEEP", faults)
        if column is None:
            continue
        count = int(number) if number else frame[column].nunique()
        if not 2 <= count <= kinds.MOST_VALUES - 1:
            faults.append(
                f"KEEP={wanted}: a choice has 2 to {kinds.MOST_VALUES - 1} values and one for all others, not {count:,}."
            )
        keep[column] = count
    return keep


def enough(labels):
    """Whether a model can be trained on the customers with a known outcome."""
    left, known = int(np.nansum(labels)), int(np.sum(~np.isnan(labels)))
    return known >= FEWEST_ROWS and left >= FEWEST_LEAVERS and known - left >= FEWEST_LEAVERS


def check_size(labels, faults):
    """Adds what a table has too little of."""
    left, known = int(np.nansum(labels)), int(np.sum(~np.isnan(labels)))
    if known < FEWEST_ROWS:
        faults.append(
            f"{known:,} customers have a known outcome; a model needs {FEWEST_ROWS} or more. Bring a longer period or more customers."
        )
    for count, what in ((left, "left"), (known - left, "stayed")):
        if count < FEWEST_LEAVERS:
            faults.append(
                f"{count:,} customers {what}; a model needs {FEWEST_LEAVERS} or more. Bring a longer period or more customers."
            )


def date_of(proposal, faults):
    """The date of the snapshot and the currency."""
    options = proposal.options
    if options.as_of:
        try:
            proposal.as_of = datetime.date.fromisoformat(options.as_of).isoformat()
        except ValueError:
            faults.append(f"AS_OF={options.as_of} is no date; write it as 2026-11-22.")
    else:
        newest = [column.newest for column in proposal.columns if column.kind == "date"]
        today = datetime.date.today().isoformat()
        proposal.as_of = min(max(newest), today) if newest else today
        origin = "the newest date in the file" if newest else "the day of the adoption"
        proposal.as_of_guess = f"the customers are as of {proposal.as_of}, {origin}; AS_OF=YYYY-MM-DD says another"
    if options.currency:
        proposal.currency = options.currency.upper()
        if not re.fullmatch("[A-Z]{3}", proposal.currency):
            faults.append(f"CURRENCY={options.currency} is no code of ISO 4217, such as EUR.")
    elif any(column.kind == "money" for column in proposal.columns):
        proposal.currency, evidence = currency_of(proposal.table)
        proposal.currency_guess = f"amounts are in {proposal.currency}, {evidence}; CURRENCY=EUR says another"


def currency_of(table):
    """The currency that the reader saw a sign of, or the usual one."""
    for sign, currency in (("€", "EUR"), ("£", "GBP"), ("₹", "INR"), ("¥", "JPY"), ("$", "USD")):
        if any(sign in line for line in table.evidence):
            return currency, f"by the sign {sign}"
    return "USD", "which nothing in the file says"


def look_for_leaks(columns, frame, labels, options, allowed, facts, faults):
    """Adds columns that know the outcome to the faults, unless they are allowed. Returns the AUC of each column alone."""
    found = {}
    alone = leaks.alone(
        [column for column in columns if column.kind != "constant" or is_partly_filled(column, frame)], frame, labels
    )
    for column in columns:
        leak = leaks.fill_leak(column.source, frame[column.source], labels)
        if leak is None and alone.get(column.source, 0) >= leaks.ALONE:
            leak = leaks.Leak(column.source, f"alone it tells who left with an AUC of {alone[column.source]:.3f}", True)
        if leak:
            found[column.source] = leak
    for leak in leaks.date_leaks([column for column in columns if column.source not in found], options.as_of):
        found.setdefault(leak.column, leak)
    rest = [
        column
        for column in columns
        if column.codes is not None and column.dropped is None and column.source not in found
    ]
    if len(rest) > 2:
        leak = leaks.Joint(rest, labels).leak()
        if leak:
            found[leak.column] = leak
    for leak in found.values():
        if leak.column in allowed:
            facts.warnings.append(f"{leak.column} was allowed: {leak.why}.")
        elif leak.blocks:
            faults.append(
                f"{leak.column} seems to know the outcome: {leak.why}. DROP={leak.column} leaves it out; ALLOW={leak.column} keeps it, if it "
                f"is known before a customer leaves."
            )
        else:
            facts.warnings.append(
                f"{leak.column} matters far more than other columns: {leak.why}. Is it known before a customer leaves? If not, "
                f"DROP={leak.column} leaves it out."
            )
    return alone


def is_partly_filled(column, frame):
    """Whether a column of one value is blank in some rows, which may say something."""
    return bool((frame[column.source] == "").any() and (frame[column.source] != "").any())


def repeated_rows(table, identity, columns, facts):
    """Warns of rows that repeat each other, and of customers who have several."""
    frame = table.frame
    inside = [column for column in frame if identity.column is None or column != identity.column]
    index = [column.source for column in columns if column.kind == "index"]
    repeated = int(frame.duplicated([column for column in inside if column not in index]).sum())
    if repeated >= REPEATED_SHARE * len(frame):
        facts.warnings.append(
            f"{repeated:,} rows are the same as an earlier one{' but for the id' if identity.column else ''}. If they are one customer twice, "
            f"remove them and adopt again: the model gives them twice the weight. The figures below are fair to them: both are in one fold."
        )
    for column in several_rows(frame, columns):
        count = frame[column.source].nunique()
        apart = "" if count >= FEWEST_APART else ", but they are too few to be kept in one fold each, so the figures are too good"
        facts.warnings.append(
            f"{count:,} different {column.source} share {len(frame):,} rows: a row is not one of these. Scores are of rows{apart}."
        )


def several_rows(frame, columns):
    """The columns of ids that several rows have."""
    return [column for column in columns if column.kind == "id" and column.dropped == "an id" and not frame[column.source].is_unique]


def same_customer(proposal):
    """The columns whose rows with the same text are of one customer."""
    found = several_rows(proposal.table.frame, proposal.columns)
    return [column.source for column in found if proposal.table.frame[column.source].nunique() >= FEWEST_APART]


def relate(proposal):
    """Fills in what columns have to do with each other, what they are about, and what is guessed of them."""
    columns = proposal.columns
    propose.describe(proposal.fields)
    for identity in relations.recodings(proposal.fields):
        column = by_source(columns, identity.column)
        if identity.coarse and column.change != "never":
            column.doubts.append(
                f"{column.source} follows from {', '.join(identity.of)}: a change of the one leaves the other as it is."
            )
        else:
            column.dropped = f"repeats {', '.join(identity.of)}: {identity.formula}"
    for identity in relations.identities(proposal.fields):
        column = by_source(columns, identity.column)
        column.in_model = False
        column.guesses.append(
            f"{column.source} {identity.formula} wherever all are known, so the model does not see it: a change of one would leave the other"
        )
    for column in proposal.fields:
        if column.about == "experiment":
            column.in_model = False
    proposal.roles = propose.find_roles(proposal.fields)
    proposal.name_fields()
    for column, other, allowed, excluded in relations.implications(proposal.fields):
        column.needs[other.name] = write.needed(other, allowed)
        without = ", ".join(other.level_names[code] for code in excluded)
        column.guesses.append(f"needs {other.name}: never yes where {other.source} is {without}")
        if column.change == "never" and column.about in ("plan", "behaviour"):
            # What only some plans allow is an option of the plan.
            column.about, column.change = "plan", "any"
            column.guesses.append('a customer can change it, as it depends on a plan; say change = "never" if not')
    for flag, number in relations.depending(proposal.fields):
        if flag.change != "never":
            flag.doubts.append(
                f"{number.source} is 0 exactly where {flag.source} is no; a change of {flag.source} leaves it as it is."
            )
    set_prices(proposal)
    proposal.find_alarms()


def set_prices(proposal):
    """Fills in what values cost, where the recurring amount follows from them."""
    if "recurring" not in proposal.roles:
        return
    amount, _ = proposal.roles["recurring"]
    found = relations.price_list(proposal.fields, amount)
    if found is None:
        return
    for (source, code), price in found.prices.items():
        by_source(proposal.columns, source).prices[code] = price
    for column in proposal.fields:
        if column.prices:
            column.guesses.append(
                f"prices are least squares of {amount.source} on the plan: they explain {found.explained:.1%} of its variance, and err by "
                f"{found.error:.2f}"
            )


def by_source(columns, source):
    """The column of a name in the table."""
    return next(column for column in columns if column.source == source)


def conform(draft, table, others):
    """Writes the customers as the schema has them, and returns them."""
    workspace, faults = Workspace(draft), Faults()
    frame, _ = write.conform(table, workspace, others, faults)
    faults.refuse()
    write.write_customers(draft / CUSTOMERS, frame)
    return frame


def training_rows(workspace):
    """The rows with a known outcome as the model sees them, their outcomes, and which of them are of one customer."""
    frame = workspace.schema.settled(workspace.read(workspace.customers, allow_other_data=True))
    rows = workspace.schema.encode(frame)
    return rows, workspace.schema.left(frame), workspace.same_rows(frame, rows)


def search_settings(draft, progress):
    """Chooses the settings, and writes them into training.toml."""
    workspace = Workspace(draft)
    progress("searching for the settings of the model")
    change, results = search.choose(workspace.schema, *training_rows(workspace), progress)
    with (draft / TRAINING).open("a") as file:
        file.write(write.settings_toml(change, results, search.described))
    return results


def train_model(draft, facts, progress):
    """Trains and evaluates the model and writes its files; returns its card."""
    workspace = Workspace(draft)
    progress("training the model, and evaluating it out of fold")
    frame = workspace.schema.settled(workspace.read(workspace.customers, allow_other_data=True))
    train.train(workspace, workspace.customers, frame, workspace.schema.as_of, workspace.models)
    same = workspace.same_rows(frame, workspace.schema.encode(frame))
    facts.together = 0 if same is None else int((np.bincount(same)[same] > 1).sum())
    progress("writing what XGBoost says, to test the program with")
    golden.write(workspace)
    return json.loads((workspace.models / "card.json").read_text())


def check(program, draft):
    """Has the program check the workspace."""
    checked = subprocess.run([program, "check", draft], capture_output=True, text=True, check=False)
    if checked.returncode != 0:
        raise Refused((checked.stdout + checked.stderr).strip().splitlines())
