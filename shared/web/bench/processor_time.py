#!/usr/bin/env python3
"""Measures the processor time, the memory and the log that each kind of request takes of a function: what is billed.

    processor_time.py FUNCTIONS CUSTOMERS.csv

FUNCTIONS is the folder that cargo-lambda builds into; the customers fill the larger requests. Processor time does not depend
on what else the machine does, and Lambda gives a function a share of a processor by its memory.
"""

import csv
import json
import statistics
import sys
from pathlib import Path

from lambda_runtime import Function, event

REPEATS = 5
# What a repeat asks at least, so that the clock of the kernel is fine enough.
REPEAT_REQUESTS = {"light": 200, "heavy": 1}
CSV_LIMIT = 4 << 20
MOST_PROFILES = 1_000
# A function with this memory, in MB, has one processor; one with less has that share of it.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
PROCESSOR_MB = 1_769
MEMORY_MB = [128, 256, 512, 1024]


def main():
    folder, customers = sys.argv[1], Path(sys.argv[2])
    durations = "".join(f"{f'at {memory} MB':>13}" for memory in MEMORY_MB)
    print(f"{'request':<50}{'processor':>12}{'answer':>11}{'log':>9}{'peak memory':>13}{durations}")
    for name, label, weight, request in requests(customers):
        times = []
        with Function(f"{folder}/{name}/bootstrap") as function:
            # The first request of a process logs no more than others, but takes longer.
            answer, printed = function.answer(request), function.logged()
            for _ in range(REPEATS):
                before = function.processor_time()
                for _ in range(REPEAT_REQUESTS[weight]):
                    function.answer(request)
                times.append((function.processor_time() - before) / REPEAT_REQUESTS[weight])
            peak = function.peak()
        time = statistics.median(times) * 1e3
        durations = "".join(f"{time * PROCESSOR_MB / memory:10.2f} ms" for memory in MEMORY_MB)
        print(f"{label:<50}{time:9.3f} ms{len(answer) / 1e3:8.1f} kB{printed:7} B{peak / 1e6:10.1f} MB{durations}")


def requests(customers):
    """Requests: function, what it is, its weight, its event."""
    text = customers.read_text()
    rows = list(csv.DictReader(text.splitlines()))
    identity = rows[0]["customerID"]
    profiles = json.dumps(rows[:MOST_PROFILES])
    header, *lines = text.splitlines(keepends=True)
    file = header
    while len(file) + len(lines[0]) < CSV_LIMIT:
        file += "".join(lines)[: CSV_LIMIT - len(file)].rsplit("\n", 1)[0] + "\n"

    def of_customer(function, query=""):
        return function, f"{function} a customer{query and ', ' + query}", "light", event(f"/v1/{function}/{identity}?{query}")

    def of_all(path, **options):
        words = path + "".join(f", {value}" for value in options.values())
        return path.split("?")[0].split("/")[0], words, "heavy", event(f"/v1/{path}", **options)

    yield of_customer("predict")
    yield "predict", "predict a posted profile", "light", event("/v1/predict", json.dumps(rows[0]))
    yield "predict", f"predict {MOST_PROFILES} posted profiles", "heavy", event("/v1/predict", profiles)
    yield "predict", "predict a CSV file of 4 MiB", "heavy", event("/v1/predict", file, "text/csv", "text/csv")
    yield of_customer("explain")
    yield of_customer("explain", "interactions=true")
    yield of_all("explain")
    yield of_all("explain?max_points=2000")
    yield of_customer("nudges")
    yield of_customer("nudges", "target=0.2")
    yield of_all("analytics")
    yield of_all("analytics/experiment")
    yield of_customer("summary")
    yield of_all("summary?limit=500")
    yield of_all("summary", accept="text/csv")


if __name__ == "__main__":
    main()
