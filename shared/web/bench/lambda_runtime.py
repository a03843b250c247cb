"""Lambda's runtime API and AWS's secrets extension as a function finds them, and the function's process, for measurements."""

import json
import os
import socket
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
    "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
}
KEY = "the key of a measurement"
# Where the usage log's key comes from: the environment itself.
KEY_GIVEN = {"USAGE_LOG_KEY": KEY}


class Extension(ThreadingHTTPServer):
    """Answers for AWS's Parameters and Secrets extension while the `with` block lasts, without asking AWS."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Secret)
        self.environment = {
            "USAGE_LOG_KEY_SECRET": "arn:aws:secretsmanager:us-east-1:0:secret:usage-log-key",
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT": str(self.server_port),
            "AWS_SESSION_TOKEN": "bench",
        }

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return super().__enter__()

    def __exit__(self, *exception):
        self.shutdown()
        super().__exit__(*exception)


class Secret(BaseHTTPRequestHandler):
    """The one secret that there is."""

    def do_GET(self):
        body = json.dumps({"Name": "usage-log-key", "SecretString": KEY}).encode()
        allowed = self.headers["x-aws-parameters-secrets-token"] == "bench"
        self.send_response(200 if allowed else 401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing."""


class Function:
    """One process of a function, from its start to the end of the `with` block."""

    def __init__(self, binary, environment=KEY_GIVEN):
        self.binary = binary
        self.environment = ENVIRONMENT | environment
        self.received = b""

    def __enter__(self):
        """Starts the process and waits until it asks for work."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            environment = self.environment | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.getsockname()[1]}"}
            self.log = tempfile.TemporaryFile()
            self.process = subprocess.Popen([self.binary], env=environment, stdout=self.log)
            self.connection, _ = listener.accept()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.poll()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.connection.close()
        self.log.close()

    def poll(self):
        """Waits until the function asks for work."""
        head, _ = self.request()
        if not head.startswith(b"GET /2018-06-01/runtime/invocation/next"):
            raise SystemExit(f"the function did not ask for work but: {head.decode()}")

    def answer(self, event):
        """Gives the function an event, waits until it has answered and asks for more, and gives the answer's body."""
        body = json.dumps(event).encode()
        head = (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nlambda-runtime-aws-request-id: 1\r\n"
            "lambda-runtime-deadline-ms: 9999999999999\r\nlambda-runtime-trace-id: Root=1-0-0\r\n"
            "lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:0:function:bench\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self.connection.sendall(head.encode() + body)
        head, answer = self.request()
        answer = json.loads(answer)
        if b"/response " not in head.split(b"\r\n")[0] or answer["statusCode"] != 200:
            raise SystemExit(f"{event['rawPath']} was not answered: {head.decode()} {str(answer)[:500]}")
        self.connection.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        self.poll()
        return answer["body"]

    def resident(self):
        """Bytes of memory that it occupies now."""
        return self.status("VmRSS")

    def peak(self):
        """Bytes of memory that it occupied at most."""
        return self.status("VmHWM")

    def status(self, name):
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))

    def logged(self):
        """Bytes that it has printed for the platform to log."""
        return os.fstat(self.log.fileno()).st_size

    def processor_time(self):
        """Seconds that its threads have spent on a processor."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def request(self):
        """The next request that the function sends: its head and its body."""
        head = self.until(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        if fields.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                body += self.exactly(size)
                self.until(b"\r\n")
            self.until(b"\r\n")
            return head, body
        return head, self.exactly(int(fields.get(b"content-length", 0)))

    def until(self, end):
        while end not in self.received:
            self.receive()
        part, self.received = self.received.split(end, 1)
        return part

    def exactly(self, size):
        while len(self.received) < size:
            self.receive()
        part, self.received = self.received[:size], self.received[size:]
        return part

    def receive(self):
        received = self.connection.recv(1 << 20)
        if not received:
            raise SystemExit(f"{self.binary} closed the connection")
        self.received += received


def event(target, body=None, content_type="application/json", accept="*/*"):
    """A request as the HTTP API hands it on, payload format 2.0: a POST where there is a body, else a GET."""
    path, _, query = target.partition("?")
    method = "GET" if body is None else "POST"
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"}
    context = {
        "accountId": "0", "apiId": "bench", "domainName": "bench", "domainPrefix": "bench", "requestId": "1",
        "routeKey": "$default", "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0, "http": http,
    }  # fmt: skip
    return {
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "body": body,
        "headers": {"host": "bench", "accept": accept, "content-type": content_type},
        "requestContext": context, "isBase64Encoded": False,
    }  # fmt: skip


def size(binary):
    """Bytes of the program."""
    return os.stat(binary).st_size
