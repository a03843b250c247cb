"""Tests of template.yaml and of what writes it. Run from the root of the repository."""

import json
import logging
import re
import tomllib
import unittest
from pathlib import Path

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

import template
from deploy import EMBEDDED, LARGE, PROCESSOR_MB
from test_deploy import OPEN

NO_VALUE = {"Ref": "AWS::NoValue"}
HTTP_FUNCTIONS = ["Analytics", "Explain", "Nudges", "Predict", "Summary"]


class Source(unittest.TestCase):
    def setUp(self):
        self.source = template.SOURCE.read_text()
        self.description = json.loads(template.DESCRIPTION.read_text())

    def test_the_committed_template_is_what_the_source_gives(self):
        written = template.render(self.source, self.description)
        self.assertEqual(template.TEMPLATE.read_text(), written, "run `make template`")

    def test_a_path_of_the_description_becomes_a_route_to_its_function(self):
        self.description["paths"]["/v1/predict/{customer_id}/by-day"] = {"get": {"tags": ["predict"]}}
        written = template.render(self.source, self.description)
        route = written.split("  PredictCustomerIdByDayRoute:\n")[1].split("\n\n")[0]
        self.assertIn("RouteKey: ANY /v1/predict/{customer_id}/by-day\n", route)
        self.assertIn("Target: !Sub integrations/${PredictIntegration}\n", route)


