"""Tests of what deploy.py decides by itself. Run from the root of the repository."""

import hashlib
import io
import json
import re
import tempfile
import unittest
import urllib.error
import zipfile
from pathlib import Path
from unittest import mock

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


class Deployment(unittest.TestCase):
    SETTINGS = 'Arch="arm64" JwtIssuer="" BulkSchedule="cron(0 3 * * ? *)" Release="" OriginSecretHashes=""'

    def deployed(self, *secrets):
        """The parameters of each call of sam, where this is the secret before the first and the second of them."""
        calls = []
        stacks = iter(secrets)
        with (
            mock.patch.object(deploy, "SETTINGS", Path("infra/deploy.py")),
            mock.patch.object(deploy, "saved_settings", lambda: {"parameter_overrides": self.SETTINGS}),
            mock.patch.object(deploy, "Stack") as stack,
            mock.patch.object(deploy.subprocess, "run", lambda command, check: calls.append(command)),
        ):
            stack.origin_secret_if_deployed = lambda: next(stacks)
            stack.return_value.origin_secret = lambda: next(stacks)
            deploy.deploy("arm64")
        return [CfnParameterOverridesType().convert((command[-1],), None, None) for command in calls]

    def test_the_functions_are_given_the_secrets_digest(self):
        (parameters,) = self.deployed(deploy.OriginSecret(Amazon(), "arn"))
        self.assertEqual(parameters["OriginSecretHashes"], sha256("first"))
        self.assertEqual(parameters["OriginSecretVersion"], "v1")
        self.assertRegex(parameters["Release"], "^[0-9a-f]{64}$")
        self.assertEqual((parameters["Arch"], parameters["BulkSchedule"]), ("arm64", "cron(0 3 * * ? *)"))

    def test_a_stack_without_the_secret_is_deployed_twice(self):
        first, second = self.deployed(None, deploy.OriginSecret(Amazon(), "arn"))
        self.assertEqual(first["OriginSecretHashes"], "")
        self.assertEqual(second["OriginSecretHashes"], sha256("first"))
        self.assertNotEqual(first["Release"], second["Release"])

    def test_no_secret_is_in_what_sam_is_told(self):
        (parameters,) = self.deployed(deploy.OriginSecret(Amazon(), "arn"))
        self.assertNotIn("first", parameters.values())


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
