#!/usr/bin/env python3
"""Puts the built functions and the dashboard on AWS, tries what is there, or takes it away.

    deploy.py up ARCH      after `make build dashboard`; the first time sam asks and keeps the answers in samconfig.toml
    deploy.py smoke
    deploy.py down

Run it from the root of the repository, with sam on the PATH and credentials in the environment.
"""

import json
import mimetypes
import os
import re
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import boto3

SETTINGS = Path("samconfig.toml")
FUNCTIONS = Path("target/lambda")
# What `provided.al2023` has: a program that needs a newer one does not start.
GLIBC = (2, 34)
DASHBOARD = Path("dashboard/dist")
# By whom the dashboard has people signed in.
SIGN_IN = "sign-in.json"
# What a smoke test leaves out of the contract suite: errors that a gateway answers in its own words, and what leaves a
# trace in the usage log that somebody did something.
NOT_SMOKE = ["problems::", "summary::what_a_person_did_is_noted"]


def main():
    match sys.argv[1:]:
        case ["up", arch]:
            check_glibc(FUNCTIONS)
            deploy_stack(arch)
            stack = Stack()
            stack.publish(DASHBOARD)
            print(f"EngageTrack AI is at {stack.output('Url')}")
        case ["smoke"]:
            stack = Stack()
            smoke(stack.output("Url"), sign_in(stack.parameters))
        case ["down"]:
            stack = Stack()
            stack.empty_site()
            subprocess.run(["sam", "delete"], check=True)
            print("The usage log's bucket and its key, and the bulk bucket, are kept: delete them by hand where they are no longer wanted.")
        case _:
            sys.exit(__doc__)


def check_glibc(folder):
    """Refuses functions that were built on a system too new for Lambda's."""
    for program in sorted(folder.glob("*/bootstrap")):
        # The versions that a program needs stand in its dynamic string table.
        needed = re.findall(rb"\0GLIBC_(\d+)\.(\d+)", program.read_bytes())
        newest = max((tuple(map(int, version)) for version in needed), default=GLIBC)
        if newest > GLIBC:
            sys.exit(
                f"{program} needs glibc {newest[0]}.{newest[1]}, and Lambda has {GLIBC[0]}.{GLIBC[1]}: "
                "build on an older system, such as Ubuntu 22.04 or Debian 12."
            )


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


def sign_in(parameters):
    """What the dashboard must know to sign people in, as its `sign-in.json` holds it: nothing where the API is open."""
    if not parameters["JwtIssuer"]:
        return {}
    return {
        "authority": parameters["JwtIssuer"],
        "client_id": parameters["SignInClientId"] or parameters["JwtAudience"],
        "scope": parameters["SignInScope"],
    }


def site_files(folder, parameters):
    """The objects of the dashboard, its page last: name, content and what S3 shall say of it."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.suffix == ".html")
    for path in files:
        name = path.relative_to(folder).as_posix()
        content = json.dumps(sign_in(parameters)).encode() if name == SIGN_IN else path.read_bytes()
        # The names of assets carry a hash of their content.
        hashed = name.startswith("assets/")
        yield name, content, {
            "ContentType": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "CacheControl": "public, max-age=31536000, immutable" if hashed else "no-cache",
        }


def smoke(url, signs_in):
    """Tries a deployed address by the part of the contract suite that only reads; where the API wants a token, that it
    does, and that the dashboard says whose."""
    if not signs_in:
        skipped = [word for name in NOT_SMOKE for word in ("--skip", name)]
        suite = ["cargo", "test", "--package", "server", "--test", "contract", "--", *skipped]
        subprocess.run(suite, env=os.environ | {"BASE_URL": url}, check=True)
        return
    with urllib.request.urlopen(f"{url}/{SIGN_IN}") as answer:
        said = json.load(answer)
    if said != signs_in:
        sys.exit(f"{url}/{SIGN_IN} says {said}, but should say {signs_in}.")
    try:
        with urllib.request.urlopen(f"{url}/v1/summary?limit=1") as answer:
            sys.exit(f"The API at {url} answers {answer.status} to a caller without a token.")
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
    print(f"{url} wants a token, and its dashboard asks {signs_in['authority']} for one.")


class Stack:
    """The deployed stack."""

    def __init__(self):
        saved = saved_settings()
        self.session = boto3.Session(region_name=saved.get("region"), profile_name=saved.get("profile"))
        found = self.session.client("cloudformation").describe_stacks(StackName=saved["stack_name"])["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
        self.parameters = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found["Parameters"]}

    def output(self, name):
        return self.outputs[name]

    def site(self):
        return self.session.resource("s3").Bucket(self.output("SiteBucket"))

    def publish(self, folder):
        """Uploads the dashboard and has CloudFront forget the former one."""
        for name, content, settings in site_files(folder, self.parameters):
            self.site().put_object(Key=name, Body=content, **settings)
        paths = {"Quantity": 1, "Items": ["/*"]}
        batch = {"Paths": paths, "CallerReference": str(time.time_ns())}
        cloudfront = self.session.client("cloudfront")
        cloudfront.create_invalidation(DistributionId=self.output("DistributionId"), InvalidationBatch=batch)

    def empty_site(self):
        """A bucket is deleted only when it is empty."""
        self.site().objects.all().delete()


if __name__ == "__main__":
    main()
