"""Kafka for tests of whole processes: the embedded broker in a process of its own, or a real Apache Kafka, behind one
interface. Standard library only; records go through build/kafkatool.

    with open_cluster("mock", folder) as kafka:
        kafka.create_topic("events", 12)
        kafka.produce("events", [("author-1", "text"), {"key": None, "value": "x", "headers": [["a", "b"]]}])
        kafka.offsets("events", "warden")   # [{"partition", "first", "end", "committed", "metadata"}]
        kafka.consume("events")             # [{"partition", "offset", "key", "value", "headers", "timestamp"}]
"""
import json
import os
import select
import signal
import socket
import subprocess
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.dirname(os.environ.get("WARDEN", os.path.join(ROOT, "build", "warden")))
TOOL = os.environ.get("KAFKATOOL", os.path.join(BUILD, "kafkatool"))
SCRIPT = os.path.join(ROOT, "scripts", "kafka")
SLOW = float(os.environ.get("WARDEN_TEST_SLOWNESS", "1"))
NOTHING = 4  # exit code of scripts/kafka: it cannot be had here


class ClusterError(Exception):
    """Kafka or its tool said no; the text has its words."""


def why_not(kind):
    """None where a cluster of this kind can be had, else the reason for which a test of it is skipped."""
    if not os.access(TOOL, os.X_OK):
        return f"{TOOL} is not built"
    if kind == "mock" or os.environ.get("WARDEN_TEST_KAFKA"):
        return None
    fetched = subprocess.run([SCRIPT, "fetch"], capture_output=True, text=True, timeout=1200)
    return None if fetched.returncode == 0 else "no real Kafka: " + "; ".join(fetched.stderr.split("\n")).strip("; ")


def open_cluster(kind, folder, **options):
    """kind: "mock" or "kafka". Logs and data go to `folder`. It ends with end(), or as a context manager."""
    return {"mock": MockCluster, "kafka": RealKafka}[kind](folder, **options)


