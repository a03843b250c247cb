"""Reads the table through the program, by whose rules every other entrance reads, too."""

import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from adopt.faults import Refused


@dataclass
class Table:
    """A table as text: cells without blanks at their ends, numbers with a decimal point, and no text where a value is missing."""

    frame: pd.DataFrame
    source: Path
    # Of each column the texts that say yes or no, and which.
    says: dict = field(default_factory=dict)
    evidence: list = field(default_factory=list)
    warnings: list = field(default_factory=list)


def read(path, confirmed, program):
    """The table in a file, or the refusal of the program, which says what to do."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.csv"
        options = ["--read", confirmed] if confirmed else []
        done = subprocess.run(
            [program, "read", *options, "--output", plain, path], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Refused([refusal(line) for line in done.stderr.strip().splitlines()])
        frame = pd.read_csv(plain, dtype=str, keep_default_na=False)
    summary = json.loads(done.stdout)
    says = {
        name: dict.fromkeys(column["yes"], True) | dict.fromkeys(column["no"], False)
        for name, column in zip(frame, summary["columns"], strict=True)
    }
    warnings = [f"{worded(item)}." for item in summary["warnings"]]
    warnings += [f"line {row['line']}: {row['detail']}" for row in summary["rejected"][:5]]
    return Table(frame, Path(path), says, [worded(item) for item in summary["read_as"]], warnings)


def worded(item):
    """Evidence of the program in words."""
    column = f"{item['column']}: " if item.get("column") else ""
    count = f" ({item['count']:,})" if item.get("count") else ""
    return f"{column}{item['reading']}{count}"


def refusal(line):
    """A refusal of the program with the parameter of `make adopt`."""
    return line.replace("read=", "READ=")
