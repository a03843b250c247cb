"""What others do with a Parquet file of customers, on one thread.

    python parquet_peers.py make CUSTOMERS.csv TIMES CUSTOMERS.parquet
    python parquet_peers.py copy CUSTOMERS.parquet COPY.parquet
    python parquet_peers.py predict CUSTOMERS.parquet PROBABILITIES.parquet
    python parquet_peers.py compare FOLDER PROBABILITIES.parquet

Run it from the root of the repository. `make` writes the customers many times over, numbers as numbers; `copy` reads with pyarrow and
writes what it read; `predict` reads with pandas, predicts with XGBoost and writes ids and probabilities; `compare` fails where the
parts in a folder say another thing than these. Each prints the processor seconds from the first byte read to the last byte written;
loading the packages and the model is not counted.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", ARROW_NUM_THREADS="1")

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas_xgboost import Model, telco

# Rows of a unit that threads share.
ROW_GROUP = 20_000


def make(customers, times, out):
    frame = pd.read_csv(customers, dtype=str, keep_default_na=False)
    for field in telco.SCHEMA.fields.values():
        if field.spellings is None:
            numbers = pd.to_numeric(frame[field.column].str.strip())
            frame[field.column] = numbers.astype("Int64") if field.kind == "whole" else numbers
    pd.concat([frame] * int(times), ignore_index=True).to_parquet(out, index=False, row_group_size=ROW_GROUP)


def copy(path, out):
    table = pq.read_table(path, use_threads=False)
    pq.write_table(table, out, row_group_size=ROW_GROUP)


def encoded(field, column):
    """A field's codes, of numbers as they are."""
    if field.spellings is None:
        return column.to_numpy(float, na_value=np.nan)
    return column.map({text: code for code, texts in enumerate(field.spellings) for text in texts}).to_numpy(float)


def predict(path, out, model):
    names = {name: telco.SCHEMA.fields[name] for name in telco.SCHEMA.feature_names}
    id_column = telco.SCHEMA.columns_of("id")[0]
    columns = [id_column, *(field.column for field in names.values())]
    frame = pd.read_parquet(path, columns=columns, use_threads=False)
    rows = np.column_stack([encoded(field, frame[field.column]) for field in names.values()])
    answer = pd.DataFrame({id_column: frame[id_column], "churn_probability": model.probabilities(rows)})
    answer.to_parquet(out, index=False)


def compare(folder, expected):
    parts = sorted(Path(folder).glob("results-*.parquet"))
    ours, theirs = pd.read_parquet(parts), pd.read_parquet(expected)
    pd.testing.assert_frame_equal(ours[list(theirs)], theirs, check_dtype=False, rtol=0, atol=1e-5)


def main():
    pa.set_cpu_count(1)
    task, *arguments = sys.argv[1:]
    model = [Model()] if task == "predict" else []
    start = time.process_time()
    {"make": make, "copy": copy, "predict": predict, "compare": compare}[task](*arguments, *model)
    print(time.process_time() - start)


if __name__ == "__main__":
    main()
