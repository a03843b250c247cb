#!/usr/bin/env python3
"""Puts the built functions and the dashboard on AWS, or takes them away.

    deploy.py up ARCH      after `make build dashboard`; the first time sam asks and keeps the answers in samconfig.toml
    deploy.py down

Run it from the root of the repository, with sam on the PATH and credentials in the environment.
"""

import mimetypes
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import boto3

SETTINGS = Path("samconfig.toml")
DASHBOARD = Path("dashboard/dist")


def main():
    match sys.argv[1:]:
        case ["up", arch]:
            deploy_stack(arch)
            stack = Stack()
            stack.publish(DASHBOARD)
            print(f"EngageTrack AI is at {stack.output('Url')}")
        case ["down"]:
            stack = Stack()
            stack.empty_site()
            subprocess.run(["sam", "delete"], check=True)
            print("The usage log's bucket and its key are kept: delete them by hand where they are no longer wanted.")
        case _:
            sys.exit(__doc__)


def deploy_stack(arch):
    if not SETTINGS.exists():
        command = ["--guided", "--stack-name", "engagetrack", "--capabilities", "CAPABILITY_IAM"]
        subprocess.run(["sam", "deploy", *command, "--parameter-overrides", f"Arch={arch}"], check=True)
        return
    chosen = saved_settings().get("parameter_overrides", "")
    if f'Arch="{arch}"' not in chosen:
        sys.exit(f"The functions are built for {arch}, but {SETTINGS} says {chosen!r}: build with ARCH=..., or change it there.")
    subprocess.run(["sam", "deploy", "--no-fail-on-empty-changeset"], check=True)


def saved_settings():
    """What sam keeps from the first deployment."""
    if not SETTINGS.exists():
        sys.exit(f"{SETTINGS} is missing: nothing was deployed from here.")
    return tomllib.loads(SETTINGS.read_text())["default"]["deploy"]["parameters"]


class Stack:
    """The deployed stack."""

    def __init__(self):
        saved = saved_settings()
        self.session = boto3.Session(region_name=saved.get("region"), profile_name=saved.get("profile"))
        description = self.session.client("cloudformation").describe_stacks(StackName=saved["stack_name"])
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Stacks"][0]["Outputs"]}

    def output(self, name):
        return self.outputs[name]

    def site(self):
        return self.session.resource("s3").Bucket(self.output("SiteBucket"))

    def publish(self, folder):
        """Uploads the dashboard, its page last, and has CloudFront forget the former one."""
        files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.suffix == ".html")
        for path in files:
            name = path.relative_to(folder).as_posix()
            settings = {"ContentType": mimetypes.guess_type(name)[0] or "application/octet-stream"}
            # The names of assets carry a hash of their content.
            hashed = name.startswith("assets/")
            settings["CacheControl"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
            self.site().upload_file(str(path), name, ExtraArgs=settings)
        paths = {"Quantity": 1, "Items": ["/*"]}
        batch = {"Paths": paths, "CallerReference": str(time.time_ns())}
        cloudfront = self.session.client("cloudfront")
        cloudfront.create_invalidation(DistributionId=self.output("DistributionId"), InvalidationBatch=batch)

    def empty_site(self):
        """A bucket is deleted only when it is empty."""
        self.site().objects.all().delete()


if __name__ == "__main__":
    main()
