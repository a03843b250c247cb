#!/usr/bin/env python3
"""Runs the state machine of bulk jobs as it is in infra/, and lets things fail.

moto's server executes it and is the bucket. moto calls Lambda at its own address; what stands there hands those calls to the
real function under cargo-lambda's emulator, everything else to moto, and fails where a test wants it to.

Run it from the root of the repository, with cargo-lambda on the PATH, in a Python that has moto.
"""

import gzip
import json
import logging
import os
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import boto3
import yaml
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from emulator import Emulator, free_port

BUCKET = "bulk-under-test"
FUNCTION = "bulk"
CUSTOMERS = Path("data/customers.csv")
SHARD_BYTES = 128 << 10
FIRST_ANSWER_LIMIT_S = 900
JOB_LIMIT_S = 300
POLL_S = 0.1
# How often the function's client tries an operation: ATTEMPTS in bucket.rs.
CLIENT_ATTEMPTS = 4
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
DEFAULTS = {
    "LOG_LEVEL": "warn",
    "BULK_BUCKET": BUCKET,
    "BULK_SHARD_BYTES": str(SHARD_BYTES),
    "BULK_CONCURRENCY": "2",
    "BULK_TOLERATED_FAILURE_PERCENTAGE": "0",
    "BULK_TOLERATED_REJECT_PERCENTAGE": "10",
}


@dataclass(frozen=True)
class Request:
    """A request as it arrives."""

    method: str
    path: str
    range: str | None
    # What a call of the function brings.
    event: dict | None


@dataclass
class Fault:
    """What happens to the first so many requests that match."""

    matches: Callable[[Request], bool]
    happens: Callable
    times: float
    struck: int = 0


def unavailable(_environ, start_response, _application):
    body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    start_response("503 Slow Down", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def throttled(_environ, start_response, _application):
    body = b'{"Type": "User", "message": "Rate Exceeded."}'
    headers = [("X-Amzn-ErrorType", "TooManyRequestsException"), ("X-Amzn-RequestId", "0"), ("Content-Type", "application/json")]
    start_response("429 Too Many Requests", [*headers, ("Content-Length", str(len(body)))])
    return [body]


def broken_off(environ, start_response, application):
    """Half of the answer, and then the connection ends."""
    body = b"".join(application(environ, start_response))

    def half():
        yield body[: len(body) // 2]
        environ["werkzeug.socket"].close()

    return half()


class Amazon:
    """moto, with Lambda answered by the emulator and with faults. All that arrives is kept."""

    def __init__(self):
        self.application = DomainDispatcherApplication(create_backend_app)
        self.port = free_port()
        self.emulator = None
        self.faults = []
        self.requests = []
        self.lock = threading.Lock()
        # moto's state machines call services at the port that this variable names.
        os.environ["MOTO_PORT"] = str(self.port)
        self.server = make_server("127.0.0.1", self.port, self, threaded=True, request_handler=MotoRequestHandler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, service):
        names = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.url, **names)

    def __call__(self, environ, start_response):
        is_call = environ["PATH_INFO"].endswith(f"/functions/{FUNCTION}/invocations")
        content = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])) if is_call else b""
        request = Request(
            environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_RANGE"), json.loads(content) if is_call else None
        )
        with self.lock:
            self.requests.append(request)
            fault = next((fault for fault in self.faults if fault.struck < fault.times and fault.matches(request)), None)
            if fault:
                fault.struck += 1
        answer = self.call(content) if is_call else self.application
        return fault.happens(environ, start_response, answer) if fault else answer(environ, start_response)

    def call(self, event):
        """What Lambda answers to a call."""

        def answer(_environ, start_response):
            url = f"{self.emulator.base_url}/2015-03-31/functions/{FUNCTION}/invocations"
            try:
                reply = urllib.request.urlopen(urllib.request.Request(url, data=event), timeout=FIRST_ANSWER_LIMIT_S)
            except urllib.error.HTTPError as error:
                reply = error
            body = reply.read()
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            # Lambda answers a function's error with 200 and this header; the emulator does with another status.
            if reply.status != 200:
                headers.append(("X-Amz-Function-Error", "Unhandled"))
            start_response("200 OK", headers)
            return [body]

        return answer


class TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's tags as what follows them."""


