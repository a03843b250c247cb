#!/usr/bin/env python3
"""Deploys the built functions and the dashboard to AWS, smoke-tests or deletes the deployment.

    deploy.py package             zips the functions of `make build`, for `up` and `rotate`
    deploy.py layer FILE ZIP      zips a compiled workspace, for `up`
    deploy.py up ARCH             after `make package dashboard`; the first time sam asks and keeps the answers in samconfig.toml
    deploy.py up ARCH --layer ZIP     the same, and from then on the functions serve that workspace
    deploy.py up ARCH --embedded      the same, and from then on they serve the workspace in themselves
    deploy.py rotate              replaces the secret by which the functions know CloudFront
    deploy.py smoke
    deploy.py down

Run it from the root of the repository, with sam on the PATH and credentials in the environment.
"""

import base64
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
# What Lambda unpacks of a function and its layers together at most, and what AWS's secrets extension may take of that: its size is
# not published, so this is a guess on the safe side.
UNPACKED = 250 << 20
EXTENSION = 16 << 20
# Bytes of a workspace for which the memory is enough that the functions have which answer HTTP, and the share of a processor that
# comes with it; and megabytes with which a function has a whole one.
LARGE = 32_000_000
PROCESSOR_MB = 1769
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
        case ["layer", workspace, archive]:
            package_workspace(Path(workspace), Path(archive), FUNCTIONS)
        case ["up", arch]:
            up(arch, Stack.workspace)
        case ["up", arch, "--layer", archive]:
            check_room(archive, unpacked_size(archive), FUNCTIONS)
            up(arch, lambda stack: stack.publish_workspace(Path(archive)))
        case ["up", arch, "--embedded"]:
            up(arch, lambda stack: EMBEDDED)
        case ["rotate"]:
            stack = Stack()
            stack.origin_secret().rotate(lambda parameters: deploy_stack(parameters | stack.workspace()))
            print("CloudFront sends a new secret, and the functions accept no other.")
        case ["smoke"]:
            stack = Stack()
            check_own_address(stack.output("ApiUrl"), sign_in(stack.parameters))
            smoke(stack.output("Url"), sign_in(stack.parameters))
        case ["down"]:
            down()
        case _:
            sys.exit(__doc__)


def up(arch, workspace):
    """Deploys everything, with what `workspace` says of the stack, and prints what is served where."""
    stack = deploy(arch, workspace)
    stack.publish(DASHBOARD)
    stack.delete_former_workspaces()
    print(f"EngageTrack AI is at {stack.output('Url')}")
    layer = stack.workspace()["WorkspaceLayer"]
    print(f"It serves the workspace in the layer {layer}." if layer else "It serves the workspace in the functions.")


def down():
    """Deletes the stack, and then the workspaces, of which Lambda keeps copies as long as functions refer to them. Started again, it
    deletes what is left."""
    stack = Stack.if_deployed()
    if stack:
        stack.empty_site()
        subprocess.run(["sam", "delete"], check=True)
    if Stack.if_deployed():
        sys.exit("The stack is still there, and so is the workspace that it serves. The dashboard is gone; make deploy brings it back.")
    session, name = saved_stack()
    Layers(session.client("lambda"), name).delete()
    print("Layers with workspaces are deleted; the files that they were made of are where you keep them.")
    print("The usage log's bucket and its key, and the bulk bucket, are kept; docs/aws.md says how to delete them.")


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
        with program.parent.with_suffix(".zip").open("wb") as archive:
            write_zip(archive, "bootstrap", 0o755, program)


