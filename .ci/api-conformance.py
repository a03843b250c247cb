#!/usr/bin/env python3
"""Sends generated requests to a server of its own and holds the responses against server/openapi.json.

Usage: api-conformance.py SERVER CASES

SERVER is the program; CASES is how many requests are generated per operation, the same ones each time.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from emulator import free_port

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT_S = 30
SEED = "20261126"


def wait_until_healthy(base_url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{base_url}/healthz")
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("the server did not become healthy")


def main() -> None:
    server_program, cases = sys.argv[1:]
    base_url = f"http://127.0.0.1:{(port := str(free_port()))}"
    environment = os.environ | {"HOST": "127.0.0.1", "PORT": port, "USAGE_LOG": "off"}
    server = subprocess.Popen([server_program], env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_until_healthy(base_url, server)
        command = [Path(sys.executable).with_name("schemathesis"), "--config-file", ROOT / ".ci/schemathesis.toml", "run", ROOT / "server/openapi.json"]
        command += ["--url", base_url, "--max-examples", cases, "--seed", SEED, "--generation-deterministic"]
        command += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-color"]
        # schemathesis keeps its findings in the working directory.
        with tempfile.TemporaryDirectory() as folder:
            outcome = subprocess.run(command, cwd=folder).returncode
        if server.poll() is not None:
            sys.exit(f"the server ended with code {server.returncode}")
    finally:
        server.terminate()
        server.wait()
    sys.exit(outcome)


if __name__ == "__main__":
    main()
