"""Loads the server on one core and prints how it compares with its peers in the same run.

    python load.py SERVER BARE

SERVER and BARE are the built server and the built example of that name. Whoever answers runs on one core, wrk with 64
connections on another. A ratio is the median of rounds that alternate. Rates are per second of processor time that the
program took, for the same reason as in shared/forest/bench: on an idle machine that is a second of its core, on a busy one the
rest of the machine does not count. The server writes its usage log, unless it is said that it does not. Run it at the root of
the repository, with wrk on the PATH.
"""

import argparse
import contextlib
import csv
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONNECTIONS = 64
ROUNDS = 7
ROUND_S = 3
MIXED_S = 60
SERVER_CORE, CLIENT_CORE = "0", "1"
# Customers that are asked for, in turn.
CUSTOMERS = 500

# What the server is to reach: requests per second as a share of the bare route's, and as a multiple of FastAPI's.
BARE_TARGETS = {"predict": 0.5, "explain": 0.35}
FASTAPI_TARGET = 40
# How much more memory the last ten seconds may take than the second ten.
MEMORY_GROWTH = 0.05


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", type=Path)
    parser.add_argument("bare", type=Path)
    arguments = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("It takes two cores: one for the server, one for wrk.")
    with open("data/customers.csv", newline="") as file:
        ids = [row["customerID"] for _, row in zip(range(CUSTOMERS), csv.DictReader(file))]

    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        log = {"USAGE_LOG": str(Path(folder, "usage.log")), "PORT": "0", "LOG_LEVEL": "error"}
        server = stack.enter_context(running([arguments.server.resolve()], log))
        silent = stack.enter_context(running([arguments.server.resolve()], log | {"USAGE_LOG": "off"}))
        peer = [sys.executable, "-m", "uvicorn", "--port", "0", "--no-access-log", "fastapi_peer:app"]
        fastapi = stack.enter_context(running(peer, {"PYTHONPATH": f"{HERE}:models"}))
        for route in BARE_TARGETS:
            against_bare(folder, arguments.bare, server, route, ids)
        against_fastapi(folder, server, "only the server writes a log", fastapi, ids, FASTAPI_TARGET)
        against_fastapi(folder, silent, "neither writes a log", fastapi, ids)
        mixed(folder, server, ids)


