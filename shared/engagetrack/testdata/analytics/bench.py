"""Times the analytics of a selection against pandas and polars on one thread, in turns, and fails when they are not fast enough.

    python bench.py path/to/examples/analytics

The peers start from a frame in memory whose bins are worked out already, and compute count, churn rate and mean probability of
the selection and of each bin of all thirteen distributions. Ours also gives intervals, calibration and drivers.
"""

import os
import subprocess
import sys
import time
from io import StringIO
from statistics import median
from urllib.parse import parse_qs

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl

import population

ROUNDS = 7
REPEATS = 15
BOUNDS = {"pandas": 20, "polars": 3}
SELECTIONS = {
    "everyone": "",
    "three filters": "contract=Month-to-month&internet_service=Fiber+optic&internet_service=DSL&tenure_max=48",
}
FIGURES = ["churned", "probability"]


def pandas_filter(frame, query):
    wanted = parse_qs(query)
    if not wanted:
        return frame
    return frame[
        frame["contract"].isin(wanted["contract"])
        & frame["internet_service"].isin(wanted["internet_service"])
        & (frame["tenure_months"] <= int(wanted["tenure_max"][0]))
    ]


def with_pandas(frame, query):
    part = pandas_filter(frame, query)
    whole = (len(part), part["churned"].mean(), part["probability"].mean())
    bins = [
        part.groupby(f"{field}_bin", observed=False)[FIGURES].agg(["count", "mean"]) for field in population.FIELDS
    ]
    return whole, bins


def polars_filter(frame, query):
    wanted = parse_qs(query)
    if not wanted:
        return frame
    return frame.filter(
        pl.col("contract").is_in(wanted["contract"]),
        pl.col("internet_service").is_in(wanted["internet_service"]),
        pl.col("tenure_months") <= int(wanted["tenure_max"][0]),
    )


def with_polars(frame, query):
    part = polars_filter(frame, query)
    figures = [pl.len(), pl.col("churned").mean(), pl.col("probability").mean()]
    whole = part.select(figures[0].alias("count"), *figures[1:])
    bins = [part.group_by(f"{field}_bin").agg(figures) for field in population.FIELDS]
    return whole, bins


def microseconds(action) -> float:
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        action()
        times.append(time.perf_counter() - begun)
    return median(times) * 1e6


def main(binary: str) -> None:
    def ours(*arguments: str) -> str:
        return subprocess.run([binary, *arguments], check=True, capture_output=True, text=True).stdout

    frame = population.read(StringIO(ours("table")))
    used = ["contract", "internet_service", "tenure_months", *FIGURES, *(f"{field}_bin" for field in population.FIELDS)]
    frame = frame[used]
    columns = {name: column.astype(int) if name.endswith("_bin") else column for name, column in frame.items()}
    polars_frame = pl.DataFrame({name: column.to_list() for name, column in columns.items()}).with_columns(
        pl.col("contract", "internet_service").cast(pl.Categorical), pl.col("^.*_bin$").cast(pl.UInt8)
    )
    slow = False
    print(f"{'selection':14} {'EngageTrack':>12} {'pandas':>18} {'polars, one thread':>20}")
    for name, query in SELECTIONS.items():
        times = {"EngageTrack": [], "pandas": [], "polars": []}
        for _ in range(ROUNDS):
            times["EngageTrack"].append(float(ours("time", query)))
            times["pandas"].append(microseconds(lambda: with_pandas(frame, query)))
            times["polars"].append(microseconds(lambda: with_polars(polars_frame, query)))
        medians = {engine: median(rounds) for engine, rounds in times.items()}
        ratios = {peer: medians[peer] / medians["EngageTrack"] for peer in BOUNDS}
        slow |= any(ratios[peer] < bound for peer, bound in BOUNDS.items())
        print(
            f"{name:14} {medians['EngageTrack']:9.0f} µs"
            + "".join(f" {medians[peer]:9.0f} µs {ratios[peer]:5.1f}×" for peer in BOUNDS)
        )
    if slow:
        sys.exit(f"too slow: the bounds are {BOUNDS}")


if __name__ == "__main__":
    main(sys.argv[1])
