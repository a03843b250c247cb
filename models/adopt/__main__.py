"""Adopts a CSV file: infers a schema, trains a model, and writes a workspace that the program serves.

python -m adopt CUSTOMERS.csv --into FOLDER [--target COLUMN] [--id COLUMN] ... (make adopt CSV= TARGET= INTO=)
"""

import argparse
import sys
import time
from pathlib import Path

from adopt import page
from adopt.adoption import adopt
from adopt.faults import Refused


def several(text):
    """Names with commas between them."""
    return [part.strip() for part in text.split(",") if part.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path, help="the table, a customer a row")
    parser.add_argument("--into", type=Path, required=True, help="folder of the workspace")
    parser.add_argument("--target", help="the column that says who left")
    parser.add_argument("--id", help="the column of the customers' ids; none numbers the rows")
    parser.add_argument("--left", type=several, default=[], help="the target's values that mean that a customer left")
    parser.add_argument("--stayed", type=several, default=[], help="the target's values that mean that one stayed")
    parser.add_argument(
        "--allow", type=several, default=[], help="columns that don't know the outcome, although it looks so"
    )
    parser.add_argument("--drop", type=several, default=[], help="columns to leave out")
    parser.add_argument(
        "--keep", type=several, default=[], help="columns of many values to keep more of: COLUMN or COLUMN:NUMBER"
    )
    parser.add_argument("--read", metavar="KEY:VALUE,…", help="readings to confirm, as the refusal printed them")
    parser.add_argument("--as-of", metavar="YYYY-MM-DD", help="the date of the snapshot")
    parser.add_argument("--currency", help="the currency of all money, such as EUR")
    parser.add_argument("--program", type=Path, required=True, help="the program engagetrack, which reads and checks")
    options = parser.parse_args()

    began = time.monotonic()

    def progress(line):
        print(f"{time.monotonic() - began:5.0f} s  {line}", file=sys.stderr, flush=True)

    try:
        print(adopt(options, progress))
    except Refused as refused:
        print(page.refusal(refused.faults))
        sys.exit(1)


if __name__ == "__main__":
    main()