class Peer:
    """A program that answers."""

    def __init__(self, process, base_url):
        self.process = process
        self.base_url = base_url

    def resident_bytes(self):
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")

    def processor_seconds(self):
        """What it has used of its core so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(command, environment):
    """A program on the core for servers, once it has said where it listens; its URL is the last http:// in a line."""
    process = subprocess.Popen(
        ["taskset", "--cpu-list", SERVER_CORE, *command],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = next((line for line in process.stdout if "http://" in line), None)
        if line is None:
            sys.exit(f"{command[0]} ended before it listened")
        # What else it says would fill the pipe.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield Peer(process, "http://" + line.split("http://")[1].split()[0])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def wrk(peer, requests, seconds):
    """What wrk counted while it sent requests, lines of requests.lua, for some seconds, and the rate of the peer."""
    target = ["--connections", str(CONNECTIONS), "--threads", "1", "--timeout", "30s", "--duration", f"{seconds}s", peer.base_url]
    command = ["taskset", "--cpu-list", CLIENT_CORE, "wrk", *target, "--script", HERE / "requests.lua", "--", requests]
    before = peer.processor_seconds()
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    counts = json.loads(result.stdout.splitlines()[-1])
    return counts | {"rate": counts["requests"] / (peer.processor_seconds() - before)}


def alternating(ours, theirs, requests, rounds=ROUNDS):
    """Medians of our rate, of theirs and of the ratio, and the errors of both."""
    pairs = [(wrk(ours, requests, ROUND_S), wrk(theirs, requests, ROUND_S)) for _ in range(rounds)]
    rates = [(our_counts["rate"], their_counts["rate"]) for our_counts, their_counts in pairs]
    ratio = statistics.median(our_rate / their_rate for our_rate, their_rate in rates)
    errors = sum(counts["errors"] for pair in pairs for counts in pair)
    return (*map(statistics.median, zip(*rates)), ratio, errors)


def requests_file(folder, name, lines):
    path = Path(folder, name)
    path.write_text("".join("\t".join(line) + "\n" for line in lines))
    return path


def by_id(function, ids):
    return [("GET", f"/v1/{function}/{customer_id}") for customer_id in ids]


def against_bare(folder, bare, server, route, ids):
    with urllib.request.urlopen(f"{server.base_url}/v1/{route}/{ids[0]}") as answer:
        body, content_type = answer.read(), answer.headers["content-type"]
    body_file = Path(folder, f"{route}.json")
    body_file.write_bytes(body)
    with running([bare.resolve(), body_file, content_type], {}) as peer:
        requests = requests_file(folder, route, by_id(route, ids))
        ours, theirs, ratio, errors = alternating(server, peer, requests)
    report(
        f"{route} by id   {ours:,.0f}/s   bare axum route, same {len(body)} bytes {theirs:,.0f}/s",
        f"ratio {ratio:.2f} (target {BARE_TARGETS[route]})",
        errors,
        ratio >= BARE_TARGETS[route],
    )


def against_fastapi(folder, server, which_log, fastapi, ids, target=None):
    answers = []
    for peer in (server, fastapi):
        with urllib.request.urlopen(f"{peer.base_url}/v1/predict/{ids[0]}") as answer:
            answers.append(json.load(answer))
    if abs(answers[0]["probability"] - answers[1]["probability"]) > 1e-5:
        sys.exit(f"the peers disagree: {answers}")
    requests = requests_file(folder, "predict", by_id("predict", ids))
    ours, theirs, ratio, errors = alternating(server, fastapi, requests)
    report(
        f"predict by id   {ours:,.0f}/s   FastAPI and XGBoost {theirs:,.0f}/s, {which_log}",
        f"{ratio:.0f} times" + (f" (target {target})" if target else ""),
        errors,
        target is None or ratio >= target,
    )


def mixed(folder, server, ids):
    """All kinds of requests for a minute: no errors, and memory that stays where it is."""
    profile = json.dumps({
        "gender": "Female", "senior_citizen": False, "partner": True, "dependents": False, "tenure_months": 1,
        "phone_service": True, "multiple_lines": False, "internet_service": "DSL", "online_security": False,
        "online_backup": True, "device_protection": False, "tech_support": False, "streaming_tv": False,
        "streaming_movies": False, "contract": "Month-to-month", "paperless_billing": True,
        "payment_method": "Electronic check", "monthly_charges": 29.85, "total_charges": 29.85,
    })  # fmt: skip
    lines = []
    for number, customer_id in enumerate(ids):
        lines += [("GET", f"/v1/{function}/{customer_id}") for function in ("predict", "explain", "nudges", "summary")]
        lines += [("POST", f"/v1/{function}", profile) for function in ("predict", "explain", "nudges")]
        if number % 10 == 0:
            lines += [("GET", "/v1/summary?limit=50"), ("GET", "/v1/analytics?contract=One+year"), ("GET", "/")]
    resident = []

    def watch():
        start = time.monotonic()
        for second in range(1, MIXED_S):
            time.sleep(max(0, start + second - time.monotonic()))
            resident.append(server.resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    counts = wrk(server, requests_file(folder, "mixed", lines), MIXED_S)
    watcher.join()
    early, late = statistics.mean(resident[10:20]), statistics.mean(resident[-10:])
    report(
        f"mixed, {MIXED_S} s   {counts['rate']:,.0f}/s   p99 {counts['p99_ms']:.1f} ms   {late / 1e6:.1f} MB resident",
        f"{late / early - 1:+.1%} against the second ten seconds (at most {MEMORY_GROWTH:.0%})",
        counts["errors"],
        late <= early * (1 + MEMORY_GROWTH),
    )


def report(measured, compared, errors, held):
    print(f"{measured}   {compared}   {errors} errors{'' if held and errors == 0 else '  BELOW TARGET'}", flush=True)


if __name__ == "__main__":
    main()
