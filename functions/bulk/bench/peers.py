"""Measures the bulk job beside a bare copy of its input and beside pandas with XGBoost, in the same run, on CSV and on Parquet.

    python peers.py ENGAGETRACK COPY

Run it from the root of the repository; the two are built programs. The input is data/customers.csv many times over, the
answers are compared, and times are medians of interleaved runs. On one thread they are processor time: on a busy machine
a long run is interrupted more than a short one, which would flatter the short. What two threads gain only the clock of
an idle machine shows; beside it stands what they would gain by their processor time, the work being shared evenly. Peak
memory is what the operating system says of each process.

This script imports no package: a process that is measured inherits the peak of the one that starts it.
"""

import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CUSTOMERS = Path("data/customers.csv")
# The customers so many times over; the peer, which takes minutes for all, gets them once.
TIMES = 20
REPEAT = 5

TARGETS = {"copy": 0.25, "threads": 1.8, "pandas": 30}
PARQUET_PEERS = "functions/bulk/bench/parquet_peers.py"
# XGBoost adds in 32 bits.
TOLERANCE = 1e-5


class Run:
    """What a process took."""

    def __init__(self, command):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        self.output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        self.wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{command[0]} ended with status {process.returncode}")
        self.processor = usage.ru_utime + usage.ru_stime
        self.megabytes = usage.ru_maxrss / 1024


def median(runs, of):
    return statistics.median(of(run) for run in runs)


def processor(run):
    return run.processor


def wall(run):
    return run.wall


def results(paths):
    """The rows of a results file, which may come in parts."""
    lines = (line for path in paths for line in open(path, newline=""))
    return list(csv.DictReader(lines))


def compare(ours, theirs):
    """Ends the program where two lists of results differ by more than rounding."""
    if len(ours) != len(theirs):
        sys.exit(f"{len(ours)} rows here, {len(theirs)} there")
    nudges = 0
    for one, other in zip(ours, theirs, strict=True):
        columns = ["churn_probability", "contribution_1", "contribution_2", "contribution_3"]
        # The peer does not know that a nudge comes first that an experiment has shown to help; such a one leaves the plan as it is.
        is_measured = one["nudge_id"] != other["nudge_id"] and one["projected_probability"] == one["churn_probability"]
        if not is_measured:
            columns.append("projected_probability")
            nudges += one["nudge_id"] != other["nudge_id"]
        for column in columns:
            if abs(float(one[column]) - float(other[column])) > TOLERANCE:
                sys.exit(f"{one['customerID']}: {column} is {one[column]} here and {other[column]} there")
    # Two nudges may project the same but for the last bits.
    if nudges > len(ours) / 1000:
        sys.exit(f"{nudges} of {len(ours)} nudges differ")


def main():
    engagetrack, copy = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        header, rows = CUSTOMERS.read_bytes().split(b"\n", 1)
        count = rows.count(b"\n")
        with open(folder / "input.csv", "wb") as file:
            file.write(header + b"\n")
            for _ in range(TIMES):
                file.write(rows)
        out = folder / "out"

        def score(threads, file="input.csv", *options, out=out):
            shutil.rmtree(out, ignore_errors=True)
            return Run([engagetrack, "bulk", folder / file, out, "--threads", str(threads), *options])

        copies, ones, twos, peers = [], [], [], []
        peer_command = [sys.executable, "functions/bulk/bench/pandas_xgboost.py", CUSTOMERS, folder / "peer.csv"]
        for repeat in range(REPEAT):
            copies.append(Run([copy, folder / "input.csv", folder / "copy.csv"]))
            ones.append(score(1))
            twos.append(score(2))
            if repeat < 3:
                peers.append(Run(peer_command))
        on_parquet = measured_on_parquet(folder, score)
        # What is read from here on would count for processes that are started after it.
        ours = results(sorted(out.glob("results-*.csv")))
        compare(ours[:count], results([folder / "peer.csv"]))

    one = median(ones, processor)
    per_row = one / (count * TIMES)
    their_row = median(peers, lambda run: float(run.output)) / count
    figures = {
        "copy": median(copies, processor) / one,
        "threads": median(ones, wall) / median(twos, wall),
        "pandas": their_row / per_row,
    }
    by_processor = 2 * one / median(twos, processor)
    peak = {name: max(run.megabytes for run in runs) for name, runs in zip(
        ("copy", "one", "two", "pandas"), (copies, ones, twos, peers), strict=True
    )}  # fmt: skip
    print(f"{count * TIMES:,} customers, results with reasons and nudge, on one thread: {per_row * 1e6:.2f} µs a row, "
          f"{1 / per_row:,.0f} rows a second, {peak['one']:.0f} MB")  # fmt: skip
    lines = [
        ("copy", f"of a bare copy's speed; the copy took {peak['copy']:.0f} MB"),
        ("threads", f"times as fast on two threads by the clock, {by_processor:.2f} by processor time; {peak['two']:.0f} MB"),
        ("pandas", f"times as fast as pandas and XGBoost, {their_row * 1e6:.0f} µs a row, {peak['pandas']:.0f} MB"),
    ]
    for name, text in lines:
        verdict = "" if figures[name] >= TARGETS[name] else f"  (wanted: {TARGETS[name]})"
        print(f"{figures[name]:8.2f} {text}{verdict}")
    print_parquet(on_parquet, count * TIMES)


