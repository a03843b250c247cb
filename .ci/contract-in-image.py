#!/usr/bin/env python3
"""Runs the contract suite against the image: from its mounted root, read-only and as the user that it names; over the workspace in
the program, and over each of the examples in the volume.

Run it from the root of the repository with the image's name; the rest of the arguments go to buildah. It needs PyYAML.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import yaml

LARGEST_BYTES = 25_000_000
START_LIMIT_S = 30
POLL_S = 0.05

# In a mount namespace of its own: the devices, which any runtime provides, the volume writable, the root read-only, then the
# command as the user. The shell becomes the command, so that signals reach it.
CONTAINED = """
root=$1 user=$2 volume=$3 mounted=$4; shift 4
mount --bind "$root" "$root" && mount --rbind /dev "$root/dev" && mount --bind "$volume" "$root$mounted" &&
    mount -o remount,ro,bind "$root" || exit 125
if touch "$root/file" 2>/dev/null; then echo "the root can be written" >&2; exit 125; fi
exec chroot --userspec="$user" "$root" "$@"
"""


def main():
    image, *storage = sys.argv[1:]
    if os.geteuid() != 0:
        # Mounting and changing the user take root, be it one of a user namespace.
        os.execvp("buildah", ["buildah", *storage, "unshare", sys.executable, *sys.argv])

    def buildah(*words):
        return subprocess.run(["buildah", *storage, *words], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()

    config = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
    container = buildah("from", "--pull-never", image)
    try:
        root = Path(buildah("mount", container))
        check_files(root)
        Path(root, "dev").mkdir()
        run_suite(root, config)
        for example in sorted(Path("examples").glob("*/data/schema.toml")):
            run_suite(root, config, example.parent.parent)
    finally:
        buildah("rm", container)
    print("the contract holds in the image")


def check_files(root):
    """Only the program can be run, and all is small."""
    files = [path for path in root.rglob("*") if path.is_file()]
    executable = [str(path.relative_to(root)) for path in files if path.stat().st_mode & 0o111]
    size = sum(path.stat().st_size for path in files)
    print(f"{len(files)} files, {size / 1e6:.1f} MB")
    if executable != ["engagetrack"]:
        sys.exit(f"only the program may be executable, and there are {executable}")
    if size >= LARGEST_BYTES:
        sys.exit(f"the image must be smaller than {LARGEST_BYTES / 1e6} MB")


def run_suite(root, config, workspace=None):
    """Starts the image as docker-compose.yml does, asks it everything, asks its health check, and stops it."""
    service = yaml.safe_load(Path("docker-compose.yml").read_text())["services"]["engagetrack"]
    mounted = service["volumes"][0].split(":")[1]
    port = str(free_port())
    environment = dict(line.split("=", 1) for line in config["Env"]) | service["environment"] | {"PORT": port}
    user = config["User"]
    with tempfile.TemporaryDirectory() as volume:
        os.chown(volume, *map(int, user.split(":")))
        if workspace:
            shutil.copytree(workspace, Path(volume, workspace.name))
            environment["WORKSPACE"] = f"{mounted}/{workspace.name}"

        def contained(command):
            prefix = ["unshare", "--mount", "sh", "-c", CONTAINED, "sh", root, user, volume, mounted]
            return subprocess.Popen([*prefix, *command], env=environment)

        server = contained(config["Entrypoint"])
        try:
            base_url = f"http://127.0.0.1:{port}"
            until_ready(server, f"{base_url}/readyz")
            check("who runs it", owner(server.pid), tuple(map(int, user.split(":"))))
            _, *health = config["Healthcheck"]["Test"]
            check("its health check while it runs", contained(health).wait(), 0)
            suite = ["cargo", "test", "--package", "server", "--test", "contract"]
            subprocess.run(suite, env=os.environ | {"BASE_URL": base_url}, check=True)
            page = urllib.request.urlopen(base_url).read()
            check("its page", page, Path("dashboard/dist/index.html").read_bytes())
            server.send_signal(signal.SIGTERM)
            check("its end", server.wait(), 0)
            check("its health check afterwards", contained(health).wait(), 1)
        finally:
            server.kill()
        log = Path(volume, Path(environment["USAGE_LOG"]).relative_to(mounted)).read_text()
        check("the first line of its usage log", json.loads(log.splitlines()[0])["outcome"] > 0, True)


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r}, expected {wanted!r}")


def owner(pid):
    """The user and the group of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = {name: values.split() for name, values in (line.split(":", 1) for line in lines)}
    return int(fields["Uid"][0]), int(fields["Gid"][0])


def until_ready(server, url):
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"the image's program ended with code {server.returncode}")
        try:
            urllib.request.urlopen(url, timeout=START_LIMIT_S)
            return
        except OSError:
            time.sleep(POLL_S)
    sys.exit(f"{url} did not answer within {START_LIMIT_S} s")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
