"""cargo-lambda's emulator, which runs the functions as Lambda does. Needs cargo-lambda on the PATH."""

import os
import signal
import socket
import subprocess
import sys
import tempfile


class EmulatorFailed(Exception):
    """The emulator ended, or a function did not answer in time."""


class Emulator:
    """The emulator, from the root of the repository, as long as the `with` block lasts. When that or the
    emulator fails, its log is printed."""

    def __init__(self, functions, environment=()):
        # What is built already, the emulator starts at once.
        subprocess.run(["cargo", "build", *(word for function in functions for word in ("--bin", function))], check=True)
        port = str(free_port())
        self.base_url = f"http://127.0.0.1:{port}"
        self.command = ["cargo", "lambda", "watch", "--ignore-changes", "--invoke-address", "127.0.0.1", "--invoke-port", port]
        self.environment = os.environ | dict(environment)

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        # In a process group of its own, for it starts each function as a process in turn.
        self.process = subprocess.Popen(
            self.command, stdout=self.log, stderr=self.log, env=self.environment, start_new_session=True
        )
        return self

    def __exit__(self, failure, *_):
        ended_by_itself = self.process.poll() is not None
        if not ended_by_itself:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()
        if failure is not None or ended_by_itself:
            self.log.seek(0)
            print(self.log.read().decode(errors="replace")[-20_000:], file=sys.stderr)
        self.log.close()

    def must_run(self):
        if self.process.poll() is not None:
            raise EmulatorFailed(f"cargo lambda watch ended with code {self.process.returncode}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
