"""`warden dlq`: a worker writes dead letters; they are listed, shown, tried, replayed, and come back with a mark.

    dlq_test.py mock|kafka
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
from harness import check, wait_for  # noqa: E402

RULES = os.path.join(harness.ROOT, "tests", "integration", "rules.yaml")
POISON = 12


class Letters:
    def __init__(self, kafka, topics):
        self.sets = ["--set", f"kafka.brokers={kafka.bootstrap}"]
        for key, value in topics.options().items():
            self.sets += ["--set", f"{key}={value}"]

    def run(self, verb, *words, code=0):
        done = subprocess.run([harness.WARDEN, "dlq", verb, *self.sets, *words], capture_output=True,
                              timeout=60 * harness.SLOW)
        check(done.returncode == code, f"dlq {verb} {words}: exit code {done.returncode}, {done.stderr.decode()}")
        return done.stdout.decode().splitlines(), done.stderr.decode()


def records(count, kind):
    made = []
    for number in range(count):
        text = json.dumps({"event": "message.didCreate", "data": {"messages": [{
            "messageId": f"m-{number}", "channelId": "c", "userId": "u", "type": "text", "data": {"text": kind}}]}})
        value = text[:40] if kind == "poison" else text
        made.append({"key": f"k-{number % 3}", "value": value, "headers": [["trace", f"t-{number}"]]})
    return made


def letters_are_listed_and_replayed(test, kind):
    kafka = test.keep(cluster.open_cluster(kind, test.folder))
    topics = ledger.create_topics(kafka, 2, f"dlq-{os.getpid()}")
    sandbox = test.keep(harness.Sandbox(test.folder))
    letters = Letters(kafka, topics)
    options = topics.options() | {"kafka.group_id": topics.events}
    worker = test.keep(harness.Worker("first", test.folder, kafka, sandbox, RULES, options))
    wait_for("the worker has joined", worker.ready, 60)
    kafka.produce(topics.events, records(POISON, "poison") + records(3, "fine"))
    topics.wait_until_committed(kafka, topics.events, POISON + 3, 60)

    lines, counted = letters.run("list")
    check(len(lines) == POISON and f"{POISON} letters" in counted, f"listed: {lines} {counted}")
    check(all("bad_json" in line and topics.events in line for line in lines), f"a line lacks reason or source: {lines}")
    check(len(letters.run("list", "--reason", "action_refused")[0]) == 0, "a filter by reason lets others through")
    check(len(letters.run("list", "--key", "k-1")[0]) == POISON // 3, "the filter by key is wrong")
    check(len(letters.run("list", "--limit", "5")[0]) == 5, "the limit is not kept")
    check(len(letters.run("list", "--since", "1h")[0]) == POISON, "new letters are missing in the last hour")
    check(len(letters.run("list", "--until", "1h")[0]) == 0, "new letters are older than an hour")

    shown = "\n".join(letters.run("show", "0/0")[0])
    for part in ("bad_json", "key      k-", "trace: t-", topics.events + "/"):  # which letter is first is not said
        check(part in shown, f"'{part}' is not shown: {shown}")
    letters.run("show", "0/9999", code=4)
    letters.run("show", "nonsense", code=2)
    letters.run("replay", code=2)

    before = sum(p["end"] for p in kafka.offsets(topics.events))
    would, told = letters.run("replay", "--key", "k-1", "--dry-run")
    check(len(would) == POISON // 3 and "would be replayed" in told, f"tried: {would} {told}")
    check(sum(p["end"] for p in kafka.offsets(topics.events)) == before, "a dry run has written something")

    letters.run("replay", "--key", "k-1")
    topics.wait_until_committed(kafka, topics.events, before + POISON // 3, 60)
    replayed = [r for r in kafka.consume(topics.events) if dict(r["headers"]).get("warden.replays") == "1"]
    check(len(replayed) == POISON // 3, f"{len(replayed)} records have the mark")
    numbers = [int(dict(r["headers"])["trace"][2:]) for r in replayed]
    check(numbers == sorted(numbers) and all(r["key"] == "k-1" for r in replayed), f"order or key is lost: {replayed}")
    check(all(not name.startswith("__connect") for r in replayed for name, _ in r["headers"]), "old reasons are kept")

    # still poison: they come back, and know it
    again = [line for line in letters.run("list", "--key", "k-1")[0] if "replayed 1 times" in line]
    check(len(again) == POISON // 3, f"{len(again)} letters know that they were replayed")
    letters.run("replay", "--all")
    topics.wait_until_committed(kafka, topics.events, before + POISON // 3 + POISON + POISON // 3, 60)
    twice = [line for line in letters.run("list", "--key", "k-1")[0] if "replayed 2 times" in line]
    check(len(twice) == POISON // 3, f"{len(twice)} letters know that they were replayed twice")
    check(worker.stop() == 0, "the worker does not end with 0")


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else "mock"
    reason = cluster.why_not(kind)
    if reason:
        print(f"skipped: {reason}")
        return 77

    def letters_test(test):
        letters_are_listed_and_replayed(test, kind)
    sys.argv[1:] = []
    return harness.run(letters_test)


if __name__ == "__main__":
    sys.exit(main())
