"""Tests of what deploy.py decides by itself. Run from the root of the repository."""

import json
import re
import tempfile
import unittest
from pathlib import Path

import yaml

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


class PlainYaml(yaml.SafeLoader):
    """Takes CloudFormation's short functions for what they hold."""


PlainYaml.add_multi_constructor("!", lambda loader, suffix, node: node.value)


class Template(unittest.TestCase):
    def setUp(self):
        self.template = yaml.load(Path("template.yaml").read_text(), PlainYaml)

    def properties(self, resource):
        return self.template["Resources"][resource]["Properties"]

    def test_it_has_the_parameters_and_outputs_that_are_read(self):
        self.assertLessEqual(set(OPEN) | {"Arch"}, set(self.template["Parameters"]))
        self.assertLessEqual({"Url", "DistributionId", "SiteBucket"}, set(self.template["Outputs"]))

    def test_its_dashboard_is_json(self):
        self.assertTrue(json.loads(self.properties("Dashboard")["DashboardBody"])["widgets"])

    def test_the_alarm_rings_where_drift_begins(self):
        source = Path("shared/engagetrack/src/drift.rs").read_text()
        drifted = float(re.search(r"pub const DRIFTED: f64 = ([\d.]+);", source)[1])
        self.assertEqual(self.properties("Drifted")["Threshold"], drifted)


class Smoke(unittest.TestCase):
    def test_what_is_left_out_exists(self):
        for name in deploy.NOT_SMOKE:
            module, test = name.split("::")
            source = Path(f"server/tests/contract/{module}.rs").read_text()
            self.assertIn(f"fn {test}", source)


if __name__ == "__main__":
    unittest.main()
