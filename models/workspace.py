"""A workspace as training sees it: a folder with a schema, and what is known of its training file."""

import hashlib
import sys
import tomllib
from pathlib import Path

import pandas as pd

import churn_model
import evaluation
import intake
from schema import Schema


def sha256(path):
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


class Workspace:
    """A folder with `data/schema.toml`, and maybe `models/training.toml`.

    The latter has `name`, `source` and `sha256` of the file that the model is trained on, if that is not `data/customers.csv`,
    `groups`, the fields of the fairness table, if these are not all flags and choices about a person, and `settings`, by which the
    model's differ from `churn_model.SETTINGS` (`rounds` is the number of trees). With `same_customer`, a list of columns of the file
    that may be empty, rows with the same features or the same text in one of these are of one customer, and in one fold of the
    cross-validation. Adoption also keeps there what it was told:
    `allowed`, columns that look as if they knew the outcome, and `dates`, from which column of dates a field is made.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.models = self.folder / "models"
        self.customers = self.folder / "data" / "customers.csv"
        self.schema = Schema(self.folder / "data" / "schema.toml")
        settings = self.models / "training.toml"
        training = tomllib.loads(settings.read_text()) if settings.is_file() else {}
        self.source_name = training.get("name", "the training file")
        self.source = training.get("source")
        self.source_sha256 = training.get("sha256")
        self.settings, self.rounds = churn_model.changed(training.get("settings", {}))
        self.has_settings = "settings" in training
        self.same_customer = training.get("same_customer")
        self.allowed = training.get("allowed", [])
        self.dates = training.get("dates", {})
        people = [field for field in self.schema.fields.values() if field.about == "person" and field.values is not None]
        self.groups = training.get("groups", [field.name for field in people])

    def same_rows(self, frame, rows):
        """The number of the customer whom each row is of, as `evaluation.same_rows` has it; None if each is of another."""
        if self.same_customer is None:
            return None
        return evaluation.same_rows(rows, *(frame[column] for column in self.same_customer if column in frame))

    def source_of(self, digest):
        """Where the file with this SHA-256 comes from; None for somebody's own."""
        return self.source if digest == self.source_sha256 else None

    def read(self, path, *, allow_other_data=False):
        """Reads a file of the schema's columns as text, blanks kept; ends the program with all faults when it cannot serve."""
        path = Path(path)
        download = f" Download it from {self.source} and pass its path." if self.source else ""
        if not path.is_file():
            sys.exit(f"{path} does not exist.{download}")
        digest = sha256(path)
        if self.source_sha256 not in (None, digest) and not allow_other_data:
            sys.exit(
                f"{path} has SHA-256 {digest}, but {self.source_name} has {self.source_sha256}.{download} "
                f"--allow-other-data takes this one."
            )
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        frame, faults, notes = intake.conform(self.schema, frame)
        for note in notes:
            print(f"{path}: {note}", file=sys.stderr)
        if faults:
            sys.exit("\n".join(f"{path}: {fault}" for fault in faults))
        return frame