class Feeder:
    """One `kafkatool produce`: takes records and waits until they are acknowledged."""

    def __init__(self, bootstrap, topic, log):
        self.lock = threading.Lock()
        self.acknowledged = 0
        self.child = subprocess.Popen([TOOL, "produce", "--at", bootstrap, "--topic", topic, "--json"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def send(self, records, seconds):
        lines = []
        for record in records:
            if not isinstance(record, dict):
                record = {"key": record[0], "value": record[1]}
            lines.append(json.dumps(record))
        if not lines:
            return 0
        with self.lock:
            self.child.stdin.write(("\n".join(lines) + "\n\n").encode())
            self.child.stdin.flush()
            ready, _, _ = select.select([self.child.stdout], [], [], seconds * SLOW)
            answer = self.child.stdout.readline() if ready else b""
            if not answer.strip():
                raise ClusterError(f"{len(lines)} records were not acknowledged within {seconds * SLOW:.0f} s")
            before, self.acknowledged = self.acknowledged, int(answer)
            if self.acknowledged - before != len(lines):
                raise ClusterError(f"of {len(lines)} records {self.acknowledged - before} were acknowledged")
            return len(lines)

    def end(self):
        with self.lock:
            self.child.stdin.close()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
            self.child.stdout.close()


class Cluster:
    """What both kinds have in common. `bootstrap` is set when the constructor returns."""

    bootstrap = None

    def __init__(self, folder):
        self.folder = folder
        self.log = open(os.path.join(folder, "kafkatool.log"), "ab")
        self.feeders = {}
        self.feeders_lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def tool(self, *arguments, seconds=60):
        done = subprocess.run([TOOL, *arguments], capture_output=True, timeout=seconds * SLOW)
        if done.returncode != 0:
            raise ClusterError(done.stderr.decode(errors="replace").strip() or f"kafkatool ended with {done.returncode}")
        return done.stdout.decode()

    def produce(self, topic, records, seconds=120):
        """(key, value) pairs or dictionaries, in order; returns when all are acknowledged. Any thread."""
        with self.feeders_lock:
            if topic not in self.feeders:
                self.feeders[topic] = Feeder(self.bootstrap, topic, self.log)
            feeder = self.feeders[topic]
        return feeder.send(records, seconds)

    def consume(self, topic):
        return [json.loads(line) for line in self.tool("consume", "--at", self.bootstrap, "--topic", topic).splitlines()]

    def offsets(self, topic, group=None):
        more = ["--group", group] if group else []
        lines = self.tool("offsets", "--at", self.bootstrap, "--topic", topic, *more).splitlines()
        return [json.loads(line) for line in lines]

    def wait_ready(self, seconds=30):
        self.tool("wait-ready", "--at", self.bootstrap, "--timeout-ms", str(int(seconds * SLOW * 1000)),
                  seconds=seconds + 30)

    def close_feeders(self):
        with self.feeders_lock:
            for feeder in self.feeders.values():
                feeder.end()
            self.feeders = {}

    def end(self):
        if self.log.closed:
            return
        self.close_feeders()
        self.stop()
        self.log.close()


class MockCluster(Cluster):
    """librdkafka's broker: 5 MB or 100,000 batches a partition, 3 s for a group's first join, no admin calls."""

    is_real = False

    def __init__(self, folder, brokers=1, topics=()):
        super().__init__(folder)
        arguments = [TOOL, "mock", "--brokers", str(brokers)]
        for name, partitions in topics:
            arguments += ["--topic", f"{name}:{partitions}"]
        self.child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        self.bootstrap = self.answer(30)

    def answer(self, seconds):
        ready, _, _ = select.select([self.child.stdout], [], [], seconds * SLOW)
        line = self.child.stdout.readline().decode().strip() if ready else ""
        if not line:
            raise ClusterError(f"the embedded broker says nothing; see {self.log.name}")
        return line

    def command(self, *words):
        """A fault: ("down", 1), ("up", 1), ("delay", 1, ms), ("errors", api_key, code, count), ("leader", topic,
        partition, broker), ("coordinator", group, broker), ("topic-error", topic, code)."""
        self.child.stdin.write((" ".join(str(word) for word in words) + "\n").encode())
        self.child.stdin.flush()
        answer = self.answer(15)
        if answer != "ok":
            raise ClusterError(answer)

    def create_topic(self, name, partitions):
        self.command("topic", f"{name}:{partitions}")

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)

    def resume(self):
        self.child.send_signal(signal.SIGCONT)

    def stop(self):
        if self.child.poll() is not None:
            return
        self.resume()
        self.child.stdin.close()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


class RealKafka(Cluster):
    """The Kafka that WARDEN_TEST_KAFKA names, or with own=True (and where it names none) a node of our own, which can
    also be paused and killed."""

    is_real = True

    def __init__(self, folder, own=False):
        super().__init__(folder)
        self.data = os.path.join(folder, "kafka")
        self.is_own = own or not os.environ.get("WARDEN_TEST_KAFKA")
        self.environment = dict(os.environ)
        if self.is_own:
            self.environment.pop("WARDEN_TEST_KAFKA", None)
        self.start()

    def script(self, verb, seconds=150):
        done = subprocess.run([SCRIPT, verb, "--data", self.data], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment, timeout=seconds * SLOW, text=True)
        if done.returncode != 0:
            raise ClusterError(f"scripts/kafka {verb}: {done.stderr.strip()}")
        return done.stdout.strip()

    def own_script(self, verb):
        if not self.is_own:
            raise ClusterError(f"{verb}: this Kafka is not ours; open it with own=True")
        return self.script(verb)

    def start(self):
        """Also brings a killed node back, at its old address and with its old data."""
        self.bootstrap = self.script("start", 1200).splitlines()[-1]

    def create_topic(self, name, partitions):
        self.tool("create-topic", "--at", self.bootstrap, "--topic", f"{name}:{partitions}")

    def pause(self):
        self.own_script("pause")

    def resume(self):
        self.own_script("resume")

    def kill(self):
        self.own_script("kill9")

    def stop(self):
        if self.is_own:
            self.script("stop")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
