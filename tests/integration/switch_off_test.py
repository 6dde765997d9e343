"""A rule that wastes time is switched off inside a running worker: the log, the metric and the decision stream say so, the
other rules go on, and a reload brings it back.

    switch_off_test.py
"""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
from harness import check, wait_for  # noqa: E402

SLOW, OTHER = "test.slow", "test.other"
RULES = f"""ruleset: {{id: test.off, version: 1.0.0, format: 1}}
rules:
- {{id: {SLOW}, when: {{regex: '\\d+\\d+x'}}, actions: [hide]}}
- {{id: {OTHER}, when: {{words: [flagme]}}, actions: [flag]}}
"""
HOSTILE = "flagme " + "1234567890" * 6000 + " x"  # every digit starts a search through all that follow
STRIKES = 20  # within a minute, as docs/configuration.md has it
GROUP = "switch-off"


class Bench:
    def __init__(self, test):
        self.kafka = test.keep(cluster.open_cluster("mock", test.folder))
        self.topics = ledger.create_topics(self.kafka, 4, GROUP)
        self.sandbox = test.keep(harness.Sandbox(test.folder))
        rules = os.path.join(test.folder, "rules.yaml")
        with open(rules, "w", encoding="utf-8") as out:
            out.write(RULES)
        settings = self.topics.options() | {"kafka.group_id": GROUP, "worker.shards": 2, "rules.rule_budget": "1ms",
                                            "rules.watch_interval": "0"}
        self.worker = test.keep(harness.Worker("worker", test.folder, self.kafka, self.sandbox, rules, settings))
        self.fed = 0
        wait_for("the worker is ready", self.worker.ready, 60)

    def feed(self, count, text):
        """Feeds messages of this text and waits until all is done and committed."""
        records = []
        for _ in range(count):
            self.fed += 1
            message = {"messageId": f"m-{self.fed}", "channelId": "c-1", "userId": f"u-{self.fed}", "type": "text",
                       "data": {"text": text}, "createdAt": "2026-01-01T00:00:00.000Z"}
            records.append((f"u-{self.fed}", json.dumps({"event": "message.didCreate", "data": {"messages": [message]}})))
        self.kafka.produce(self.topics.events, records)
        self.topics.wait_until_committed(self.kafka, GROUP, self.fed, 120)

    def decisions(self):
        return [json.loads(record["value"]) for record in self.kafka.consume(self.topics.decisions)]

    def matched(self, rule):
        """Messages that the rule is known to have matched."""
        return {d["content_id"] for d in self.decisions() for m in d["matches"] if m["rule"] == rule and not m.get("undecided")}

    def calls(self, ending):
        return sum(1 for call in self.sandbox.calls() if call["path"].split("?")[0].endswith(ending))


def the_rule_is_off_until_a_reload(test):
    bench = Bench(test)
    worker = bench.worker
    bench.feed(1, "77x")
    check(bench.matched(SLOW) == {"m-1"}, "the slow rule does not work at all")
    check(worker.metric("warden_rules_switched_off_total") == 0, "switched off by a text that is short")
    bench.feed(STRIKES * 2, HOSTILE)
    told = [d["switched_off"] for d in bench.decisions() if d["switched_off"]]
    said = worker.said("rule-switched-off")
    check(told == [[SLOW]], f"the decision stream: {told}")
    check([line["rule"] for line in said] == [SLOW] and said[0]["line"] == 3 and said[0]["level"] == "error",
          f"the log: {said}")
    check(worker.metric("warden_rules_switched_off_total") == 1, "the metric")
    check(len(bench.matched(OTHER)) == STRIKES * 2, "the other rule does not see all messages")
    check(bench.calls("/flags") == STRIKES * 2, f"{bench.calls('/flags')} flags")

    bench.feed(1, "88x and flagme")
    last = f"m-{bench.fed}"
    check(last not in bench.matched(SLOW), "the rule is not off")
    check(last in bench.matched(OTHER), "the other rule is off, too")

    worker.signal(signal.SIGHUP)
    wait_for("the rules are taken", lambda: len(worker.said("rules-taken")) == 2)
    bench.feed(1, "99x")
    check(f"m-{bench.fed}" in bench.matched(SLOW), "the rule is not back")
    check(len(worker.said("rule-switched-off")) == 1, "said more than once")
    evaluations = [line for line in worker.get("/metrics").splitlines()
                   if line.startswith("warden_rule_evaluations_total{")]
    check(any(SLOW in line for line in evaluations), f"evaluations by rule: {evaluations}")
    check(worker.stop() == 0, "the worker does not end with 0")


def main():
    reason = cluster.why_not("mock")
    if reason:
        print(f"skipped: {reason}")
        return 77
    return harness.run(the_rule_is_off_until_a_reload)


if __name__ == "__main__":
    sys.exit(main())
