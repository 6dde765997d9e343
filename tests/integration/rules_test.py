"""Rule sets as their authors and users meet them: examples that run again when a file is saved; bundles over HTTPS into a
running worker that goes on when the source is down; shadow rules and samples.

usage: rules_test.py [TEST...]; WARDEN names the program
"""
import collections
import functools
import http.server
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
from harness import SLOW, WARDEN, Process, check, run, wait_for  # noqa: E402

SET = "org.example.modes"
RULES = """ruleset: {{id: org.example.modes, version: {version}, format: 1}}
rules:
- {{id: m.watched, mode: shadow, when: {{words: [watchme]}}, actions: [hide], tests: {{match: [watchme], no_match: [x]}}}}
- {{id: m.some, mode: {{sample: 50%}}, when: {{words: [someme]}}, actions: [flag], tests: {{match: [someme], no_match: [x]}}}}
- {{id: m.most, mode: {{sample: 80%}}, when: {{words: [mostme]}}, actions: [flag], tests: {{match: [mostme], no_match: [x]}}}}
- {{id: m.all, when: {{words: [{word}]}}, actions: [flag], tests: {{match: [{word}], no_match: [x]}}}}
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def warden(*arguments, code=0):
    done = subprocess.run([WARDEN, *arguments], capture_output=True, text=True, timeout=60 * SLOW, check=False,
                          env={"PATH": os.environ["PATH"]})
    check(done.returncode == code, f"{arguments}: exit code {done.returncode}, not {code}: {done.stderr}{done.stdout}")
    return done.stdout + done.stderr


# ---- --watch ----

def examples_run_again_when_files_change(test):
    rules = "ruleset: {id: a, version: 1.0.0, format: 1}\nrules:\n- {id: a.b, when: {words: [WORD]}, actions: [flag], " \
            "tests: {match: [hello]}}\n"
    path = write(os.path.join(test.folder, "rules.yaml"), rules.replace("WORD", "hullo"))
    watcher = test.keep(Process("watch", [WARDEN, "rules", "test", "--watch", path], test.folder))
    wait_for("the first run", lambda: "1 examples, 1 failed" in watcher.text())
    write(path, rules.replace("WORD", "hello"))
    wait_for("the run after the change", lambda: "1 examples, 0 failed" in watcher.text())
    write(path, rules.replace("WORD", "["))
    wait_for("a file that is broken", lambda: "yaml-syntax" in watcher.text())
    write(path, rules.replace("WORD", "hello, x"))
    wait_for("it goes on after that", lambda: watcher.text().count("1 examples, 0 failed") == 2)
    watcher.signal(signal.SIGINT)
    check(watcher.wait() == 0, "Ctrl-C ends it with the code of the last run")
    check(watcher.text().count("examples, ") == 3, f"runs without a change: {watcher.text()}")


# ---- bundles over HTTPS into a running worker ----

class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Shelf:
    """An HTTPS server with bundles of a team."""

    def __init__(self, folder):
        self.folder = folder
        self.secret, self.public = os.path.join(folder, "team.key"), os.path.join(folder, "team.pub")
        warden("rules", "keygen", "--secret", self.secret, "--public", self.public)
        self.certificate = os.path.join(folder, "server.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                        os.path.join(folder, "server.key"), "-out", self.certificate], capture_output=True, check=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, os.path.join(folder, "server.key"))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"https://127.0.0.1:{self.server.server_port}"

    def publish(self, version, word):
        source = os.path.join(self.folder, "source-" + version)
        os.mkdir(source)
        write(os.path.join(source, "rules.yaml"), RULES.format(version=version, word=word))
        path = os.path.join(self.folder, f"{version}.tar")
        warden("rules", "build", source, "-o", path)
        warden("rules", "sign", path, "--secret", self.secret)
        return f"{self.base}/{version}.tar"

    def pull(self, url, into, code=0, trust=True):
        ca = ["--ca-file", self.certificate] if trust else []
        return warden("rules", "pull", url, "--into", into, "--key", self.public, *ca, code=code)

    def end(self):
        self.server.shutdown()
        self.server.server_close()


class Bench:
    """A worker on the embedded broker whose rules are an installed bundle."""

    def __init__(self, test, rules):
        self.kafka = test.keep(cluster.open_cluster("mock", test.folder))
        self.topics = ledger.create_topics(self.kafka, 4, "rules")
        self.sandbox = test.keep(harness.Sandbox(test.folder))
        self.fed = 0
        options = self.topics.options() | {"kafka.group_id": "rules", "rules.watch_interval": "200ms"}
        self.worker = test.keep(harness.Worker("worker", test.folder, self.kafka, self.sandbox, rules, options))
        wait_for("the worker has its partitions", self.worker.ready, 60)

    def decide(self, words, authors):
        """A message with each word by each author; the decisions by word and author."""
        records = [ledger.Record(self.fed + i, author, word, False)
                   for i, (word, author) in enumerate((w, a) for a in authors for w in words)]
        self.fed += len(records)
        wanted = {record.message: record for record in records}
        self.kafka.produce(self.topics.events, [(record.author, record.value()) for record in records])
        found = {}

        def all_are_there():
            for one in self.kafka.consume(self.topics.decisions):
                decision = json.loads(one["value"])
                record = wanted.get(decision["content_id"])
                if record:
                    found[record.word, record.author] = decision
            return len(found) == len(records)
        wait_for("a decision for each message", all_are_there, 60, step=0.3)
        return found


def a_bundle_reaches_a_running_worker(test):
    shelf, into = Shelf(test.folder), os.path.join(test.folder, "into")
    first, second = shelf.publish("1.0.0", "firstword"), shelf.publish("1.1.0", "secondword")
    shelf.pull(first, into)
    said = shelf.pull(first, into, code=69, trust=False)
    check("certificate" in said.lower(), f"a server that nobody vouches for: {said}")
    bench = Bench(test, os.path.join(into, SET))
    decision = bench.decide(["firstword"], ["u-1"])["firstword", "u-1"]
    match = decision["matches"][0]
    check((match["set"], match["version"], match["rule"]) == (SET, "1.0.0", "m.all"), f"set, version, rule: {match}")
    check(re.fullmatch("[0-9a-f]{64}", decision["ruleset_digest"]), "the digest")
    shelf.pull(second, into)
    wait_for("the worker takes the new bundle", lambda: bench.worker.metric("warden_rule_reloads_total") == 1)
    newer = bench.decide(["secondword"], ["u-1"])["secondword", "u-1"]
    check(newer["matches"][0]["version"] == "1.1.0", f"{newer['matches']}")
    check(newer["ruleset_digest"] != decision["ruleset_digest"], "the digest is that of before")
    shelf.end()
    said = shelf.pull(second, into, code=69)
    check("was installed" in said or "127.0.0.1" in said, f"the source is down: {said}")
    again = bench.decide(["secondword"], ["u-2"])["secondword", "u-2"]
    check(again["ruleset_digest"] == newer["ruleset_digest"], "the last good bundle does not serve")
    check(bench.worker.metric("warden_rules_stale") == 0, "the rules count as stale")
    check(bench.worker.stop() == 0, "the worker does not end with 0")


# ---- modes ----

def hits(worker):
    """Hits by rule and kind, as the metrics have them."""
    found = collections.Counter()
    for line in worker.get("/metrics").splitlines():
        if line.startswith("warden_rule_hits_total{"):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
            kind = next(value for name, value in labels.items() if name != "rule")
            found[labels["rule"], kind] += int(float(line.rsplit(" ", 1)[1]))
    return found


def shadow_and_samples(test):
    source = os.path.join(test.folder, "source")
    os.mkdir(source)
    write(os.path.join(source, "rules.yaml"), RULES.format(version="1.0.0", word="allme"))
    bench = Bench(test, source)
    authors = [f"user-{number}" for number in range(60)]
    words = ["watchme", "someme", "mostme", "allme"]
    rounds = [bench.decide(words, authors) for _ in range(2)]
    enforced = []
    for decisions in rounds:
        for author in authors:
            watched = decisions["watchme", author]
            check(watched["planned"] == [] and [a["action"] for a in watched["shadow_actions"]] == ["hide"],
                  f"a shadow rule: {watched}")
            check([a["action"] for a in decisions["allme", author]["planned"]] == ["flag"], "an enforced rule")
            for word in ("someme", "mostme"):
                kinds = [[a["action"] for a in decisions[word, author][key]] for key in ("planned", "shadow_actions")]
                check(kinds in ([["flag"], []], [[], ["flag"]]), f"{word}: {kinds}")
        enforced.append({word: {a for a in authors if decisions[word, a]["planned"]} for word in ("someme", "mostme")})
    check(enforced[0] == enforced[1], "another share of the authors in the second round")
    some, most = enforced[0]["someme"], enforced[0]["mostme"]
    check(some < most and 15 <= len(some) <= 45 and 36 <= len(most) <= 59, f"{len(some)} and {len(most)} of 60")
    counted = hits(bench.worker)
    for rule, acts in (("m.watched", 0), ("m.some", 2 * len(some)), ("m.most", 2 * len(most)), ("m.all", 120)):
        shown = [counted[rule, kind] for kind in ("matched", "enforced", "shadow")]
        check(shown == [120, acts, 120 - acts], f"metrics of {rule}: {shown}, not {[120, acts, 120 - acts]}")
    calls = wait_for("the calls", lambda: bench.sandbox.call_count() >= 2 * (60 + len(some) + len(most))
                     and bench.sandbox.calls())
    check(len(calls) == 2 * (60 + len(some) + len(most)), f"{len(calls)} calls: a shadow rule acted")
    check(bench.worker.stop() == 0, "the worker does not end with 0")


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("skipped: there is no openssl to make a certificate with")
        sys.exit(77)
    sys.exit(run(examples_run_again_when_files_change, a_bundle_reaches_a_running_worker, shadow_and_samples))
