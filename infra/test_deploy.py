"""Tests of what deploy.py decides by itself. Run from the root of the repository."""

import base64
import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import tempfile
import unittest
import urllib.error
import zipfile
from pathlib import Path
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from samcli.cli.types import CfnParameterOverridesType

import deploy

OPEN = {"JwtIssuer": "", "JwtAudience": "engagetrack", "SignInClientId": "", "SignInScope": "openid"}
SIGNING_IN = OPEN | {"JwtIssuer": "https://issuer.example/pool"}


class Dashboard(unittest.TestCase):
    def uploaded(self, parameters):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "assets").mkdir()
            (root / "index.html").write_text("<html>")
            (root / "assets/a-1234.js").write_text("1")
            (root / "sign-in.json").write_text("{}")
            return {name: (content, settings) for name, content, settings in deploy.site_files(root, parameters)}

    def test_the_page_comes_last_and_only_hashed_names_are_kept_for_long(self):
        files = self.uploaded(OPEN)
        self.assertEqual(list(files)[-1], "index.html")
        self.assertIn("immutable", files["assets/a-1234.js"][1]["CacheControl"])
        for name in ["index.html", "sign-in.json"]:
            self.assertEqual(files[name][1]["CacheControl"], "no-cache")

    def test_it_signs_people_in_where_the_api_wants_tokens(self):
        self.assertEqual(json.loads(self.uploaded(OPEN)["sign-in.json"][0]), {})
        expected = {"authority": "https://issuer.example/pool", "client_id": "engagetrack", "scope": "openid"}
        self.assertEqual(json.loads(self.uploaded(SIGNING_IN)["sign-in.json"][0]), expected)
        named = SIGNING_IN | {"SignInClientId": "dashboard"}
        self.assertEqual(deploy.sign_in(named)["client_id"], "dashboard")

    def test_the_settings_are_those_that_the_dashboard_reads(self):
        source = Path("dashboard/src/state/sign-in.ts").read_text()
        self.assertEqual(set(re.findall(r"readonly (\w+)\?: string;", source)), set(deploy.sign_in(SIGNING_IN)))


class Functions(unittest.TestCase):
    def checked(self, content):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "predict").mkdir()
            (Path(folder) / "predict/bootstrap").write_bytes(content)
            deploy.check_glibc(Path(folder))

    def test_they_need_no_newer_glibc_than_lambda_has(self):
        self.checked(b"\0libc.so.6\0GLIBC_2.2.5\0GLIBC_2.34\0")
        self.checked(b"linked statically")
        with self.assertRaisesRegex(SystemExit, "predict/bootstrap needs glibc 2.38, and Lambda has 2.34"):
            self.checked(b"\0libm.so.6\0GLIBC_2.9\0GLIBC_2.38\0GLIBC_2.34\0")


    def packaged(self, program, template="MemorySize: 256", overrides="Arch=arm64"):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "predict").mkdir()
            (root / "predict/bootstrap").write_bytes(program)
            deploy.package(root)
            return (root / "predict.zip").read_bytes(), deploy.release(root, template, overrides)

    def test_the_same_program_gives_the_same_archive(self):
        first, _ = self.packaged(b"program")
        self.assertEqual(self.packaged(b"program")[0], first)
        with zipfile.ZipFile(io.BytesIO(first)) as archive:
            (entry,) = archive.infolist()
            self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o755))
            self.assertEqual(archive.read(entry), b"program")

    def test_another_program_template_or_parameter_is_another_release(self):
        releases = [
            self.packaged(b"program")[1],
            self.packaged(b"another")[1],
            self.packaged(b"program", template="MemorySize: 512")[1],
            self.packaged(b"program", overrides="Arch=x86_64")[1],
        ]
        self.assertEqual(len(set(releases)), len(releases))
        self.assertEqual(self.packaged(b"program")[1], releases[0])


