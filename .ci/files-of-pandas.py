#!/usr/bin/env python3
"""Has bulk read Parquet and Excel files that pandas writes, and pandas read what it writes: the same customers are scored the
same, to the bit.

    python .ci/files-of-pandas.py ENGAGETRACK

Run it from the root of the repository; the program is built with the features excel and parquet. Python needs pandas, pyarrow and openpyxl.
"""

import datetime
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

CUSTOMERS = Path("data/customers.csv")
PROGRAM = sys.argv.pop(1)
NUMBERS = {"tenure": "Int64", "MonthlyCharges": "float64", "TotalCharges": "float64"}
SCORES = {
    "churn_probability": np.float64,
    "risk_level": object,
    "reason_1": object,
    "contribution_1": np.float32,
    "reason_2": object,
    "contribution_2": np.float32,
    "reason_3": object,
    "contribution_3": np.float32,
    "nudge_id": object,
    "nudge_category": object,
    "projected_probability": np.float64,
}


def customers():
    """The customers with numbers as numbers, and columns of other types that are no field's."""
    frame = pd.read_csv(CUSTOMERS, dtype=str, keep_default_na=False)
    for column, kind in NUMBERS.items():
        frame[column] = pd.to_numeric(frame[column].str.strip()).astype(kind)
    rows = np.arange(len(frame))
    frame["account"] = rows + 2**53
    frame["rate"] = np.where(rows % 3 == 0, np.nan, rows / 7)
    frame["since"] = pd.Timestamp("2026-03-01 12:30") + pd.to_timedelta(rows, "min")
    frame["day"] = [None if row % 5 == 0 else datetime.date(2026, 1, 1 + row % 28) for row in rows]
    frame["checked"] = pd.array(np.where(rows % 2 == 0, True, False), dtype="boolean")
    frame["note"] = [None if row % 4 == 0 else f"é {row}, \"quoted\"" for row in rows]
    return frame


