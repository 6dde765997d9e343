"""Rule sets change while the worker is under load: nothing is lost, nothing done twice, and every event is judged by one
version as a whole. Broken sets change nothing and say why.

    reload_test.py mock|kafka [--reloads N] [--records N] [TEST...]
"""
import argparse
import collections
import json
import os
import random
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
from harness import check, wait_for  # noqa: E402

OPTIONS = argparse.Namespace(kind="mock", reloads=200, records=20000)
TOKEN = "a-token-to-reload-with"


def rules(version, extra=""):
    """Every word has two rules of equal effect: an event that only one of them matches was judged by half a set."""
    actions = {"flag": "[flag]", "hide": "[hide]", "ban": "[hide, {ban: global}]"}
    lines = [f"ruleset: {{id: test.reload, version: {version}.0.0, format: 1}}", "rules:"]
    for half in (1, 2):
        for name, what in actions.items():
            lines.append(f"- {{id: v{version}.{name}.{half}, when: {{words: [{name}me]}}, actions: {what}}}")
        lines.append(f"- {{id: v{version}.watch.{half}, mode: shadow, when: {{words: [watchme]}}, actions: [delete]}}")
    return "\n".join(lines) + "\n" + extra


class Folder:
    """A rules folder that is replaced whole, as a config map is: a symbolic link is put in the place of another."""

    def __init__(self, base):
        self.base, self.number = base, 0
        self.path = os.path.join(base, "rules")

    def put(self, text):
        self.number += 1
        version = os.path.join(self.base, f"rules-{self.number}")
        os.mkdir(version)
        with open(os.path.join(version, "rules.yaml"), "w", encoding="utf-8") as out:
            out.write(text)
        os.symlink(version, self.path + ".new")
        os.rename(self.path + ".new", self.path)


class Bench:
    """Broker, sandbox, one worker of two shards, and a folder of rules."""

    def __init__(self, test, options=None):
        seed = random.SystemRandom().randrange(1 << 30)
        self.kafka = test.keep(cluster.open_cluster(OPTIONS.kind, test.folder))
        self.group = f"reload-{seed}"
        self.topics = ledger.create_topics(self.kafka, 8, self.group)
        self.sandbox = test.keep(harness.Sandbox(test.folder, "--latency-ms", "2", "--latency-max-ms", "10"))
        self.folder = Folder(test.folder)
        self.folder.put(rules(0))
        token = os.path.join(test.folder, "reload-token")
        with open(token, "w", encoding="ascii") as out:
            out.write(TOKEN + "\n")
        settings = self.topics.options() | {"kafka.group_id": self.group, "worker.shards": 2,
                                            "rules.watch_interval": "0", "http.reload_token_file": token,
                                            **(options or {})}
        self.worker = test.keep(harness.Worker("worker", test.folder, self.kafka, self.sandbox, self.folder.path,
                                               settings))
        wait_for("the worker is ready", self.is_ready, 60)

    def is_ready(self):
        try:
            return self.worker.port() and self.worker.get("/readyz")
        except OSError:
            return False

    def reloads(self):
        return int(self.worker.metric("warden_rule_reloads_total"))

    def reload(self, text):
        before = self.reloads()
        self.folder.put(text)
        self.worker.signal(signal.SIGHUP)
        wait_for("the rules are reloaded", lambda: self.reloads() > before, 60, step=0.002)

    def digest(self):
        return re.search(r"digest ([0-9a-f]{64})", self.worker.get("/readyz?verbose")).group(1)

    def post(self, token=None, method="POST"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.worker.port()}/-/reload", method=method, data=b""
                                         if method == "POST" else None)
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def decide(self, count, book=None):
        """Feeds records that match and returns their decisions, when all are there."""
        before = len(self.kafka.consume(self.topics.decisions))
        records = [ledger.Record(int(time.time() * 1000) * 100 + i, f"u-{i}", "flagme", False) for i in range(count)]
        self.kafka.produce(self.topics.events, [(record.author, record.value()) for record in records])
        wait_for("the decisions", lambda: len(self.kafka.consume(self.topics.decisions)) >= before + count, 60)
        return [json.loads(d["value"]) for d in self.kafka.consume(self.topics.decisions)]


def check_whole(decisions, digests):
    """Each decision names both rules of one version and the digest of that version."""
    versions = collections.Counter()
    for decision in (json.loads(d["value"]) for d in decisions):
        names = [match["rule"].split(".") for match in decision["matches"]]
        numbers = {name[0] for name in names}
        check(len(numbers) == 1, f"rules of several versions on one event: {decision['matches']}")
        version = numbers.pop()
        check(len({name[1] for name in names}) == 1 and sorted(name[2] for name in names) == ["1", "2"],
              f"half of a set: {decision['matches']}")
        check(decision["ruleset_digest"] == digests[version], f"the digest is not that of {version}: {decision}")
        check(all(m["version"] == version[1:] + ".0.0" and m["set"] == "test.reload" for m in decision["matches"]),
              f"set and version: {decision['matches']}")
        versions[version] += 1
    return versions