def package_workspace(workspace, archive, folder):
    """Zips a compiled workspace as a layer, the same bytes for the same workspace."""
    check_room(workspace, workspace.stat().st_size, folder)
    # It holds customers' data, like the compiled file, which only its owner may read.
    archive.unlink(missing_ok=True)
    with os.fdopen(os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        # Lambda unpacks it as another user than the one who runs the functions, who could not read it with the mode of the file.
        write_zip(file, "workspace", 0o644, workspace)
    print(f"{archive}: {archive.stat().st_size} bytes, and {unpacked_size(archive)} unpacked")


def check_room(name, size, folder):
    """Refuses a workspace for which Lambda has no room beside the largest of the functions, as far as they are built."""
    largest = max((program.stat().st_size for program in folder.glob("*/bootstrap")), default=0)
    room = UNPACKED - EXTENSION - largest
    if size > room:
        sys.exit(
            f"{name} has {size} bytes, and Lambda has room for {room} of them beside a function's program and AWS's secrets "
            "extension: compile a workspace of fewer customers, or serve this one from the container image (docs/server.md)."
        )


def unpacked_size(archive):
    """Bytes of the workspace in a layer's archive."""
    with zipfile.ZipFile(archive) as zipped:
        return zipped.getinfo("workspace").file_size


def write_zip(file, name, mode, content):
    """An archive of one file, whose bytes follow from these three: it says nothing of when or on whose machine it was made."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry, content.read_bytes(), compresslevel=9)


def workspace_memory(size):
    """Megabytes that each function which answers HTTP gets for a workspace of that many bytes, 0 where it has enough by itself. For all
    customers at once the time runs out before the memory does."""
    return PROCESSOR_MB if size > LARGE else 0


def deploy(arch, workspace):
    """Deploys the stack, with functions that are built for this processor and answer CloudFront only, and returns it. Which
    workspace they serve, `workspace` says of the stack, as parameters."""
    if not SETTINGS.exists():
        command = ["--guided", "--stack-name", "engagetrack", "--capabilities", "CAPABILITY_IAM"]
        subprocess.run(["sam", "deploy", *command, "--parameter-overrides", f"Arch={arch}"], check=True)
    chosen = saved_overrides()
    if f'Arch="{arch}"' not in chosen:
        sys.exit(f"The functions are built for {arch}, but {SETTINGS} says {chosen!r}: build with ARCH=..., or change it there.")
    secret = Stack.origin_secret_if_deployed()
    if secret is None:
        # Makes the secret, whose digest the functions can only then be given.
        deploy_stack(EMBEDDED)
        secret = Stack().origin_secret()
    deploy_stack(secret.parameters(secret.labels()) | workspace(Stack()))
    return Stack()


def deploy_stack(parameters):
    """Deploys the zipped functions under the saved settings and these parameters, which must say what workspace is served: sam
    would take it from the settings, which do not know it."""
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


def saved_stack():
    """Where the stack is, or was, and its name."""
    saved = saved_settings()
    return boto3.Session(region_name=saved.get("region"), profile_name=saved.get("profile")), saved["stack_name"]


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


class Layers:
    """The versions of the layer with a stack's workspace. Each holds all of its customers."""

    def __init__(self, client, stack):
        self.client = client
        self.name = f"{stack}-workspace"

    def digest(self, layer):
        """The SHA-256 of a layer's archive, where there is that layer."""
        if not layer:
            return None
        try:
            found = self.client.get_layer_version_by_arn(Arn=layer)
        except self.client.exceptions.ResourceNotFoundException:
            return None
        return base64.b64decode(found["Content"]["CodeSha256"])

    def publish(self, content, bucket):
        """Publishes a version and returns its ARN. Lambda takes archives of more than 50 MB from a bucket only; this one is private,
        and made for customers' data."""
        uploaded = bucket.Object(f"layers/{self.name}-{time.time_ns()}.zip")
        try:
            uploaded.put(Body=content)
            published = self.client.publish_layer_version(
                LayerName=self.name,
                Description="A compiled workspace of EngageTrack AI. It holds customers' data.",
                Content={"S3Bucket": bucket.name, "S3Key": uploaded.key},
            )
        finally:
            uploaded.delete()
        return published["LayerVersionArn"]

    def delete(self, kept="", functions=()):
        """Deletes all versions but one, and the versions of functions that refer to them: until then Lambda keeps copies, and in
        them customers who are in the workspace no more."""
        for function in functions:
            for version in pages(self.client, "list_versions_by_function", "Versions", FunctionName=function):
                layers = {layer["Arn"] for layer in version.get("Layers", [])} - {kept}
                if version["Version"] != "$LATEST" and any(f":layer:{self.name}:" in layer for layer in layers):
                    self.client.delete_function(FunctionName=function, Qualifier=version["Version"])
        for version in self.versions():
            if version["LayerVersionArn"] != kept:
                self.client.delete_layer_version(LayerName=self.name, VersionNumber=version["Version"])

    def versions(self):
        try:
            return pages(self.client, "list_layer_versions", "LayerVersions", LayerName=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            # None was ever published.
            return []


# The parameters of a stack whose functions serve the workspace in themselves.
EMBEDDED = {"WorkspaceLayer": "", "WorkspaceMemory": "0"}


class Stack:
    """The deployed stack."""

    def __init__(self):
        self.session, self.name = saved_stack()
        self.layers = Layers(self.session.client("lambda"), self.name)
        found = self.session.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
        self.parameters = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found["Parameters"]}

    @classmethod
    def origin_secret_if_deployed(cls):
        """The secret, unless the stack does not exist or is one of before there was a secret."""
        stack = cls.if_deployed()
        return stack.origin_secret() if stack and "OriginSecretArn" in stack.outputs else None

    @classmethod
    def if_deployed(cls):
        """The stack, if it exists."""
        try:
            return cls()
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return None

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

    def workspace(self):
        """The parameters that say which workspace the functions serve."""
        return {name: self.parameters.get(name, embedded) for name, embedded in EMBEDDED.items()}

    def publish_workspace(self, archive):
        """Publishes a zipped workspace as a layer, unless it is the one that the functions serve, and returns the parameters by
        which they serve it."""
        content = archive.read_bytes()
        layer = self.workspace()["WorkspaceLayer"]
        if self.layers.digest(layer) != hashlib.sha256(content).digest():
            layer = self.layers.publish(content, self.session.resource("s3").Bucket(self.output("BulkBucketName")))
        return {"WorkspaceLayer": layer, "WorkspaceMemory": str(workspace_memory(unpacked_size(archive)))}

    def delete_former_workspaces(self):
        """Deletes the workspaces that are served no longer."""
        self.layers.delete(kept=self.workspace()["WorkspaceLayer"], functions=self.functions())

    def functions(self):
        """The names of the stack's functions."""
        found = pages(self.session.client("cloudformation"), "list_stack_resources", "StackResourceSummaries", StackName=self.name)
        return [resource["PhysicalResourceId"] for resource in found if resource["ResourceType"] == "AWS::Lambda::Function"]


def pages(client, operation, key, **parameters):
    """The items of all pages of a list, which may be changed meanwhile."""
    return [item for page in client.get_paginator(operation).paginate(**parameters) for item in page[key]]


if __name__ == "__main__":
    main()