class FilesOfPandas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.held = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.held.cleanup)
        cls.folder = Path(cls.held.name)
        cls.frame = customers()
        text = cls.frame.assign(checked=cls.frame["checked"].map({True: "true", False: "false"}))
        text.to_csv(cls.folder / "customers.csv", index=False)
        cls.expected = cls.read_csv(cls.score("customers.csv", "expected"))

    @classmethod
    def score(cls, file, out, *options):
        """Scores a file into a folder."""
        out = cls.folder / out
        done = subprocess.run(
            [PROGRAM, "bulk", cls.folder / file, out, *options], stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise AssertionError(done.stderr)
        manifest = json.loads((out / "manifest.json").read_text())
        assert manifest["rows_out"] == len(cls.frame), manifest
        return out

    @staticmethod
    def read_csv(folder):
        parts = (pd.read_csv(part, dtype=str, header=None if index else 0) for index, part in enumerate(sorted(folder.glob("results-*.csv"))))  # fmt: skip
        parts = list(parts)
        for part in parts[1:]:
            part.columns = parts[0].columns
        return pd.concat(parts, ignore_index=True)

    def assert_scores(self, found):
        """The scores are those of CSV, which writes the shortest text of each number."""
        self.assertEqual(len(found), len(self.expected))
        self.assertEqual(list(found["customerID"]), list(self.expected["customerID"]))
        for column, kind in SCORES.items():
            expected = self.expected[column]
            if kind is object:
                self.assertEqual(list(found[column]), list(expected), column)
            else:
                self.assertEqual(found[column].dtype, kind, column)
                self.assertTrue((found[column].to_numpy() == expected.astype(kind).to_numpy()).all(), column)

    def written(self):
        """Files of the customers as programs write them, by name."""
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        texts = [field.name for field in table.schema if pa.types.is_large_string(field.type) or pa.types.is_string(field.type)]
        categories = self.frame.assign(**{name: self.frame[name].astype("category") for name in texts})
        yield "pandas", lambda path: self.frame.to_parquet(path)
        yield "an index", lambda path: self.frame.set_index("customerID").to_parquet(path)
        yield "categories", lambda path: categories.to_parquet(path, compression="zstd", row_group_size=1_000)
        yield "no dictionaries", lambda path: pq.write_table(table, path, use_dictionary=False, compression="gzip")
        yield "version 1", lambda path: pq.write_table(table, path, version="1.0", compression="lz4", use_deprecated_int96_timestamps=True)  # fmt: skip
        yield "pages of version 2", lambda path: pq.write_table(table, path, data_page_version="2.0", compression="none", data_page_size=500)  # fmt: skip
        decimals = table.set_column(
            table.schema.get_field_index("MonthlyCharges"), "MonthlyCharges", table["MonthlyCharges"].cast(pa.decimal128(9, 2), safe=False)  # fmt: skip
        )
        yield "decimals", lambda path: pq.write_table(decimals, path, column_encoding={"customerID": "DELTA_BYTE_ARRAY"}, use_dictionary=["Contract"])  # fmt: skip

    def test_files_of_any_program_are_scored_as_their_csv_is(self):
        for name, write in self.written():
            with self.subTest(name):
                write(self.folder / "customers.parquet")
                options = () if name == "pandas" else ("--shard-bytes", "100000")
                out = self.score("customers.parquet", name, "--parquet", *options)
                self.assert_scores(pd.read_parquet(sorted(out.glob("results-*.parquet"))))

    def test_a_workbook_is_scored_as_its_csv_is(self):
        with pd.ExcelWriter(self.folder / "customers.xlsx") as workbook:
            pd.DataFrame({"about": ["customers in October"]}).to_excel(workbook, sheet_name="About", index=False)
            self.frame.to_excel(workbook, sheet_name="Customers", index=False)
        out = self.score("customers.xlsx", "workbook", "--shard-bytes", "100000")
        self.assertEqual(len(list(out.glob("results-*.csv"))), 1)
        found = self.read_csv(out)
        for column in ["customerID", *SCORES]:
            self.assertEqual(list(found[column].fillna("")), list(self.expected[column].fillna("")), column)

    def test_results_are_the_same_as_csv(self):
        self.frame.to_parquet(self.folder / "as-csv.parquet")
        found = self.read_csv(self.score("as-csv.parquet", "as-csv"))
        for column in ["customerID", *SCORES, "note", "account"]:
            self.assertEqual(list(found[column].fillna("")), list(self.expected[column].fillna("")), column)

    def test_columns_that_are_no_fields_keep_their_types_and_values(self):
        self.frame.to_parquet(self.folder / "kept.parquet", row_group_size=3_000)
        out = self.score("kept.parquet", "kept", "--parquet", "--shard-bytes", "1")
        parts = sorted(out.glob("results-*.parquet"))
        self.assertEqual(len(parts), 3)
        table = pa.concat_tables(pq.read_table(part) for part in parts)
        frame = table.to_pandas()
        for column in ("account", "rate", "day", "note"):
            pd.testing.assert_series_equal(frame[column], self.frame[column], check_dtype=column in ("account", "rate"))
        self.assertTrue((frame["since"] == self.frame["since"]).all())
        self.assertTrue((frame["checked"] == self.frame["checked"]).all())
        self.assertEqual(str(table.schema.field("day").type), "date32[day]")
        # Texts come by dictionary where they come again and again.
        by_dictionary = pq.read_table(parts[0], read_dictionary=["risk_level", "nudge_id"])
        self.assertTrue(pa.types.is_dictionary(by_dictionary.schema.field("nudge_id").type))
        chunk = pq.ParquetFile(parts[0]).metadata.row_group(0)
        encodings = {chunk.column(index).path_in_schema: chunk.column(index).encodings for index in range(chunk.num_columns)}  # fmt: skip
        for column in ("risk_level", "reason_1", "nudge_id", "nudge_category"):
            self.assertIn("RLE_DICTIONARY", encodings[column])

    def test_results_of_csv_are_parquet_too(self):
        out = self.score("customers.csv", "of-csv", "--parquet")
        self.assert_scores(pd.read_parquet(sorted(out.glob("results-*.parquet"))))


if __name__ == "__main__":
    unittest.main()