class Layer(unittest.TestCase):
    def packaged(self, workspace, programs=(), mtime=None):
        """The archive of a workspace, and the mode of its file."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, size in programs:
                (root / name).mkdir()
                with (root / name / "bootstrap").open("wb") as program:
                    program.truncate(size)
            file, archive = root / "some.workspace", root / "layer.zip"
            # One that everybody may read lies there already.
            archive.write_bytes(b"former")
            archive.chmod(0o644)
            with file.open("wb") as compiled:
                compiled.write(workspace) if isinstance(workspace, bytes) else compiled.truncate(workspace)
            file.chmod(0o600)
            if mtime:
                os.utime(file, (mtime, mtime))
            with contextlib.redirect_stdout(io.StringIO()):
                deploy.package_workspace(file, archive, root)
            return archive.read_bytes(), archive.stat().st_mode & 0o777

    def test_the_same_workspace_gives_the_same_archive(self):
        first, _ = self.packaged(b"workspace", mtime=1_000_000_000)
        self.assertEqual(self.packaged(b"workspace", mtime=1_700_000_000)[0], first)
        self.assertNotEqual(self.packaged(b"another")[0], first)

    def test_the_functions_can_read_what_lambda_unpacks_and_nobody_else_the_archive(self):
        content, mode = self.packaged(b"workspace")
        self.assertEqual(mode, 0o600)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (entry,) = archive.infolist()
            self.assertEqual((entry.filename, entry.external_attr >> 16), ("workspace", 0o644))
            self.assertEqual(archive.read(entry), b"workspace")

    def test_a_workspace_has_room_beside_the_largest_function(self):
        programs = [("predict", 4 << 20), ("bulk", 9 << 20)]
        room = deploy.UNPACKED - deploy.EXTENSION - (9 << 20)
        with mock.patch.object(deploy, "write_zip"), mock.patch.object(deploy, "unpacked_size", lambda _: 0):
            self.packaged(room, programs)
            with self.assertRaisesRegex(SystemExit, f"has {room + 1} bytes.* room for {room} .*compile a workspace of fewer customers"):
                self.packaged(room + 1, programs)
        self.assertEqual(deploy.UNPACKED, 262_144_000)

    def test_functions_get_a_whole_processor_for_a_large_workspace(self):
        self.assertEqual(deploy.workspace_memory(32_000_000), 0)
        self.assertEqual(deploy.workspace_memory(32_000_001), 1769)


class Interrupted(Exception):
    pass


class Amazon:
    """Secrets Manager, as far as it labels the versions of one secret, and the stack that is deployed.

    Each change may be the one after which the work is interrupted.
    """

    def __init__(self):
        self.values = {"v1": "first"}
        self.labels = {"AWSCURRENT": "v1"}
        self.deployed = {"sent": "v1", "accepted": {sha256("first")}}
        self.changes_left = None
        self.deployments = 0

    def changed(self):
        if self.changes_left is not None:
            self.changes_left -= 1
            if self.changes_left == 0:
                raise Interrupted

    def list_secret_version_ids(self, SecretId):
        versions = {version: [] for version in self.labels.values()}
        for label, version in self.labels.items():
            versions[version].append(label)
        return {"Versions": [{"VersionId": version, "VersionStages": labels} for version, labels in versions.items()]}

    def get_secret_value(self, SecretId, VersionId):
        return {"SecretString": self.values[VersionId]}

    def get_random_password(self, PasswordLength, ExcludePunctuation):
        return {"RandomPassword": f"random {len(self.values)}"}

    def put_secret_value(self, SecretId, SecretString, VersionStages):
        version = f"v{len(self.values) + 1}"
        self.values[version] = SecretString
        self.labels |= {label: version for label in VersionStages}
        self.changed()
        return {"VersionId": version}

    def update_secret_version_stage(self, SecretId, VersionStage, RemoveFromVersionId, MoveToVersionId=None):
        assert self.labels[VersionStage] == RemoveFromVersionId
        del self.labels[VersionStage]
        if MoveToVersionId is not None:
            self.labels[VersionStage] = MoveToVersionId
        if VersionStage == "AWSCURRENT":
            self.labels["AWSPREVIOUS"] = RemoveFromVersionId
        self.changed()

    def deploy_stack(self, parameters):
        """CloudFront and the functions take over the new values in any order, so that old and new must fit both ways."""
        new = {"sent": parameters["OriginSecretVersion"], "accepted": set(parameters["OriginSecretHashes"].split(","))}
        assert len(new["accepted"]) <= 2, "the functions take no more than two digests"
        for sent in [self.deployed["sent"], new["sent"]]:
            for accepted in [self.deployed["accepted"], new["accepted"]]:
                assert sha256(self.values[sent]) in accepted, "a request through CloudFront would be refused"
        self.deployed = new
        self.deployments += 1
        self.changed()


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Rotation(unittest.TestCase):
    def assert_replaced(self, amazon):
        self.assertEqual(amazon.deployed["sent"], amazon.labels["AWSCURRENT"])
        self.assertNotEqual(amazon.deployed["sent"], "v1")
        self.assertEqual(amazon.deployed["accepted"], {sha256(amazon.values[amazon.deployed["sent"]])})

    def test_it_refuses_no_request_that_comes_through_cloudfront(self):
        amazon = Amazon()
        for _ in range(3):
            deploy.OriginSecret(amazon, "arn").rotate(amazon.deploy_stack)
            self.assert_replaced(amazon)
        self.assertEqual(amazon.deployments, 9)

    def test_it_resumes_wherever_it_was_interrupted(self):
        for changes in range(1, 7):
            with self.subTest(changes=changes):
                amazon = Amazon()
                amazon.changes_left = changes
                with self.assertRaises(Interrupted):
                    deploy.OriginSecret(amazon, "arn").rotate(amazon.deploy_stack)
                amazon.changes_left = None
                # What is deployed meanwhile fits, too.
                secret = deploy.OriginSecret(amazon, "arn")
                amazon.deploy_stack(secret.parameters(secret.labels()))
                secret.rotate(amazon.deploy_stack)
                self.assert_replaced(amazon)


class Region:
    """CloudFormation, Lambda and S3, as far as deploying touches them, behind clients of boto3, which check what they are asked. What
    sam is told is what the stack has from then on, and each function gets a version of it."""

    ACCOUNT = "arn:aws:lambda:eu-central-1:123456789012"
    SETTINGS = 'Arch="arm64" JwtIssuer="" BulkSchedule="cron(0 3 * * ? *)" WorkspaceLayer="" Release="" OriginSecretHashes=""'
    FUNCTIONS = ["engagetrack-predict", "engagetrack-bulk"]

    def __init__(self):
        self.told = []
        self.stack = None
        self.layers = {}
        self.contents = {}
        self.objects = {}
        self.uploads = []
        self.versions = {name: {} for name in self.FUNCTIONS}
        self.kept_by_user = False
        self.without_secret = False
        self.session = boto3.Session(region_name="eu-central-1", aws_access_key_id="id", aws_secret_access_key="key")
        self.session.events.register("before-parameter-build", self.asked)
        self.session.events.register("before-call", self.answered)

    def asked(self, params, **_):
        self.params = params

    def answered(self, model, **_):
        answer = getattr(self, model.name)(**self.params)
        status, answer = answer if isinstance(answer, tuple) else (200, answer)
        return mock.Mock(status_code=status), answer or {}

    def layer_in_use(self):
        return self.stack["WorkspaceLayer"]

    def copies(self):
        """The contents that Lambda has: layers, and former ones to which versions of functions refer."""
        referred = {layer for versions in self.versions.values() for layer in versions.values() if layer}
        return {self.contents[layer] for layer in referred | set(self.layers)}

    # sam

    def run(self, command, check):
        if command[:2] == ["sam", "delete"]:
            if not self.kept_by_user:
                self.stack = None
                self.versions = {name: {} for name in self.FUNCTIONS}
            return
        assert command[:2] == ["sam", "deploy"], command
        self.stack = CfnParameterOverridesType().convert((command[-1],), None, None)
        self.told.append(self.stack)
        for versions in self.versions.values():
            versions[f"{len(self.told)}"] = versions["$LATEST"] = self.layer_in_use()

    # CloudFormation

    def DescribeStacks(self, StackName):
        if self.stack is None:
            return 400, {"Error": {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}}
        outputs = {"Url": "https://site", "BulkBucketName": "bulk", "SiteBucket": "site", "DistributionId": "D"}
        outputs |= {} if self.without_secret else {"OriginSecretArn": "arn"}
        stack = {
            "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in self.stack.items()],
        }
        self.without_secret = False
        return {"Stacks": [stack]}

    def ListStackResources(self, StackName):
        functions = [{"ResourceType": "AWS::Lambda::Function", "PhysicalResourceId": name} for name in self.FUNCTIONS]
        return {"StackResourceSummaries": [{"ResourceType": "AWS::S3::Bucket", "PhysicalResourceId": "bulk"}, *functions]}

    # Lambda

    def PublishLayerVersion(self, LayerName, Content, Description):
        assert LayerName == "engagetrack-workspace"
        arn = f"{self.ACCOUNT}:layer:{LayerName}:{len(self.contents) + 1}"
        self.layers[arn] = self.objects[Content["S3Bucket"], Content["S3Key"]]
        self.contents[arn] = self.layers[arn]
        return {"LayerVersionArn": arn}

    def GetLayerVersionByArn(self, Arn):
        if Arn not in self.layers:
            return 404, {"Error": {"Code": "ResourceNotFoundException", "Message": "no such layer"}}
        return {"Content": {"CodeSha256": base64.b64encode(hashlib.sha256(self.layers[Arn]).digest()).decode()}}

    def ListLayerVersions(self, LayerName):
        if not self.contents:
            return 404, {"Error": {"Code": "ResourceNotFoundException", "Message": "no such layer"}}
        return {"LayerVersions": [{"LayerVersionArn": arn, "Version": int(arn.split(":")[-1])} for arn in self.layers]}

    def DeleteLayerVersion(self, LayerName, VersionNumber):
        del self.layers[f"{self.ACCOUNT}:layer:{LayerName}:{VersionNumber}"]

    def ListVersionsByFunction(self, FunctionName):
        versions = self.versions[FunctionName].items()
        foreign = {"Arn": f"{self.ACCOUNT}:layer:AWS-Parameters-and-Secrets-Lambda-Extension:12"}
        return {
            "Versions": [
                {"Version": version, "Layers": [foreign, *([{"Arn": layer}] if layer else [])]} for version, layer in versions
            ]
        }

    def DeleteFunction(self, FunctionName, Qualifier):
        assert Qualifier != f"{len(self.told)}", "the alias points to that version"
        del self.versions[FunctionName][Qualifier]

    # S3

    def PutObject(self, Bucket, Key, Body):
        self.uploads.append((Bucket, Key))
        self.objects[Bucket, Key] = Body.read()

    def DeleteObject(self, Bucket, Key):
        del self.objects[Bucket, Key]


class Deployment(unittest.TestCase):
    def setUp(self):
        self.region = Region()
        saved = {"parameter_overrides": Region.SETTINGS, "stack_name": "engagetrack"}
        for owner, name, value in [
            (deploy, "SETTINGS", Path("infra/deploy.py")),
            (deploy, "saved_settings", lambda: saved),
            (deploy.boto3, "Session", lambda **_: self.region.session),
            (deploy.subprocess, "run", self.region.run),
            (deploy.Stack, "origin_secret", lambda _: deploy.OriginSecret(Amazon(), "arn")),
            (deploy.Stack, "publish", lambda *_: None),
            (deploy.Stack, "empty_site", lambda _: None),
        ]:
            self.enterContext(mock.patch.object(owner, name, value))
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))

    def main(self, *words):
        with mock.patch.object(deploy.sys, "argv", ["deploy.py", *words]):
            deploy.main()

    def up(self, *words):
        self.main("up", "arm64", *words)
        return self.region.told[-1]

    def zipped(self, workspace):
        """The archive of a compiled workspace with these bytes."""
        file, archive = self.folder / "some.workspace", self.folder / "layer.zip"
        with file.open("wb") as compiled:
            compiled.write(workspace) if isinstance(workspace, bytes) else compiled.truncate(workspace)
        self.main("layer", str(file), str(archive))
        return archive

    def served(self, workspace):
        """Deploys with a workspace: the layer, and the bytes of the archive."""
        archive = self.zipped(workspace)
        return self.up("--layer", str(archive))["WorkspaceLayer"], archive.read_bytes()

    def test_the_functions_are_given_the_secrets_digest(self):
        self.up()
        parameters = self.up()
        self.assertEqual(parameters["OriginSecretHashes"], sha256("first"))
        self.assertEqual(parameters["OriginSecretVersion"], "v1")
        self.assertRegex(parameters["Release"], "^[0-9a-f]{64}$")
        self.assertEqual((parameters["Arch"], parameters["BulkSchedule"]), ("arm64", "cron(0 3 * * ? *)"))
        self.assertEqual(len(self.region.told), 3)

    def test_a_stack_without_the_secret_is_deployed_twice(self):
        for before in [None, {"JwtIssuer": ""}]:
            self.region.stack, self.region.without_secret = before, before is not None
            self.region.told.clear()
            self.up()
            first, second = self.region.told
            self.assertEqual(first["OriginSecretHashes"], "")
            self.assertEqual(second["OriginSecretHashes"], sha256("first"))
            self.assertNotEqual(first["Release"], second["Release"])

    def test_no_secret_is_in_what_sam_is_told(self):
        self.up()
        for parameters in self.region.told:
            self.assertNotIn("first", parameters.values())

    def test_every_deployment_says_which_workspace_is_served(self):
        archive = self.zipped(b"mine")
        self.up("--layer", str(archive))
        self.up()
        self.main("rotate")
        first, *others = [parameters["WorkspaceLayer"] for parameters in self.region.told]
        self.assertEqual((first, others), ("", [f"{Region.ACCOUNT}:layer:engagetrack-workspace:1"] * 5))
        self.assertEqual(self.region.layers[others[0]], archive.read_bytes())

    def test_without_a_workspace_the_functions_serve_their_own(self):
        self.assertEqual([self.up()[name] for name in deploy.EMBEDDED], ["", "0"])
        # A stack of before there were layers.
        self.region.stack = {"JwtIssuer": ""}
        self.assertEqual([self.up()[name] for name in deploy.EMBEDDED], ["", "0"])
        self.served(b"mine")
        self.assertEqual([self.up("--embedded")[name] for name in deploy.EMBEDDED], ["", "0"])
        self.assertEqual(self.region.copies(), set())

    def test_another_workspace_is_another_release_and_the_same_one_is_not(self):
        self.served(b"mine")
        layers, releases = zip(*((self.served(workspace)[0], self.region.stack["Release"]) for workspace in [b"mine", b"mine", b"other"]))
        self.assertEqual((layers[0], releases[0]), (layers[1], releases[1]))
        self.assertNotEqual(layers[1], layers[2])
        self.assertNotEqual(releases[1], releases[2])

    def test_the_archive_of_a_layer_is_no_part_of_a_release(self):
        # It would name another release wherever one lies, whether it is served or not.
        layer = Path(re.search(r"^LAYER := (.+)$", Path("Makefile").read_text(), re.MULTILINE)[1])
        self.assertNotEqual(layer.parent, deploy.FUNCTIONS)

    def test_a_layer_that_was_deleted_is_published_again(self):
        layer, content = self.served(b"mine")
        del self.region.layers[layer]
        again, _ = self.served(b"mine")
        self.assertNotEqual(again, layer)
        self.assertEqual(self.region.layers, {again: content})

    def test_a_customer_who_was_deleted_is_in_no_copy(self):
        self.served(b"with the customer")
        self.up()
        layer, content = self.served(b"without the customer")
        self.assertEqual(self.region.layers, {layer: content})
        self.assertEqual(self.region.copies(), {content})
        self.assertEqual(self.region.layer_in_use(), layer)
        for versions in self.region.versions.values():
            self.assertEqual(versions["$LATEST"], layer)
            # What has no workspace but its own is kept, and so is what serves the one in use.
            self.assertEqual(set(versions.values()), {"", layer})

    def test_a_deployment_that_fails_deletes_nothing(self):
        layer, _ = self.served(b"mine")
        archive = self.zipped(b"other")
        copies = self.region.copies()
        failed = mock.Mock(side_effect=subprocess.CalledProcessError(1, "sam"))
        with mock.patch.object(deploy.subprocess, "run", failed), self.assertRaises(subprocess.CalledProcessError):
            self.up("--layer", str(archive))
        self.assertLessEqual(copies, self.region.copies())
        self.assertEqual(self.region.layer_in_use(), layer)
        # The next one deletes what it left.
        self.up()
        self.assertEqual(list(self.region.layers), [layer])

    def test_nothing_is_left_where_it_was_uploaded(self):
        self.served(b"mine")
        archive = self.zipped(b"other")
        with mock.patch.object(Region, "PublishLayerVersion", lambda *_, **__: (400, {"Error": {"Code": "Full", "Message": ""}})):
            with self.assertRaises(ClientError):
                self.up("--layer", str(archive))
        self.assertEqual(len(self.region.uploads), 2)
        # Nobody but the deployment reads there, and a rule deletes what it could not.
        self.assertTrue(all((bucket, key.split("/")[0]) == ("bulk", "layers") for bucket, key in self.region.uploads))
        self.assertEqual(self.region.objects, {})

    def test_a_large_workspace_gets_memory_and_keeps_it(self):
        archive = self.zipped(deploy.LARGE + 1)
        self.assertEqual(self.up("--layer", str(archive))["WorkspaceMemory"], "1769")
        self.assertEqual(self.up()["WorkspaceMemory"], "1769")

    def test_a_workspace_without_room_is_refused_before_anything_is_deployed(self):
        archive = self.zipped(b"mine")
        with mock.patch.object(deploy, "UNPACKED", deploy.EXTENSION), self.assertRaisesRegex(SystemExit, "has 4 bytes"):
            self.up("--layer", str(archive))
        self.assertEqual(self.region.told, [])

    def test_undeploying_deletes_every_workspace(self):
        self.served(b"mine")
        self.served(b"other")
        self.main("down")
        self.assertEqual((self.region.stack, self.region.layers, self.region.copies()), (None, {}, set()))

    def test_undeploying_deletes_what_an_interrupted_one_left(self):
        self.served(b"mine")
        self.region.stack = None
        self.main("down")
        self.assertEqual(self.region.layers, {})

    def test_a_stack_that_is_kept_keeps_its_workspace(self):
        layer, _ = self.served(b"mine")
        self.region.kept_by_user = True
        with self.assertRaisesRegex(SystemExit, "still there"):
            self.main("down")
        self.assertEqual(list(self.region.layers), [layer])


class OwnAddress(unittest.TestCase):
    def checked(self, status, signs_in):
        def answered(url):
            if status >= 400:
                raise urllib.error.HTTPError(url, status, "", {}, None)
            return mock.MagicMock(__enter__=lambda answer: mock.Mock(status=status))

        with mock.patch.object(deploy.urllib.request, "urlopen", answered):
            deploy.check_own_address("https://api.example", signs_in)

    def test_it_must_refuse(self):
        self.checked(403, {})
        self.checked(401, deploy.sign_in(SIGNING_IN))
        for status, signs_in in [(200, {}), (503, {}), (403, deploy.sign_in(SIGNING_IN))]:
            with self.assertRaisesRegex(SystemExit, f"answers {status}, but should refuse"):
                self.checked(status, signs_in)


class Smoke(unittest.TestCase):
    def test_what_is_left_out_exists(self):
        for name in deploy.NOT_SMOKE:
            module, test = name.split("::")
            source = Path(f"server/tests/contract/{module}.rs").read_text()
            self.assertIn(f"fn {test}", source)


if __name__ == "__main__":
    unittest.main()