def many_reloads_under_load(test):
    bench = Bench(test)
    seed = random.SystemRandom().randrange(1 << 30)
    print(f"seed {seed}", flush=True)
    book = ledger.Ledger(OPTIONS.records, random.Random(seed), share=0.3, poison=0.001)
    digests = {"v0": bench.digest()}
    done = threading.Event()
    progress = [0]  # reloads so far

    def feed():
        """In small pieces that last as long as the reloads do, so that there is always something to judge."""
        while book.fed < OPTIONS.records:
            due = OPTIONS.records if done.is_set() else OPTIONS.records * (progress[0] + 1) // OPTIONS.reloads
            if book.fed < due:
                book.feed_some(bench.kafka, bench.topics.events, min(book.fed + 100, due, OPTIONS.records))
            done.wait(0.01)
    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    for number in range(1, OPTIONS.reloads + 1):
        bench.reload(rules(number))
        before = digests[f"v{number - 1}"]  # the count can be seen a moment before the digest
        harness.wait_for("the new digest", lambda: bench.digest() != before)  # noqa: B023
        digests[f"v{number}"] = bench.digest()
        progress[0] = number
        time.sleep(0.04)
    done.set()
    feeder.join(300 * harness.SLOW)
    check(not feeder.is_alive() and book.fed == OPTIONS.records, "the records could not all be produced")
    bench.topics.wait_until_committed(bench.kafka, bench.group, OPTIONS.records, 120)
    check(bench.reloads() == OPTIONS.reloads, "a reload was not counted")
    check(len(set(digests.values())) == OPTIONS.reloads + 1, "two versions have one digest")
    decisions = bench.kafka.consume(bench.topics.decisions)
    versions = check_whole(decisions, digests)
    check(len(versions) > OPTIONS.reloads // 4, f"only {len(versions)} versions were used: there was too little load")
    wanted = sum(1 for record in book.records if record.word and not record.poison)
    check(len(decisions) == wanted, f"{len(decisions)} decisions of {wanted} events (the embedded broker keeps 5 MB)")
    check(bench.worker.stop() == 0, "the worker does not end with 0")
    book.verify(bench.sandbox.calls(), bench.kafka.consume(bench.topics.dead_letters), decisions)
    check(book.repeats == 0, f"{book.repeats} calls were repeated though nothing failed")
    print(f"     {OPTIONS.reloads} reloads, {len(versions)} versions decided {len(decisions)} events; {book.summary()}")


def broken_sets_change_nothing(test):
    bench = Bench(test)
    good = bench.digest()
    broken = {
        rules(1).replace("when:", "title: x, wen:", 1): "missing-key",
        rules(1, "- {id: t, when: {words: [abc]}, actions: [flag], tests: {match: [\"nothing\"]}}\n"): "an example fails",
        rules(1, "- {id: t, status: stable, when: {words: [abc]}, actions: [flag]}\n"): "missing-examples",
        "": "rules.yaml",
    }
    failed = 0
    for text, wanted in broken.items():
        bench.folder.put(text)
        bench.worker.signal(signal.SIGHUP)
        failed += 1
        wait_for("the failure is counted",
                 lambda: bench.worker.metric("warden_rule_reload_failures_total") == failed, 30)
        page = bench.worker.get("/readyz?verbose")
        check(wanted in page and "the old rules stay" in page, f"{wanted!r} is not told: {page}")
        check(good in page and bench.worker.metric("warden_rules_stale") == 1, "the old set does not serve any more")
    check(any("missing-key" in line["error"] for line in bench.worker.said("rules-reload-failed")), "the log says why")
    decisions = bench.decide(20)
    check({d["ruleset_digest"] for d in decisions} == {good}, "decided by something else than the old set")
    bench.reload(rules(2))
    check(bench.worker.metric("warden_rules_stale") == 0, "a good set is not stale")
    check(bench.digest() != good and bench.decide(20)[-1]["matches"][0]["rule"].startswith("v2."), "the new set decides")
    hits = [line for line in bench.worker.get("/metrics").splitlines() if line.startswith("warden_rule_hits_total")]
    check(hits and not [line for line in hits if '"v2.' not in line], f"counters of rules that are gone: {hits}")
    check(bench.worker.stop() == 0, "the worker does not end with 0")


def over_http_only_with_the_token(test):
    bench = Bench(test)
    bench.folder.put(rules(1))
    for token in (None, "", "wrong", TOKEN[:-1], TOKEN + "x"):
        check(bench.post(token) == 401, f"the token {token!r} is not refused")
    check(bench.post(TOKEN, "GET") == 405, "GET")
    time.sleep(0.5)
    check(bench.reloads() == 0, "reloaded without the token")
    check(bench.post(TOKEN) == 202, "the right token is refused")
    wait_for("the reload", lambda: bench.reloads() == 1)
    check("POST /-/reload" in bench.worker.get("/readyz?verbose"), "the cause is told")
    check(TOKEN not in bench.worker.text(), "the token is in the log")


def changed_files_are_seen(test):
    bench = Bench(test, {"rules.watch_interval": "200ms"})
    first = bench.digest()
    time.sleep(1)
    check(bench.reloads() == 0, "reloaded though nothing changed")
    bench.folder.put(rules(1))
    wait_for("the change is seen", lambda: bench.reloads() == 1)
    second = bench.digest()
    check(second != first, "the digest stays")
    bench.folder.put("rules: [")
    wait_for("the broken set is seen", lambda: bench.worker.metric("warden_rule_reload_failures_total") == 1)
    time.sleep(1.2)
    check(bench.worker.metric("warden_rule_reload_failures_total") == 1, "the same files are tried again and again")
    check(bench.digest() == second, "the old set serves")
    bench.folder.put(rules(0))
    wait_for("the repaired set is seen", lambda: bench.reloads() == 2)
    check(bench.digest() == first, "what is meant is the same again")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["mock", "kafka"])
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--records", type=int, default=20000)
    parser.add_argument("tests", nargs="*")
    parser.parse_intermixed_args(namespace=OPTIONS)
    reason = cluster.why_not(OPTIONS.kind)
    if reason:
        print(f"skipped: {reason}")
        return 77
    sys.argv[1:] = OPTIONS.tests
    return harness.run(broken_sets_change_nothing, over_http_only_with_the_token, changed_files_are_seen,
                       many_reloads_under_load)


if __name__ == "__main__":
    sys.exit(main())