TemplateLoader.add_multi_constructor(
    "!",
    lambda loader, _tag, node: {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: loader.construct_sequence,
        yaml.MappingNode: loader.construct_mapping,
    }[type(node)](node),
)


def setUpModule():
    global amazon, s3, machines, machine, template
    template = yaml.load(Path("template.yaml").read_text(), TemplateLoader)["Resources"]
    amazon = Amazon()
    unittest.addModuleCleanup(amazon.server.shutdown)
    s3, machines = amazon.client("s3"), amazon.client("stepfunctions")
    s3.create_bucket(Bucket=BUCKET)
    settings = urllib.request.Request(
        f"{amazon.url}/moto-api/config",
        data=json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(settings)
    subprocess.run(["cargo", "build", "--bin", "engagetrack"], check=True)
    environment = CREDENTIALS | DEFAULTS | {"AWS_ENDPOINT_URL": amazon.url}
    amazon.emulator = unittest.enterModuleContext(Emulator([FUNCTION], environment))
    machine = machines.create_state_machine(
        name="bulk", definition=definition(), roleArn="arn:aws:iam::123456789012:role/bulk"
    )["stateMachineArn"]
    until_the_emulator_listens()


def definition():
    """The state machine's definition, with what CloudFormation would put in."""
    properties = template["BulkStateMachine"]["Properties"]
    text = Path(properties["DefinitionS3Location"]).read_text()
    values = {"BulkFunction": FUNCTION, "BulkBucket": BUCKET}
    assert values.keys() == properties["DefinitionSubstitutions"].keys()
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    assert "${" not in text
    return text


def until_the_emulator_listens():
    deadline = time.monotonic() + FIRST_ANSWER_LIMIT_S
    while time.monotonic() < deadline:
        amazon.emulator.must_run()
        try:
            urllib.request.urlopen(amazon.emulator.base_url, timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(POLL_S)
        else:
            return


class Bulk(unittest.TestCase):
    def setUp(self):
        amazon.faults.clear()
        amazon.requests.clear()

    def put(self, content, name=None):
        """An input of this test's own."""
        key = f"bulk/in/{name or self.id().rsplit('.', 1)[1] + '.csv'}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return key

    def strike(self, happens, times, matches):
        fault = Fault(matches, happens, times)
        amazon.faults.append(fault)
        return fault

    def run_job(self, name, **request):
        """Runs the machine to its end."""
        execution = machines.start_execution(stateMachineArn=machine, name=name, input=json.dumps(request))
        deadline = time.monotonic() + JOB_LIMIT_S
        while time.monotonic() < deadline:
            state = machines.describe_execution(executionArn=execution["executionArn"])
            if state["status"] != "RUNNING":
                return state["status"], json.loads(state.get("output", "null"))
            time.sleep(POLL_S)
        raise AssertionError(f"{name} did not end within {JOB_LIMIT_S} s")

    def read(self, key):
        return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def objects(self, prefix):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key.removeprefix(prefix): self.read(key) for key in keys}

    def parts(self, prefix):
        return {name: content for name, content in self.objects(prefix).items() if name.startswith(("results-", "rejects-"))}

    def written_parts(self):
        """The parts that the function began to write since the test began."""
        names = [request.path.rsplit("/", 1)[1] for request in amazon.requests if request.method == "PUT"]
        return {name for name in names if name.startswith(("results-", "rejects-"))}

    def calls(self, step):
        return [request.event for request in amazon.requests if request.event and request.event["step"] == step]

    def calls_of(self, shard):
        return len([event for event in self.calls("score") if event["shard"]["index"] == shard])

    def assert_as_on_a_laptop(self, content, shard_bytes, prefix, suffix=".csv"):
        """The parts are byte for byte those of the program for laptops, the manifests alike in all but the input's name."""
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder, f"customers{suffix}"), Path(folder, "out")
            source.write_bytes(content)
            command = ["target/debug/engagetrack", "bulk", str(source), str(out)]
            subprocess.run([*command, "--shard-bytes", str(shard_bytes)], check=True)
            ours = {path.name: path.read_bytes() for path in out.iterdir() if path.name.startswith(("results-", "rejects-"))}
            self.assertEqual(self.parts(prefix), ours)
            manifest, laptops = json.loads(self.read(f"{prefix}manifest.json")), json.loads((out / "manifest.json").read_text())
            for own in ("input", "job"):
                del manifest[own], laptops[own]
            self.assertEqual(manifest, laptops)
            return manifest

    def test_a_job_withstands_what_passes_and_gives_what_a_laptop_gives(self):
        content = with_wrong_rows(CUSTOMERS.read_bytes())
        key = self.put(content)
        # The client's own attempts, two calls long.
        self.strike(unavailable, 2 * CLIENT_ATTEMPTS, reads_of(2, content))
        self.strike(broken_off, 1, reads_of(4, content))
        self.strike(unavailable, 1, lambda request: request.method == "PUT" and "results-00001" in request.path)
        self.strike(unavailable, 1, lambda request: request.method == "PUT" and "report-00003" in request.path)
        self.strike(throttled, 1, lambda request: request.event and request.event.get("shard", {}).get("index") == 5)

        status, answer = self.run_job("withstands", key=key)

        self.assertEqual(status, "SUCCEEDED")
        self.assertEqual([fault.struck for fault in amazon.faults], [fault.times for fault in amazon.faults])
        self.assertEqual([self.calls_of(shard) for shard in range(8)], [1, 1, 3, 1, 1, 2, 1, 1])
        prefix = answer["manifest_key"].removesuffix("manifest.json")
        manifest = self.assert_as_on_a_laptop(content, SHARD_BYTES, prefix)
        self.assertEqual(len(manifest["parts"]), 8)
        self.assertEqual(manifest["missing"], [])
        self.assertEqual((manifest["rows_in"], manifest["rows_out"], manifest["rows_rejected"]), (7043, 7040, 3))
        self.assertEqual(answer["rows_rejected"], 3)

    def test_a_job_that_is_started_again_does_only_what_is_missing(self):
        key = self.put(CUSTOMERS.read_bytes())
        _, first = self.run_job("at-first", key=key)
        prefix = first["manifest_key"].removesuffix("manifest.json")
        before = self.parts(prefix)
        s3.delete_object(Bucket=BUCKET, Key=f"{prefix}results-00003.csv")
        s3.delete_object(Bucket=BUCKET, Key=f"{prefix}report-00006.json")
        amazon.requests.clear()

        status, again = self.run_job("again", key=key)

        self.assertEqual((status, again), ("SUCCEEDED", first))
        self.assertEqual(self.parts(prefix), before)
        redone = {"results-00003.csv", "rejects-00003.csv", "results-00006.csv", "rejects-00006.csv"}
        self.assertEqual(self.written_parts(), redone)

    def test_a_shard_that_fails_always_fails_the_job_unless_it_is_tolerated(self):
        content = CUSTOMERS.read_bytes()
        key = self.put(content)
        self.strike(unavailable, float("inf"), reads_of(3, content))

        status, _ = self.run_job("poisoned", key=key)

        self.assertEqual(status, "FAILED")
        self.assertEqual(self.calls_of(3), 5)
        report = json.loads(self.read("bulk/failed/poisoned.json"))
        self.assertEqual(report["error"], "PartsMissing")
        self.assertEqual(report["of"]["request"], {"key": key})
        self.assertRegex(report["message"], r"^1 of 8 parts are missing, and 0 % are tolerated: shard 3: reading s3://.*503")
        self.assertEqual([name for name in self.objects("bulk/out/") if key[8:] in name and "manifest" in name], [])

        status, answer = self.run_job("tolerated", key=key, tolerated_failure_percentage=12.5)

        self.assertEqual((status, answer["missing_parts"]), ("SUCCEEDED", 1))
        manifest = json.loads(self.read(answer["manifest_key"]))
        self.assertEqual(manifest["missing"], [3])
        self.assertEqual(len(manifest["parts"]), 7)

    def test_what_cannot_be_done_is_said_once(self):
        header, first, rest = CUSTOMERS.read_bytes().split(b"\n", 2)
        quoted = header + b",note\n" + first + b',"one\ntwo"\n' + rest.replace(b"\n", b",\n")
        key = self.put(quoted)
        self.assertEqual(self.run_job("quoted", key=key)[0], "FAILED")
        report = json.loads(self.read("bulk/failed/quoted.json"))
        self.assertIn("has a line break in quotes", report["message"])
        self.assertIn("run it unsharded, with a shard_bytes of 0", report["message"])
        self.assertEqual(self.calls_of(0), 1)
        status, answer = self.run_job("unsharded", key=key, shard_bytes=0)
        self.assertEqual((status, answer["rows_out"]), ("SUCCEEDED", 7043))

        for number, (request, message) in enumerate(
            [
                ({"key": "bulk/in/nothing.csv"}, f"s3://{BUCKET}/bulk/in/nothing.csv is not there"),
                ({"key": "elsewhere.csv"}, "key must begin with bulk/in/"),
                ({"key": key, "concurency": 3}, "unknown field `concurency`"),
                ({"key": key, "tolerated_failure_percentage": 101}, "must be between 0 and 100"),
                ({"key": key, "tolerated_reject_percentage": -1}, "must be between 0 and 100"),
                ({"key": self.put(b"", "empty.csv")}, "the input is empty"),
            ]
        ):
            with self.subTest(message):
                amazon.requests.clear()
                self.assertEqual(self.run_job(f"refused-{number}", **request)[0], "FAILED")
                report = json.loads(self.read(f"bulk/failed/refused-{number}.json"))
                self.assertEqual(report["error"], "Refused")
                self.assertIn(message, report["message"])
                self.assertEqual(len(self.calls("plan")), 1)

    def test_too_many_rejects_fail_the_job_unless_they_are_tolerated(self):
        content = CUSTOMERS.read_bytes().replace(b"Month-to-month", b"monthly").replace(b"\n", b"\r")
        key = self.put(content)

        self.assertEqual(self.run_job("rejected", key=key)[0], "FAILED")

        self.assertEqual(len(self.calls("finish")), 1)
        report = json.loads(self.read("bulk/failed/rejected.json"))
        self.assertEqual(report["error"], "Unusable")
        self.assertRegex(
            report["message"],
            r"^(\d+) of 7043 records were rejected, and 10 % are tolerated: "
            r"Contract: \1 of 7043 values are 'monthly'; must be one of [^;]*; Contract must be one of",
        )

        status, answer = self.run_job("rejects-tolerated", key=key, tolerated_reject_percentage=60)

        self.assertEqual(status, "SUCCEEDED")
        manifest = json.loads(self.read(answer["manifest_key"]))
        self.assertEqual(manifest["reject_reasons"][0]["records"], answer["rows_rejected"])

    def test_a_compressed_input_is_one_shard_whose_parts_are_uploaded_in_parts(self):
        header, rows = CUSTOMERS.read_bytes().split(b"\n", 1)
        content = gzip.compress(header + b"\n" + rows * 8, mtime=0)
        broken = self.strike(broken_off, 1, lambda request: request.range is not None and self.calls("score"))
        status, answer = self.run_job("compressed", key=self.put(content, "compressed.csv.gz"))
        self.assertEqual((status, answer["rows_out"], broken.struck), ("SUCCEEDED", 8 * 7043, 1))
        uploads = [request for request in amazon.requests if request.method == "POST" and "results-00000" in request.path]
        self.assertEqual(len(uploads), 2, "one begins an upload, one completes it")
        prefix = answer["manifest_key"].removesuffix("manifest.json")
        self.assert_as_on_a_laptop(content, SHARD_BYTES, prefix, suffix=".csv.gz")

    def test_the_function_is_given_the_variables_that_it_reads(self):
        given = template["BulkFunction"]["Properties"]["Environment"]["Variables"]
        # WORKSPACE is given where a layer holds one, which no job here has.
        self.assertEqual(given.keys(), {*DEFAULTS, "WORKSPACE"})


def reads_of(shard, content):
    """Whether a request reads this shard, from the byte before it on."""
    before = content.index(b"\n") + shard * SHARD_BYTES
    return lambda request: request.range is not None and request.range.startswith(f"bytes={before}-")


def with_wrong_rows(content):
    """The customers, three of whom can't be read."""
    lines = content.splitlines(keepends=True)
    lines[10] = lines[10].replace(b",", b",?", 2)
    lines[3000] = b"only one cell\n"
    # In no encoding is it a gender.
    lines[7000] = lines[7000].replace(b",", b",\xff", 1)
    return b"".join(lines)


if __name__ == "__main__":
    # Every request and every failure that a test wants would be told.
    logging.disable()
    unittest.main(verbosity=2)
