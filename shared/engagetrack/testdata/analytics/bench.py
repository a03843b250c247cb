"""Times directory, filters and analytics against pandas and polars on one thread, in turns, and fails when the analytics are not
fast enough.

    python bench.py path/to/examples/analytics

All times are processor time. The peers start from a frame in memory. Of a page they sort, take the first fifty and write them as
JSON. Of the analytics they compute count, churn rate and mean probability of the selection and of each bin of all thirteen
distributions, whose bins are worked out already; ours also gives intervals, calibration and drivers. They have no explanation.
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

ROUNDS = 5
REPEATS = 15
BOUNDS = {"pandas": 20, "polars": 3}
SELECTIONS = {
    "everyone": "",
    "three filters": "contract=Month-to-month&internet_service=Fiber+optic&internet_service=DSL&tenure_max=48",
}
FOUR_FILTERS = "contract=Month-to-month&internet_service=Fiber+optic&tenure_max=48&monthly_charges_min=60"
FIGURES = ["churned", "probability"]
ROW = [
    "customer_id", "probability", "risk_level", "persona", "stage", "variant", "contract", "tenure_months",
    "monthly_charges", "churned",
]  # fmt: skip


def pandas_mask(frame, query):
    """Whether each customer passes: no more than the query asks for."""
    mask = None
    for name, values in parse_qs(query).items():
        if name == "tenure_max":
            passing = frame["tenure_months"] <= int(values[0])
        elif name == "monthly_charges_min":
            passing = frame["monthly_charges"] >= float(values[0])
        else:
            passing = frame[name].isin(values)
        mask = passing if mask is None else mask & passing
    return mask


def polars_filters(query):
    filters = []
    for name, values in parse_qs(query).items():
        if name == "tenure_max":
            filters.append(pl.col("tenure_months") <= int(values[0]))
        elif name == "monthly_charges_min":
            filters.append(pl.col("monthly_charges") >= float(values[0]))
        else:
            filters.append(pl.col(name).is_in(values))
    return filters


class Pandas:
    def __init__(self, frame):
        self.frame = frame

    def page(self, key, ascending):
        active = self.frame[self.frame["churned"] == 0]
        return active.sort_values(key, ascending=ascending, kind="stable")[ROW].head(50).to_json(orient="records")

    def filters(self, query):
        return pandas_mask(self.frame, query) & (self.frame["churned"] == 0)

    def analytics(self, query):
        mask = pandas_mask(self.frame, query)
        part = self.frame if mask is None else self.frame[mask]
        whole = (len(part), part["churned"].mean(), part["probability"].mean())
        return whole, [
            part.groupby(f"{field}_bin", observed=False)[FIGURES].agg(["count", "mean"]) for field in population.FIELDS
        ]


class Polars:
    def __init__(self, frame):
        columns = {name: column.astype(int) if name.endswith("_bin") else column for name, column in frame.items()}
        self.frame = pl.DataFrame({name: column.to_list() for name, column in columns.items()}).with_columns(
            pl.col("contract", "internet_service").cast(pl.Categorical), pl.col("^.*_bin$").cast(pl.UInt8)
        )

    def page(self, key, ascending):
        active = self.frame.filter(pl.col("churned") == 0)
        return active.sort(key, descending=not ascending, maintain_order=True).select(ROW).head(50).write_json()

    def filters(self, query):
        return self.frame.select(pl.all_horizontal(*polars_filters(query), pl.col("churned") == 0))

    def analytics(self, query):
        filters = polars_filters(query)
        part = self.frame.filter(*filters) if filters else self.frame
        figures = [pl.len(), pl.col("churned").mean(), pl.col("probability").mean()]
        whole = part.select(figures[0].alias("count"), *figures[1:])
        return whole, [part.group_by(f"{field}_bin").agg(figures) for field in population.FIELDS]


def peers_answer(peer, name):
    """What a peer does for the answer of this name; nothing where it has none."""
    if name.startswith("page by "):
        key = name.removeprefix("page by ")
        return lambda: peer.page(key.removeprefix("-"), not key.startswith("-"))
    if name == "four filters":
        return lambda: peer.filters(FOUR_FILTERS)
    if name in SELECTIONS:
        return lambda: peer.analytics(SELECTIONS[name])
    return None


def microseconds(action) -> float:
    times = []
    for _ in range(REPEATS):
        begun = time.process_time()
        action()
        times.append(time.process_time() - begun)
    return median(times) * 1e6


def main(binary: str) -> None:
    def ours(argument: str) -> str:
        return subprocess.run([binary, argument], check=True, capture_output=True, text=True).stdout

    frame = population.read(StringIO(ours("table")))
    used = [*ROW, "internet_service", *(f"{field}_bin" for field in population.FIELDS)]
    frame = frame[used]
    peers = {"pandas": Pandas(frame), "polars": Polars(frame)}
    times: dict[str, dict[str, list[float]]] = {}
    for _ in range(ROUNDS):
        for line in ours("time").splitlines():
            name, taken = line.split("\t")
            engines = times.setdefault(name, {"EngageTrack": []})
            engines["EngageTrack"].append(float(taken))
            for engine, peer in peers.items():
                if answer := peers_answer(peer, name):
                    engines.setdefault(engine, []).append(microseconds(answer))
    slow = []
    print(f"{'answer':24} {'EngageTrack':>12} {'pandas':>20} {'polars, one thread':>20}")
    for name, engines in times.items():
        medians = {engine: median(rounds) for engine, rounds in engines.items()}
        line = f"{name:24} {medians['EngageTrack']:9.1f} µs"
        for peer, bound in BOUNDS.items():
            if peer not in medians:
                line += f" {'–':>20}"
                continue
            ratio = medians[peer] / medians["EngageTrack"]
            line += f" {medians[peer]:9.0f} µs {ratio:6.1f}×"
            if name in SELECTIONS and ratio < bound:
                slow.append(f"{name} against {peer}")
        print(line)
    if slow:
        sys.exit(f"too slow: {', '.join(slow)}; the bounds are {BOUNDS}")


if __name__ == "__main__":
    main(sys.argv[1])
