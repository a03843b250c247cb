#!/usr/bin/env python3
"""Runs the contract suite against the Lambda functions themselves, under cargo-lambda's emulator.

Run it from the root of the repository, with cargo-lambda on the PATH.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

START_LIMIT_S = 900
POLL_S = 0.25


class EmulatorFailed(Exception):
    """The emulator ended, or a function did not answer in time."""


def main():
    router = tomllib.loads(Path("Cargo.toml").read_text())["workspace"]["metadata"]["lambda"]["watch"]["router"]
    path_of = {function: path for path, function in router.items()}
    # What is built already, the emulator starts at once.
    subprocess.run(["cargo", "build", *(word for function in path_of for word in ("--bin", function))], check=True)

    with tempfile.TemporaryFile() as log:
        base_url = f"http://127.0.0.1:{free_port()}"
        emulator = start(base_url, log)
        try:
            for path in path_of.values():
                until_it_answers(emulator, base_url + path.replace("{customer_id}", "0000-AAAAA"))
            print(f"{', '.join(path_of)} answer at {base_url} under cargo lambda watch", flush=True)
            suite = ["cargo", "test", "--package", "server", "--test", "contract"]
            subprocess.run(suite, env=os.environ | {"BASE_URL": base_url}, check=True)
        except (EmulatorFailed, subprocess.CalledProcessError) as error:
            log.seek(0)
            sys.exit(f"{log.read().decode(errors='replace')[-20_000:]}\n{error}")
        finally:
            os.killpg(emulator.pid, signal.SIGTERM)
            emulator.wait()
    print("the contract holds under cargo lambda watch")


def start(base_url, log):
    """Starts the emulator in a process group of its own, for it starts each function as a process in turn."""
    port = base_url.rsplit(":", 1)[1]
    command = ["cargo", "lambda", "watch", "--ignore-changes", "--invoke-address", "127.0.0.1", "--invoke-port", port]
    return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def until_it_answers(emulator, url):
    """Waits until a function itself refuses a method; the emulator's own errors are no problem documents."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if emulator.poll() is not None:
            raise EmulatorFailed(f"cargo lambda watch ended with code {emulator.returncode}")
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=START_LIMIT_S)
        except urllib.error.HTTPError as error:
            if error.headers["content-type"] == "application/problem+json":
                return
        except OSError:
            pass
        time.sleep(POLL_S)
    raise EmulatorFailed(f"{url} did not answer within {START_LIMIT_S} s")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