class Template(unittest.TestCase):
    def setUp(self):
        self.template = yaml_parse(template.TEMPLATE.read_text())

    def properties(self, resource):
        return self.template["Resources"][resource]["Properties"]

    def defaults(self):
        return {name: parameter["Default"] for name, parameter in self.template["Parameters"].items()}

    def resolved(self, resource, **parameters):
        """The properties of a resource under these parameters, and else the defaults."""
        return resolved(self.properties(resource), self.template["Conditions"], self.defaults() | parameters)

    def statements(self, bucket):
        return {statement["Sid"]: statement for statement in self.properties(f"{bucket}Policy")["PolicyDocument"]["Statement"]}

    def test_it_has_the_parameters_and_outputs_that_are_read(self):
        self.assertLessEqual(set(OPEN) | {"Arch", "Release"}, set(self.template["Parameters"]))
        self.assertLessEqual({"OriginSecretHashes", "OriginSecretVersion", *EMBEDDED}, set(self.template["Parameters"]))
        outputs = {"Url", "ApiUrl", "OriginSecretArn", "DistributionId", "SiteBucket", "BulkBucketName"}
        self.assertLessEqual(outputs, set(self.template["Outputs"]))

    def test_its_dashboard_is_json(self):
        self.assertTrue(json.loads(self.properties("Dashboard")["DashboardBody"]["Fn::Sub"])["widgets"])

    def test_the_alarm_rings_where_drift_begins(self):
        source = Path("shared/engagetrack/src/drift.rs").read_text()
        drifted = float(re.search(r"pub const DRIFTED: f64 = ([\d.]+);", source)[1])
        self.assertEqual(self.properties("Drifted")["Threshold"], drifted)

    def test_no_secret_is_in_the_settings_of_a_function(self):
        for name, resource in self.template["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                self.assertNotIn("{{resolve:secretsmanager", json.dumps(resource), name)

    def test_the_functions_may_read_the_key_of_the_usage_log_and_no_other_secret(self):
        for name in HTTP_FUNCTIONS:
            properties = self.properties(f"{name}Function")
            self.assertEqual(properties["Role"], {"Fn::GetAtt": ["FunctionRole", "Arn"]})
            self.assertEqual(properties["Environment"]["Variables"]["USAGE_LOG_KEY_SECRET"], {"Ref": "UsageLogKey"})
        policies = self.properties("FunctionRole")["Policies"]
        statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
        reads = [statement for statement in statements if "secretsmanager" in json.dumps(statement)]
        self.assertEqual(
            reads, [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": {"Ref": "UsageLogKey"}}]
        )

    def test_cloudfront_sends_the_secret_that_the_functions_know_by_its_digest(self):
        origins = self.properties("Distribution")["DistributionConfig"]["Origins"]
        (header,) = next(origin for origin in origins if origin["Id"] == "api")["OriginCustomHeaders"]
        self.assertEqual(header["HeaderName"], "x-origin-secret")
        self.assertIn("${OriginSecret}:SecretString:::${OriginSecretVersion}", header["HeaderValue"]["Fn::Sub"])
        for name in HTTP_FUNCTIONS:
            variables = self.properties(f"{name}Function")["Environment"]["Variables"]
            self.assertEqual(variables["ORIGIN_SECRET_SHA256"], {"Ref": "OriginSecretHashes"})
        pattern = self.template["Parameters"]["OriginSecretHashes"]["AllowedPattern"]
        for hashes, allowed in [("", True), ("a" * 64, True), (f"{'a' * 64},{'0' * 64}", True), ("a" * 63, False)]:
            self.assertEqual(re.fullmatch(pattern, hashes) is not None, allowed, hashes)

    def test_a_layer_brings_the_workspace_that_each_function_but_archive_serves(self):
        arn = "arn:aws:lambda:eu-central-1:123456789012:layer:engagetrack-workspace:7"
        for name in [*HTTP_FUNCTIONS, "Bulk"]:
            extensions = 0 if name == "Bulk" else 1
            for layer in [arn, ""]:
                properties = self.resolved(f"{name}Function", WorkspaceLayer=layer)
                self.assertEqual(properties["Environment"]["Variables"].get("WORKSPACE"), "/opt/workspace" if layer else None, name)
                self.assertEqual(properties.get("Layers", [])[extensions:], [layer] if layer else [], name)
                self.assertNotIn("", properties.get("Layers", []))
        self.assertNotIn("Layers", self.properties("ArchiveFunction"))
        self.assertNotIn("WORKSPACE", self.properties("ArchiveFunction")["Environment"]["Variables"])
        pattern = self.template["Parameters"]["WorkspaceLayer"]["AllowedPattern"]
        for value, allowed in [("", True), (arn, True), (arn.removesuffix(":7"), False), ("workspace", False)]:
            self.assertEqual(re.fullmatch(pattern, value) is not None, allowed, value)

    def test_it_serves_the_functions_own_workspace_by_default(self):
        self.assertEqual({name: str(self.defaults()[name]) for name in EMBEDDED}, EMBEDDED)

    def test_a_large_workspace_gives_memory_and_time_to_the_functions_that_answer_http(self):
        for name in HTTP_FUNCTIONS:
            own = self.resolved(f"{name}Function")
            given = self.resolved(f"{name}Function", WorkspaceMemory=PROCESSOR_MB)
            self.assertEqual(given["MemorySize"], PROCESSOR_MB)
            self.assertLess(own["MemorySize"], PROCESSOR_MB)
            self.assertGreater(given["Timeout"], own["Timeout"])
            # Twice a workspace that is not large, and 64 for the program and AWS's extension.
            self.assertLess(2 * LARGE / 1e6 + 64, own["MemorySize"])

    def test_a_workspace_on_its_way_to_a_layer_is_deleted_by_itself(self):
        rules = self.properties("BulkBucket")["LifecycleConfiguration"]["Rules"]
        (rule,) = [rule for rule in rules if rule.get("Prefix") == "layers/"]
        self.assertEqual((rule["Status"], rule["ExpirationInDays"]), ("Enabled", 1))

    def test_the_functions_read_what_the_template_sets_and_measure_what_it_shows(self):
        paths = [Path("functions/predict/src/main.rs"), *sorted(Path("shared/web/src").rglob("*.rs"))]
        source = "".join(path.read_text() for path in paths if path.name != "tests.rs")
        amazons = ("PARAMETERS_SECRETS_EXTENSION_", "SECRETS_MANAGER_")
        settings = self.properties("PredictFunction")["Environment"]["Variables"]
        metrics = re.findall(r'\["(?:EngageTrack|\.)", "(\w+)"', self.properties("Dashboard")["DashboardBody"]["Fn::Sub"])
        names = [name for name in settings if not name.startswith(amazons)] + [name for name in metrics if not name.endswith("xx")]
        self.assertLessEqual({"ORIGIN_SECRET_SHA256", "HighRisk"}, set(names))
        levels = tomllib.loads(Path("data/schema.toml").read_text())["risk"]["levels"]
        # The functions make these names of the schema's risk levels.
        by_level = {"".join(word.capitalize() for word in re.split("[-_]", level["name"])) + "Risk" for level in levels}
        for name in ["x-origin-secret", *names]:
            self.assertTrue(f'"{name}"' in source or name in by_level, name)

    def test_nobody_deletes_a_line_of_the_usage_log_or_changes_how_long_it_is_kept(self):
        statements = self.statements("UsageLogBucket")
        denied = {
            "NoLineIsDeleted": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "LinesAreKeptAsLongAsTheStackSays": ["s3:DeleteBucket", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"],
        }
        admin = {"ArnNotEquals": {"aws:PrincipalArn": {"Ref": "UsageLogAdminArn"}}}
        for name, actions in denied.items():
            statement = statements[name]
            self.assertEqual((statement["Effect"], statement["Principal"]), ("Deny", "*"))
            self.assertLessEqual(set(actions), set(statement["Action"]))
            self.assertEqual(statement["Condition"], {"Fn::If": ["HasUsageLogAdmin", admin, {"Ref": "AWS::NoValue"}]})
        for resource in ["UsageLogBucket", "UsageLogBucketPolicy"]:
            self.assertEqual(self.template["Resources"][resource]["DeletionPolicy"], "Retain")

    def test_the_access_log_says_who_called_from_where_but_not_whom_it_was_about(self):
        line = json.loads(self.properties("ApiStage")["AccessLogSettings"]["Format"])
        self.assertEqual(line["caller"], "$context.authorizer.claims.sub")
        self.assertEqual(line["source_ip"], "$context.identity.sourceIp")
        self.assertNotIn("$context.path", line.values())
        viewers = yaml_parse(Path("infra/viewer-log.yaml").read_text())["Resources"]["Delivery"]["Properties"]["RecordFields"]
        self.assertIn("c-ip", viewers)
        self.assertFalse([field for field in viewers if "uri" in field or "(" in field])

    def test_a_new_release_gives_each_function_a_new_version(self):
        # The first deployment has none yet.
        releases = [versions(self.template, release) for release in ["", "a" * 64, "b" * 64]]
        functions = len(HTTP_FUNCTIONS) + len(["Archive", "Bulk"])
        self.assertEqual(len(set().union(*releases)), 3 * functions)


def resolved(value, conditions, parameters):
    """What CloudFormation makes of conditions and parameters in a value; references to resources stay."""

    def resolve(value):
        match value:
            case {"Fn::If": [condition, yes, no]}:
                return resolve(yes if resolve(conditions[condition]) else no)
            case {"Fn::Not": [one]}:
                return not resolve(one)
            case {"Fn::Equals": [one, other]}:
                return str(resolve(one)) == str(resolve(other))
            case {"Ref": name} if name in parameters:
                return parameters[name]
            case dict():
                return {key: resolved for key, one in value.items() if (resolved := resolve(one)) != NO_VALUE}
            case list():
                return [resolved for one in value if (resolved := resolve(one)) != NO_VALUE]
        return value

    return resolve(value)


def versions(deployed, release):
    """The versions of functions that SAM makes of the template, by name."""
    for resource in deployed["Resources"].values():
        properties = resource.get("Properties", {})
        if "CodeUri" in properties:
            properties["CodeUri"] = "s3://bucket/code"
        if "DefinitionS3Location" in properties:
            properties["DefinitionS3Location"] = {"Bucket": "bucket", "Key": "definition"}
    logging.disable(logging.WARNING)
    translator = Translator(managed_policy_map={}, sam_parser=Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    translated = translator.translate(json.loads(json.dumps(deployed)), parameter_values={"Release": release})
    return {name for name, resource in translated["Resources"].items() if resource["Type"] == "AWS::Lambda::Version"}


if __name__ == "__main__":
    unittest.main()
