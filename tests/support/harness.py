"""Processes of ours for tests: the sandbox, workers, and what they need. Standard library only.

Every process is started with its own log file, is ended with the test, and every wait has a deadline.
"""
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WARDEN = os.environ.get("WARDEN", os.path.join(ROOT, "build", "warden"))
SLOW = float(os.environ.get("WARDEN_TEST_SLOWNESS", "1"))  # sanitizers are slow: deadlines are multiplied by this
TOKEN = "test-token-of-the-sandbox"


class Failure(Exception):
    """The test has found what it must not find."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def wait_for(what, condition, seconds=30, step=0.05):
    """Waits until condition() is true and returns its value; fails with `what` after a deadline."""
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds * SLOW:.0f} s: {what}")
        time.sleep(step)


class Process:
    """A child with its output in a file."""

    def __init__(self, name, arguments, folder, environment=None):
        self.name = name
        self.log_path = os.path.join(folder, name + ".log")
        self.log = open(self.log_path, "wb")
        self.child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                                      env={**os.environ, **(environment or {})}, cwd=ROOT)

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.running():
            self.child.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait()

    def wait(self, seconds=60):
        try:
            return self.child.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds * SLOW:.0f} s; its log: {self.log_path}") from None

    def stop(self, seconds=60):
        """SIGTERM and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def end(self):
        if self.running():
            self.kill()
        self.log.close()

    def text(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def events(self):
        """The JSON log lines."""
        lines = []
        for line in self.text().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                pass
        return lines

    def said(self, event):
        return [line for line in self.events() if line.get("event") == event]


class Sandbox(Process):
    def __init__(self, folder, *arguments):
        token = os.path.join(folder, "sandbox-token")
        with open(token, "w", encoding="ascii") as out:
            out.write(TOKEN)
        super().__init__("sandbox", [WARDEN, "sandbox", "--port", "0", "--token-file", token, *arguments], folder)
        line = wait_for("the sandbox listens", lambda: [l for l in self.text().splitlines() if "http://" in l])[0]
        self.url = line[line.index("http://"):].split()[0]
        self.port = int(self.url.rsplit(":", 1)[1])

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
            answer = connection.getresponse()
            data = answer.read()
            check(answer.status == 200, f"{method} {path}: {answer.status} {data[:200]!r}")
            return json.loads(data) if data else None
        finally:
            connection.close()

    def faults(self, *faults, seed=1):
        self.request("DELETE", "/__sandbox/faults")
        if faults:
            self.request("POST", "/__sandbox/faults", {"faults": list(faults), "seed": seed})

    def stats(self):
        return self.request("GET", "/__sandbox/stats")

    def calls(self):
        """Every API call in the log, in the order of arrival."""
        found, since = [], 0
        while True:
            page = self.request("GET", f"/__sandbox/log?since={since}&limit=5000")
            check(page.get("dropped", 0) == 0, "calls fell out of the sandbox's log")
            if not page["calls"]:
                return found
            found += page["calls"]
            since = page["next"]

    def call_count(self):
        return self.request("GET", "/__sandbox/stats").get("received", 0)


class Worker(Process):
    """`warden run` with options given as a dictionary of "section.key": value."""

    def __init__(self, name, folder, cluster, sandbox, rules, options=None, environment=None, secret=TOKEN):
        token = os.path.join(folder, name + "-token")
        with open(token, "w", encoding="ascii") as out:
            out.write(secret)
        self.token_file = token
        settings = {
            "kafka.brokers": cluster.bootstrap,
            "kafka.group_id": "warden-test",
            "kafka.client_id": name,
            "kafka.session_timeout": "6s",
            "kafka.properties": "{fetch.wait.max.ms: 10}",
            "platform.base_url": sandbox.url,
            "platform.token_file": token,
            "worker.shards": 1,
            "worker.commit_interval": "200ms",
            "rules.paths": f"[{rules}]",
            "http.port": 0,
            "log.format": "json",
            **(options or {}),
        }
        arguments = [WARDEN, "run"]
        for key, value in settings.items():
            arguments += ["--set", f"{key}={value}"]
        super().__init__(name, arguments, folder, environment)

    def ready(self):
        return bool(self.said("assigned"))

    def port(self):
        started = self.said("started")
        return started[0]["http_port"] if started else None

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port()}{path}", timeout=10) as answer:
            return answer.read().decode()

    def metric(self, name):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.get("/metrics").splitlines()
                   if line.split("{")[0].split(" ")[0] == name)


class Test:
    """Runs one test function in a folder of its own, ends its processes, and says how it went."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="warden-test-")
        self.parts = []

    def keep(self, part):
        self.parts.append(part)
        return part

    def end(self):
        for part in reversed(self.parts):
            try:
                part.end()
            except Exception as problem:  # the other parts are still to be ended
                print(f"  while ending: {problem}", file=sys.stderr)


def run(*tests):
    """Main of a test program: 0 fine, 1 failure, 77 skipped."""
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    failed = ran = 0
    for function in tests:
        if wanted and function.__name__ not in wanted:
            continue
        test = Test()
        started = time.monotonic()
        try:
            function(test)
            print(f"ok   {function.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
            ran += 1
        except Exception as failure:  # a test that breaks has failed, too
            failed += 1
            print(f"FAIL {function.__name__}: {type(failure).__name__}: {failure}\n     logs in {test.folder}", flush=True)
            for part in test.parts:
                if isinstance(part, Process):
                    tail = part.text()[-3000:]
                    print(f"---- {part.name} (exit {part.child.poll()})\n{tail}", flush=True)
        finally:
            test.end()
    print(f"{ran} passed, {failed} failed")
    return 1 if failed or not ran else 0