def measured_on_parquet(folder, score):
    """What processes took that read and write Parquet, by name."""
    out = folder / "parquet"

    def peer(task, *arguments):
        return Run([sys.executable, PARQUET_PEERS, task, *arguments])

    customers, few = folder / "input.parquet", folder / "few.parquet"
    peer("make", CUSTOMERS, str(TIMES), customers)
    peer("make", CUSTOMERS, "1", few)
    runs = {name: [] for name in ("one", "two", "as_csv", "copy", "predict", "pandas")}
    for repeat in range(REPEAT):
        runs["as_csv"].append(score(1, customers, out=out))
        runs["two"].append(score(2, customers, "--parquet", out=out))
        runs["one"].append(score(1, customers, "--parquet", out=out))
        runs["copy"].append(peer("copy", customers, folder / "copy.parquet"))
        runs["predict"].append(peer("predict", customers, folder / "probabilities.parquet"))
        if repeat < 3:
            command = [sys.executable, "functions/bulk/bench/pandas_xgboost.py", few, folder / "peer.parquet"]
            runs["pandas"].append(Run(command))
        if repeat == 0:
            peer("compare", out, folder / "probabilities.parquet")
    return runs


def print_parquet(runs, customers):
    """Parquet in and out, beside those that do a part of it or all of it. What peers took is without their start."""
    row = {name: median(of, processor) / customers for name, of in runs.items()}
    for name, of_customers in (("copy", customers), ("predict", customers), ("pandas", customers / TIMES)):
        row[name] = median(runs[name], lambda run: float(run.output)) / of_customers
    peak = {name: max(run.megabytes for run in of) for name, of in runs.items()}
    print(f"Parquet in and out, on one thread: {row['one'] * 1e6:.2f} µs a row, {1 / row['one']:,.0f} rows a second, {peak['one']:.0f} MB; "
          f"with results as CSV {row['as_csv'] * 1e6:.2f} µs")  # fmt: skip
    for ratio, text in (
        (row["copy"] / row["one"], f"of the speed of pyarrow, which only reads and writes; {row['copy'] * 1e6:.2f} µs, {peak['copy']:.0f} MB"),
        (row["predict"] / row["one"], f"times as fast as pandas and XGBoost for probabilities alone; {row['predict'] * 1e6:.2f} µs, {peak['predict']:.0f} MB"),
        (row["pandas"] / row["one"], f"times as fast as pandas and XGBoost for all; {row['pandas'] * 1e6:.0f} µs, {peak['pandas']:.0f} MB"),
        (median(runs["one"], wall) / median(runs["two"], wall), f"times as fast on two threads by the clock; {peak['two']:.0f} MB"),
    ):  # fmt: skip
        print(f"{ratio:8.2f} {text}")


if __name__ == "__main__":
    main()
