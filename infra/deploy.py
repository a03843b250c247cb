#!/usr/bin/env python3
"""Deploys the built functions and the dashboard to AWS, smoke-tests or deletes the deployment.

    deploy.py package         zips the functions of `make build`, for `up` and `rotate`
    deploy.py up ARCH         after `make package dashboard`; the first time sam asks and keeps the answers in samconfig.toml
    deploy.py rotate          replaces the secret by which the functions know CloudFront
    deploy.py smoke
    deploy.py down

Run it from the root of the repository, with sam on the PATH and credentials in the environment.
"""

import hashlib
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
import zipfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

SETTINGS = Path("samconfig.toml")
TEMPLATE = Path("template.yaml")
FUNCTIONS = Path("target/lambda")
# What `provided.al2023` has: a program that needs a newer one does not start.
GLIBC = (2, 34)
DASHBOARD = Path("dashboard/dist")
# By whom the dashboard has people signed in.
SIGN_IN = "sign-in.json"
# What a smoke test leaves out of the contract suite: errors that a gateway answers in its own words, and what leaves a
# trace in the usage log that somebody did something.
NOT_SMOKE = ["problems::", "summary::events_are_recorded"]


def main():
    match sys.argv[1:]:
        case ["package"]:
            check_glibc(FUNCTIONS)
            package(FUNCTIONS)
        case ["up", arch]:
            stack = deploy(arch)
            stack.publish(DASHBOARD)
            print(f"EngageTrack AI is at {stack.output('Url')}")
        case ["rotate"]:
            Stack().origin_secret().rotate(deploy_stack)
            print("CloudFront sends a new secret, and the functions accept no other.")
        case ["smoke"]:
            stack = Stack()
            check_own_address(stack.output("ApiUrl"), sign_in(stack.parameters))
            smoke(stack.output("Url"), sign_in(stack.parameters))
        case ["down"]:
            stack = Stack()
            stack.empty_site()
            subprocess.run(["sam", "delete"], check=True)
            print("The usage log's bucket and its key, and the bulk bucket, are kept; docs/aws.md says how to delete them.")
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


def package(folder):
    """Zips each function, so that the same programs give the same archives, which are what Lambda runs."""
    for program in sorted(folder.glob("*/bootstrap")):
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(program.parent.with_suffix(".zip"), "w") as archive:
            archive.writestr(entry, program.read_bytes(), compresslevel=9)


def deploy(arch):
    """Deploys the stack, with functions that are built for this processor and answer CloudFront only, and returns it."""
    if not SETTINGS.exists():
        command = ["--guided", "--stack-name", "engagetrack", "--capabilities", "CAPABILITY_IAM"]
        subprocess.run(["sam", "deploy", *command, "--parameter-overrides", f"Arch={arch}"], check=True)
    chosen = saved_overrides()
    if f'Arch="{arch}"' not in chosen:
        sys.exit(f"The functions are built for {arch}, but {SETTINGS} says {chosen!r}: build with ARCH=..., or change it there.")
    secret = Stack.origin_secret_if_deployed()
    if secret is None:
        # Makes the secret, whose digest the functions can only then be given.
        deploy_stack({})
        secret = Stack().origin_secret()
    deploy_stack(secret.parameters(secret.labels()))
    return Stack()


def deploy_stack(parameters):
    """Deploys the zipped functions under the saved settings and these parameters."""
    overrides = saved_overrides() + "".join(f' {name}="{value}"' for name, value in parameters.items())
    overrides += f' Release="{release(FUNCTIONS, TEMPLATE.read_text(), overrides)}"'
    subprocess.run(["sam", "deploy", "--no-fail-on-empty-changeset", "--parameter-overrides", overrides], check=True)


