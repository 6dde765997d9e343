"""Witnesses: every committed offset, and what the workers cost. They only look."""
import base64
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402

SPY = os.path.join(cluster.BUILD, "chaosspy")


def spy(*words, text=None, seconds=60):
    done = subprocess.run([SPY, *words], input=text, capture_output=True, text=True, timeout=seconds * cluster.SLOW)
    if done.returncode != 0:
        raise cluster.ClusterError(done.stderr.strip() or f"chaosspy ended with {done.returncode}")
    return done.stdout


def finished_above(offset, metadata):
    """What commit metadata says: runs [first, end) of finished offsets above the position. Written from the description
    of the format, not from the worker's code: '1' and base64 of a checksum (FNV-1a) and pairs of gap and length."""
    if not metadata or metadata[0] != "1":
        return []
    try:
        raw = base64.b64decode(metadata[1:] + "=" * (-len(metadata[1:]) % 4), validate=True)
    except ValueError:
        return []
    digest = 2166136261
    for byte in offset.to_bytes(8, "little") + raw[4:]:
        digest = (digest ^ byte) * 16777619 & 0xffffffff
    if len(raw) <= 4 or int.from_bytes(raw[:4], "little") != digest:
        return []
    numbers, value, shift = [], 0, 0
    for byte in raw[4:]:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value = shift = 0
    runs, at = [], offset
    for gap, length in zip(numbers[::2], numbers[1::2]):
        runs.append((at + gap, at + gap + length))
        at += gap + length
    return runs


class Commit:
    def __init__(self, line):
        self.partition, self.offset, self.ms = line["partition"], line["offset"], line["ms"]
        self.metadata = line["metadata"]
        self.runs = finished_above(self.offset, self.metadata)

    def covers(self, offset):
        return offset < self.offset or any(first <= offset < end for first, end in self.runs)


class Commits:
    """Of one group and topic. Real Kafka keeps every commit in a log, which is read at the end; the embedded broker
    keeps only the last one, so there a child asks for it all the time."""

    def __init__(self, kafka, topic, group, folder):
        self.kafka, self.topic, self.group = kafka, topic, group
        self.child = None
        if not kafka.is_real:
            self.path = os.path.join(folder, "commits.log")
            self.out = open(self.path, "w", encoding="utf-8")
            self.child = subprocess.Popen([SPY, "watch", kafka.bootstrap, topic, group], stdout=self.out,
                                          stderr=self.out)

    def all(self):
        if self.kafka.is_real:
            text = spy("commits", self.kafka.bootstrap, self.group)
        else:
            time.sleep(0.3)  # it still has to see the last one
            with open(self.path, encoding="utf-8") as seen:
                text = seen.read()
        found = []
        for line in text.splitlines():
            if line.startswith("{") and line.endswith("}"):
                parsed = json.loads(line)
                if parsed["topic"] == self.topic:
                    found.append(Commit(parsed))
        found.sort(key=lambda commit: commit.ms)
        return found

    def end(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
            self.out.close()


class Memory:
    """The most memory that each process ever had, looked at while it lives."""

    def __init__(self, workers):
        self.workers, self.stopping = workers, threading.Event()
        self.peak_kib = {}
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stopping.wait(0.3):
            for worker in list(self.workers):
                self.look(worker)

    def look(self, worker):
        try:
            with open(f"/proc/{worker.child.pid}/status", encoding="ascii") as status:
                for line in status:
                    if line.startswith("VmHWM"):
                        self.peak_kib[worker.name] = int(line.split()[1])
        except OSError:
            pass

    def end(self):
        self.stopping.set()
        self.thread.join(5)


def wait_until_stopped(pid):
    while True:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] in "TZX":
                return
        time.sleep(0.001)


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
