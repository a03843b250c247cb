"""The page of an adoption: what was kept, dropped and guessed, how good the model is, and what to do next."""

import shlex

from adopt import names
from adopt.propose import may_be_the_same
from adopt.target import counted

LOOK_AGAIN = 0.95
NO_BETTER_THAN_CHANCE = 0.55


def table(header, rows):
    """A Markdown table."""
    if not rows:
        return "Nothing."
    cells = [header, ["---"] * len(header), *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def section(title, body):
    """A section, unless there is nothing to say."""
    return [f"## {title}", "", body, ""] if body else []


def bullets(lines):
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def model_lines(card, facts):
    """How good the model is, out of fold."""
    metrics, trained = card["metrics"], card["trained_on"]
    auc = metrics["roc_auc"]
    settings = card["settings"]
    lines = [
        f"ROC-AUC {auc['mean']:.4f} ± {auc['sd']:.4f}, log loss {metrics['log_loss']['mean']:.4f}, calibration error {metrics['ece']:.4f}: mean "
        f"and standard deviation of {metrics['repeats']} repeats of {metrics['folds']}-fold cross-validation, in which every customer is "
        f"scored by models that have not seen them.",
        f"Trained on {trained['customers']:,} customers with a known outcome, {trained['churners']:,} of whom "
        f"({trained['churners'] / trained['customers']:.1%}) left: {settings['rounds']} trees of depth {settings['max_depth']}.",
    ]
    if facts.together:
        lines.append(
            f"{facts.together:,} rows share their features or an id with another. These are in one fold, so that nobody is scored by a "
            f"model that has seen their double."
        )
    if auc["mean"] > LOOK_AGAIN:
        lines.append(
            f"**The AUC is above {LOOK_AGAIN}: look again.** Honest tables seldom allow that. Is there a column that is only known once a "
            f"customer has left, or rows of one customer more than once?"
        )
    else:
        lines.append(f"If you ever see more than {LOOK_AGAIN}, look again: a column may know the outcome.")
    if auc["mean"] < NO_BETTER_THAN_CHANCE:
        lines.append(
            "**The model is hardly better than chance.** The columns say next to nothing about who leaves: don't act on its scores."
        )
    return bullets(lines)


def kept_row(column):
    """The line of a field."""
    kind = column.kind + (", in order" if column.ordered else "")
    marks = [column.about]
    if column.change != "never":
        marks.append(f"may change ({column.change})")
    if not column.in_model:
        marks.append("not for the model")
    if column.needs:
        marks.append(f"needs {', '.join(column.needs)}")
    return [column.source, f"`{column.name}`", kind, column.evidence, ", ".join(marks)]


def write(proposal, card, results, described, facts):
    """The page of a table that was adopted for the first time."""
    options, target = proposal.options, proposal.target
    known = sum(target.counts[value] for value in (*target.left, *target.stayed))
    unknown = len(proposal.table.frame) - known
    who = [
        f"Target `{target.column}`: {counted({value: target.counts[value] for value in target.left})} left, "
        f"{counted({value: target.counts[value] for value in target.stayed})} stayed.",
        f"Id: `{proposal.identity.column}`."
        if proposal.identity.column
        else "Id: none in the file; the rows are numbered.",
    ]
    if unknown:
        others = f" ({', '.join(map(repr, target.others))})" if target.others else ""
        who.append(
            f"{unknown:,} customers have no known outcome{others}: they are current customers, scored and served, but not trained on."
        )
    fields = proposal.fields
    dropped = [column for column in proposal.columns if column.dropped]
    guesses = [f"`{column.name}`: {line}." for column in fields for line in column.guesses]
    guesses += [f"role `{role}` is `{column.name}`: {evidence}." for role, (column, evidence) in proposal.roles.items()]
    guesses += [f"{line}." for line in (proposal.currency_guess, proposal.as_of_guess) if line]
    checks = [line for column in fields for line in column.doubts]
    for column in fields:
        if column.kind == "choice":
            checks += [
                f"{column.source}: are {short!r} and {longer!r} the same? If so, give {longer!r} `spelled = [{short!r}]` in schema.toml, "
                f"delete {short!r}, and adopt again."
                for short, longer in may_be_the_same(column)
            ]
    searched = [
        [
            described(result.change),
            f"{result.auc:.4f}",
            f"{result.loss:.4f}",
            f"{result.behind:.4f} ± {result.error:.4f}",
        ]
        for result in results
    ]
    parts = [
        f"# {names.label(options.into.name)}: adopted from {proposal.table.source.name}",
        "",
        bullets(who),
        "",
        *section("Warnings", bullets([*facts.warnings, *proposal.identity.warnings])),
        *section("The model", model_lines(card, facts)),
        *section("Settings that were tried", table(["change", "AUC", "log loss", "behind the best"], searched)),
        *section(
            "Kept", table(["column", "field", "holds", "evidence", "taken as"], [kept_row(column) for column in fields])
        ),
        *section("Dropped", table(["column", "why", "evidence"], [[c.source, c.dropped, c.evidence] for c in dropped])),
        *section("Guesses to check, in data/schema.toml", bullets(guesses)),
        *section("Questions", bullets(checks)),
        *section("How the file was read", bullets(proposal.table.evidence)),
        *next_lines(options),
    ]
    return "\n".join(parts)


def write_again(options, table_read, card, facts):
    """The page of a table that was adopted by a schema that is there."""
    parts = [
        f"# {names.label(options.into.name)}: adopted from {table_read.source.name}",
        "",
        "By the schema, nudges and settings that were there: what they say is kept, and nothing is guessed.",
        "",
        *section("Warnings", bullets(facts.warnings)),
        *section("The model", model_lines(card, facts)),
        *section("Columns that schema.toml does not name", bullets(facts.unnamed)),
        *section("How the file was read", bullets(table_read.evidence)),
        *next_lines(options),
    ]
    return "\n".join(parts)


def next_lines(options):
    """What to do next."""
    again = "make adopt CSV=… INTO=…"
    return [
        "## Next",
        "",
        "```sh",
        f"make run WORKSPACE={shlex.quote(str(options.into))}",
        "```",
        "",
        "Then open http://localhost:8080: the riskiest customers come first.",
        "",
        f"`{again}` with further parameters, such as DROP= or CURRENCY=, proposes anew as long as nobody has edited the files. Then edit "
        f"`data/schema.toml` and `data/nudges.toml` and commit the folder: adopted again, a newer file is read by them, and edits stay.",
        "",
    ]


def refusal(faults):
    """What keeps a table from being adopted."""
    return "\n".join(["Not adopted. What has to be decided or mended:", "", *[f"- {fault}" for fault in faults], ""])