def release(folder, template, overrides):
    """A digest of all that a function's version consists of: another program, template or parameter is another release."""
    parts = [template.encode(), overrides.encode(), *(archive.read_bytes() for archive in sorted(folder.glob("*.zip")))]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def saved_overrides():
    """The parameters that were chosen in the first deployment, as sam writes them."""
    chosen = saved_settings().get("parameter_overrides", "")
    return chosen if isinstance(chosen, str) else " ".join(chosen)


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


def check_own_address(url, signs_in):
    """Checks that the API refuses requests that do not come through CloudFront; where it wants a token, that is asked for first."""
    refused = 401 if signs_in else 403
    try:
        with urllib.request.urlopen(f"{url}/v1/summary?limit=1") as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    if status != refused:
        sys.exit(f"The API's own address {url} answers {status}, but should refuse with {refused}.")


class OriginSecret:
    """The value of the header by which the functions know CloudFront.

    The labels of its versions say how far a replacement has come. CloudFront sends AWSCURRENT. The functions accept that, the
    one to come (AWSPENDING), and the former one (AWSPREVIOUS).
    """

    def __init__(self, client, arn):
        self.client = client
        self.arn = arn

    def labels(self):
        """The version under each label."""
        found = self.client.list_secret_version_ids(SecretId=self.arn)["Versions"]
        return {label: version["VersionId"] for version in found for label in version["VersionStages"]}

    def parameters(self, labels):
        """What the template must know of it."""
        accepted = dict.fromkeys(labels[label] for label in ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"] if label in labels)
        return {
            "OriginSecretVersion": labels["AWSCURRENT"],
            "OriginSecretHashes": ",".join(self.digest(version) for version in accepted),
        }

    def digest(self, version):
        value = self.client.get_secret_value(SecretId=self.arn, VersionId=version)["SecretString"]
        return hashlib.sha256(value.encode()).hexdigest()

    def rotate(self, deploy_stack):
        """Replaces it in three deployments, none of which refuses a request; started again, it resumes where it stopped."""
        labels = self.labels()
        if "AWSPREVIOUS" not in labels and labels.get("AWSPENDING") in [None, labels["AWSCURRENT"]]:
            labels["AWSPENDING"] = self.add_pending()
        if labels.get("AWSPENDING") not in [None, labels["AWSCURRENT"]]:
            deploy_stack(self.parameters(labels))
            self.move("AWSCURRENT", labels["AWSCURRENT"], MoveToVersionId=labels["AWSPENDING"])
            # Secrets Manager labels the former one by itself.
            labels |= {"AWSPREVIOUS": labels["AWSCURRENT"], "AWSCURRENT": labels["AWSPENDING"]}
        deploy_stack(self.parameters(labels))
        self.move("AWSPREVIOUS", labels.pop("AWSPREVIOUS"))
        deploy_stack(self.parameters(labels))

    def add_pending(self):
        value = self.client.get_random_password(PasswordLength=64, ExcludePunctuation=True)["RandomPassword"]
        return self.client.put_secret_value(SecretId=self.arn, SecretString=value, VersionStages=["AWSPENDING"])["VersionId"]

    def move(self, label, version, **destination):
        self.client.update_secret_version_stage(
            SecretId=self.arn, VersionStage=label, RemoveFromVersionId=version, **destination
        )


class Stack:
    """The deployed stack."""

    def __init__(self):
        saved = saved_settings()
        self.session = boto3.Session(region_name=saved.get("region"), profile_name=saved.get("profile"))
        found = self.session.client("cloudformation").describe_stacks(StackName=saved["stack_name"])["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
        self.parameters = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found["Parameters"]}

    @classmethod
    def origin_secret_if_deployed(cls):
        """The secret, unless the stack does not exist or is one of before there was a secret."""
        try:
            stack = cls()
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return None
        return stack.origin_secret() if "OriginSecretArn" in stack.outputs else None

    def output(self, name):
        return self.outputs[name]

    def origin_secret(self):
        return OriginSecret(self.session.client("secretsmanager"), self.output("OriginSecretArn"))

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
