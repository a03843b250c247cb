#!/usr/bin/env python3
"""Runs the contract suite against the Lambda functions themselves, under cargo-lambda's emulator: over the workspace in the
functions, and over each of the examples as a compiled file.

Run it from the root of the repository, with cargo-lambda on the PATH.
"""

import os
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

from emulator import Emulator, EmulatorFailed

START_LIMIT_S = 900
POLL_S = 0.25


def main():
    router = tomllib.loads(Path("Cargo.toml").read_text())["workspace"]["metadata"]["lambda"]["watch"]["router"]
    path_of = {function: path for path, function in router.items()}
    try:
        check(path_of)
        for example in sorted(Path("examples").glob("*/data/schema.toml")):
            with tempfile.TemporaryDirectory() as folder:
                check(path_of, {"WORKSPACE": compiled(example.parent.parent, Path(folder))})
    except (EmulatorFailed, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
    print("the contract holds under cargo lambda watch")


def check(path_of, environment=()):
    """Runs the suite against the functions in an environment."""
    with Emulator(path_of, environment) as emulator:
        for path in path_of.values():
            until_it_answers(emulator, emulator.base_url + path.replace("{customer_id}", "0000-AAAAA"))
        print(f"{', '.join(path_of)} answer at {emulator.base_url} under cargo lambda watch", flush=True)
        suite = ["cargo", "test", "--package", "server", "--test", "contract"]
        subprocess.run(suite, env=os.environ | {"BASE_URL": emulator.base_url}, check=True)


def compiled(workspace, folder):
    """The file that a workspace is compiled to."""
    file = folder / f"{workspace.name}.workspace"
    program = ["cargo", "run", "--quiet", "--package", "cli", "--", "compile"]
    subprocess.run([*program, str(workspace), "--output", str(file)], check=True)
    return str(file)


def until_it_answers(emulator, url):
    """Waits until a function itself refuses a method; the emulator's own errors are no problem documents."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        emulator.must_run()
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=START_LIMIT_S)
        except urllib.error.HTTPError as error:
            if error.headers["content-type"] == "application/problem+json":
                return
        except OSError:
            pass
        time.sleep(POLL_S)
    raise EmulatorFailed(f"{url} did not answer within {START_LIMIT_S} s")


if __name__ == "__main__":
    main()
