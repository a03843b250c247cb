#!/usr/bin/env python3
"""Measures how Lambda functions start and answer beside one that does nothing, in the same run.

    cold_start.py IDLE FUNCTIONS WORKSPACE NAME=REQUEST_PATH...

IDLE is the built example `idle`, FUNCTIONS the folder that cargo-lambda builds into, WORKSPACE a compiled one. The function NAME is
asked for REQUEST_PATH: once with the usage log's key in its environment, once with that workspace in place of the one in the
program, and once fetching the key before its first answer, from a stand-in for AWS's secrets extension. On AWS the call to Secrets
Manager itself is added to that, and so is fetching the layer that holds the file, which is in the page cache here.

A start lasts from before the process is made to its first poll of the runtime API. Every binary starts once in a round, and each
round begins with another one; then its memory is read, and it answers requests. Where the machine is busy, the processor time of
the starts says more than how long they lasted.
"""

import statistics
import sys
import time

from lambda_runtime import KEY_GIVEN, Extension, Function, event, size

STARTS = 40
WARM_REQUESTS = 200
# The most that a function may take of what the idle one takes: time to start, and memory once it has.
MOST_TIME = {"predict": 1.10, "explain": 1.20}
MOST_MEMORY = 1.3
# The most processor time, in milliseconds, that a workspace from a file may add until the first answer.
MOST_ADDED = {"predict": 3, "explain": 6}


def main():
    idle, folder, workspace, *requests = sys.argv[1:]
    subjects = [("idle", idle, "/", KEY_GIVEN)]
    with Extension() as extension:
        for name, path in (request.split("=", 1) for request in requests):
            binary = f"{folder}/{name}/bootstrap"
            subjects.append((name, binary, path, KEY_GIVEN))
            subjects.append((f"{name}, file", binary, path, KEY_GIVEN | {"WORKSPACE": workspace}))
            subjects.append((f"{name}, key fetched", binary, path, extension.environment))
        measured = {name: [] for name, *_ in subjects}
        for turn in range(STARTS):
            first = turn % len(subjects)
            for name, binary, path, environment in subjects[first:] + subjects[:first]:
                measured[name].append(start(binary, path, environment))

    medians = {name: Medians(starts) for name, starts in measured.items()}
    base = medians["idle"]
    print(f"medians of {STARTS} starts\n")
    print(f"{'function':<22}{'start':>16}{'processor':>16}{'memory':>18}{'to first answer':>19}{'first answer':>16}{'warm answer':>16}{'binary':>11}")
    for name, binary, *_ in subjects:
        own = medians[name]
        print(
            f"{name:<22}"
            f"{own.start * 1e3:7.2f} ms {own.start / base.start:4.2f}×"
            f"{own.processor * 1e3:7.2f} ms {own.processor / base.processor:4.2f}×"
            f"{own.memory / 1e6:9.2f} MB {own.memory / base.memory:4.2f}×"
            f"{own.answered * 1e3:10.2f} ms {own.answered / base.answered:4.2f}×"
            f"{own.first * 1e6:7.0f} µs {own.first / base.first:4.2f}×"
            f"{own.warm * 1e6:7.0f} µs {own.warm / base.warm:4.2f}×"
            f"{size(binary) / 1e6:8.2f} MB"
        )
    for name, most in MOST_TIME.items():
        if name in measured:
            print(f"{name} may take {most:.2f}× the time to start, and {MOST_MEMORY}× the memory")
    for name, most in MOST_ADDED.items():
        if name in measured:
            added = (medians[f"{name}, file"].answered - medians[name].answered) * 1e3
            print(f"a workspace from a file adds {added:.2f} ms of processor time to {name}'s first answer, and may add {most}")


class Medians:
    """The medians of the starts of one binary: seconds, and bytes of resident memory."""

    def __init__(self, starts):
        medians = (statistics.median(values) for values in zip(*starts))
        self.start, self.processor, self.memory, self.answered, self.first, self.warm = medians


def start(binary, path, environment):
    """Starts a binary: seconds to its first poll, those of them that it spent on a processor, its memory in bytes, seconds on a
    processor until its first answer, and seconds of that and of a later answer."""
    request = event(path)
    begun = time.perf_counter()
    with Function(binary, environment) as function:
        started = time.perf_counter() - begun
        processor, memory = function.processor_time(), function.resident()
        first = answer(function, request)
        answered = function.processor_time()
        warm = statistics.median(answer(function, request) for _ in range(WARM_REQUESTS))
    return started, processor, memory, answered, first, warm


def answer(function, request):
    """Seconds that an answer takes."""
    asked = time.perf_counter()
    function.answer(request)
    return time.perf_counter() - asked


if __name__ == "__main__":
    main()
