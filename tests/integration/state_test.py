"""Rules that remember, in workers that are killed, in groups whose partitions move, over stores that go away: the final
state and the decisions are those of one undisturbed run over the same records.

    state_test.py mock|kafka [--records N] [--seed N] [TEST...]
"""
import argparse
import collections
import datetime
import json
import os
import random
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
import redisserver  # noqa: E402
from harness import check, wait_for  # noqa: E402

PARTITIONS = 6
RULES = os.path.join(harness.ROOT, "tests", "integration", "state_rules.yaml")
# So slow that something is under way whenever a worker is killed.
SLOWLY = {"worker.commit_interval": "1s", "worker.max_in_flight": 2, "worker.max_partition_window": 64}
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa".split()


def make_records(count, dice, authors=200):
    """Authors who write now and then, some of them fast, some the same again and again, some with words and links. None has
    more than 64 decisions among what one crash can bring back: a value remembers the answers to so many."""
    records, now = [], 0.0
    for number in range(count):
        now += dice.expovariate(0.3)
        author = dice.randrange(authors) if dice.random() < 0.7 or number < 10 else author  # some write in bursts
        words = dice.choices(WORDS, k=8)
        if author % 7 == 0 and dice.random() < 0.6:
            words = WORDS[:8]
        if dice.random() < 0.03:
            words.append("hideme")
        if dice.random() < 0.05:
            words.append(f"https://host{dice.randrange(8)}.example.com/x")
        created = (START + datetime.timedelta(seconds=now)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        records.append((f"user-{author}", json.dumps({
            "event": "message.didCreate",
            "data": {"messages": [{"messageId": f"m-{number}", "channelId": "c", "userId": f"user-{author}",
                                   "type": "text", "data": {"text": " ".join(words)}, "createdAt": created}],
                     "users": [{"userId": f"user-{author}", "displayName": "Somebody", "roles": ["member"]}]}})))
    return records


# ---- what came of it ----

def export(options):
    """key -> value, as the store has it."""
    arguments = [harness.WARDEN, "state", "export", "--rules", RULES]
    for name, value in options.items():
        if name.startswith("state."):
            arguments += ["--set", f"{name}={value}"]
    done = subprocess.run(arguments, capture_output=True, timeout=60 * harness.SLOW, cwd=harness.ROOT)
    check(done.returncode == 0, f"`warden state export` ends with {done.returncode}: {done.stderr.decode()[-500:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["key"]: (line["value"], line["forget_at_ms"], line["about"]) for line in lines}


def outcome(decision):
    """What of a decision may not depend on who made it, when, and how often."""
    def words(actions):
        return [(a["action"], a.get("scope"), a.get("duration_ms")) for a in actions]
    return (tuple(m["rule"] for m in decision["matches"] if m["enforced"]), tuple(words(decision["planned"])),
            tuple(words(decision["held"])), tuple(l["step"] for l in decision["ladders"] if l["step"] is not None))


def outcomes(kafka, topic):
    found = collections.defaultdict(set)
    values = [record["value"] for record in kafka.consume(topic)]
    ledger.validate_decisions(values[:200])
    for value in values:
        decision = json.loads(value)
        found[decision["partition"], decision["offset"]].add(outcome(decision))
    return found, values


def actions_of(sandbox):
    return {(call["action"], call["object_id"] or tuple(call["user_ids"])) for call in sandbox.calls()
            if call["outcome"] in ("done", "already")}


class Scene:
    """One topic with its records; several groups read it, each with a store, a platform and decisions of its own."""

    def __init__(self, test, options):
        self.test, self.options = test, options
        self.dice = random.Random(options.seed)
        self.kafka = test.keep(cluster.open_cluster(options.kind, test.folder))
        self.name = f"state-{options.seed}-{int(time.time() * 1000) % 1000000}"
        self.events = self.name + ".events"
        self.kafka.create_topic(self.events, PARTITIONS)
        self.records = make_records(options.records, self.dice)

    def feed(self, rate=None):
        for first in range(0, len(self.records), 50):
            self.kafka.produce(self.events, self.records[first:first + 50])
            if rate:
                time.sleep(50 / rate)

    def feed_aside(self, rate):
        feeder = threading.Thread(target=self.feed, args=(rate,), daemon=True)
        feeder.start()
        return feeder

    def group(self, name, store):
        return Group(self, name, store)


class Group:
    def __init__(self, scene, name, store):
        self.scene, self.name = scene, f"{scene.name}-{name}"
        kafka = scene.kafka
        self.decisions, self.letters = self.name + ".decisions", self.name + ".dlq"
        kafka.create_topic(self.decisions, 4)
        kafka.create_topic(self.letters, 1)
        folder = os.path.join(scene.test.folder, name)
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.sandbox = scene.test.keep(harness.Sandbox(folder, "--latency-ms", "5", "--latency-max-ms", "25"))
        if store == "lmdb":
            store = {"state.store": "lmdb", "state.path": os.path.join(folder, "state")}
        self.options = {"kafka.group_id": self.name, "kafka.topics": f"[{scene.events}]",
                        "worker.decisions_topic": self.decisions, "worker.dead_letter_topic": self.letters,
                        "platform.batch_wait": 0, "state.batch": 100, **store}
        self.count = 0

    def worker(self, options=None, environment=None):
        self.count += 1
        return self.scene.test.keep(harness.Worker(f"{self.name}-{self.count}", self.folder, self.scene.kafka,
                                                   self.sandbox, RULES, self.options | (options or {}), environment))

    def joined(self, options=None, environment=None):
        worker = self.worker(options, environment)
        wait_for(f"{worker.name} has joined", worker.ready, 90)
        return worker

    def committed(self):
        return sum(max(0, p["committed"]) for p in self.scene.kafka.offsets(self.scene.events, self.name))

    def wait_for_share(self, share):
        wanted = share * len(self.scene.records)
        wait_for(f"{share:.0%} of the records", lambda: self.committed() >= wanted, 120, step=0.02)

    def wait_until_done(self):
        def done():
            offsets = self.scene.kafka.offsets(self.scene.events, self.name)
            return (sum(p["end"] for p in offsets) >= len(self.scene.records)
                    and all(p["committed"] == p["end"] for p in offsets))
        wait_for(f"{self.name} has committed everything", done, 180, step=0.2)

    def equals(self, other):
        mine, values = outcomes(self.scene.kafka, self.decisions)
        theirs, _ = outcomes(other.scene.kafka, other.decisions)
        check(theirs, "no decision was made at all")
        strange = [place for place in theirs if mine.get(place) != theirs[place]]
        check(set(mine) == set(theirs) and not strange,
              f"{len(theirs)} decisions undisturbed, {len(mine)} here, {len(strange)} differ, as {strange[:2]}: "
              f"{[(mine.get(p), theirs[p]) for p in strange[:2]]}")
        check(actions_of(self.sandbox) == actions_of(other.sandbox), "not the same actions were carried out")
        repeated = sum(json.loads(value)["repeated"] for value in values)
        mine, theirs = export(self.options), export(other.options)
        strange = [key for key in theirs if mine.get(key, (None, None))[:2] != theirs[key][:2]]
        check(mine.keys() == theirs.keys() and not strange,
              f"{len(theirs)} values undisturbed, {len(mine)} here, {len(strange)} differ: "
              f"{[(mine.get(key, (0, 0, 0))[2], theirs[key][2]) for key in strange[:1]]}")
        return f"{len(theirs)} values and {len(values)} decisions are the same, {repeated} of them of repeated events"


def undisturbed(scene):
    group = scene.group("quiet", "lmdb")
    worker = group.worker()
    group.wait_until_done()
    check(worker.stop() == 0, "an undisturbed worker does not end with 0")
    return group


# ---- the tests ----

def killed_alone(options):
    def a_worker_with_lmdb_is_killed_again_and_again(test):
        scene = Scene(test, options)
        scene.feed()
        group = scene.group("killed", "lmdb")
        worker = group.joined(SLOWLY)
        for share in (0.1, 0.3, 0.5):
            group.wait_for_share(share)
            time.sleep(scene.dice.random() * 1.2)
            worker.kill()
            worker = group.joined(SLOWLY)
        group.wait_until_done()
        check(worker.stop() == 0, "the last worker does not end with 0")
        print("     " + group.equals(undisturbed(scene)), flush=True)
    return a_worker_with_lmdb_is_killed_again_and_again


def killed_in_a_group(options):
    def workers_with_redis_are_killed_and_partitions_move(test):
        scene = Scene(test, options)
        redis = test.keep(redisserver.RedisServer(test.folder))
        scene.feed()
        group = scene.group("moved", redis.options() | SLOWLY)
        first, second = group.worker(), group.worker()
        group.wait_for_share(0.15)
        third = group.joined()
        group.wait_for_share(0.3)
        first.kill()
        group.wait_for_share(0.45)
        check(second.stop() == 0, "a worker that is asked to end does not end with 0")
        fourth = group.joined()
        group.wait_for_share(0.65)
        third.kill()
        fifth = group.joined()
        group.wait_until_done()
        for worker in (fourth, fifth):
            check(worker.stop() == 0, "a worker does not end with 0")
        print("     " + group.equals(undisturbed(scene)), flush=True)
    return workers_with_redis_are_killed_and_partitions_move


def store_goes_away(options):
    def redis_is_killed_and_hangs_while_workers_wait(test):
        scene = Scene(test, options)
        redis = test.keep(redisserver.RedisServer(test.folder))
        group = scene.group("waits", redis.options())
        first, second = group.joined(), group.joined()
        feeder = scene.feed_aside(400)
        group.wait_for_share(0.2)
        redis.kill()
        wait_for("the workers say that the store fails", lambda: first.said("state-fails") and second.said("state-fails"))
        check(first.metric("warden_state_down") == 1, "warden_state_down does not say it")
        status, text = unready(first)
        check(status == 503 and "state store" in text, f"/readyz answers {status}: {text}")
        time.sleep(1)
        before = group.committed()
        time.sleep(2)
        check(group.committed() == before, "something is finished while the store is away")
        redis.start()
        wait_for("the workers say that the store works", lambda: first.said("state-works") and second.said("state-works"))
        group.wait_for_share(0.6)
        redis.hang()
        time.sleep(4)
        redis.hang(False)
        feeder.join(120 * harness.SLOW)
        group.wait_until_done()
        for worker in (first, second):
            check(worker.stop() == 0, "a worker does not end with 0")
        quiet = undisturbed(scene)
        print("     " + group.equals(quiet), flush=True)
    return redis_is_killed_and_hangs_while_workers_wait


def unready(worker):
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", worker.port(), timeout=10)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def store_is_skipped(options):
    def text_rules_go_on_without_redis(test):
        scene = Scene(test, options)
        redis = test.keep(redisserver.RedisServer(test.folder))
        group = scene.group("skips", redis.options() | {"state.on_failure": "skip"})
        worker = group.worker()
        half = len(scene.records) // 2
        scene.kafka.produce(scene.events, scene.records[:half])
        group.wait_for_share(0.499)
        redis.kill()
        scene.kafka.produce(scene.events, scene.records[half:])
        group.wait_until_done()
        without = worker.metric("warden_events_without_state_total")
        check(half / 2 < without <= len(scene.records) - half, f"{without} events were judged without state, of {half}")
        redis.start()
        hidden = {name for action, name in actions_of(group.sandbox) if action == "hide"}
        wanted = {json.loads(value)["data"]["messages"][0]["messageId"] for _, value in scene.records if "hideme" in value}
        check(wanted <= hidden, f"{len(wanted - hidden)} messages that a text rule is about were not hidden")
        _, values = outcomes(scene.kafka, group.decisions)
        marked = sum(json.loads(value)["without_state"] for value in values)
        check(marked > 0, "no decision record says that it was made without state")
        wait_for("the store is used again", lambda: bring_back(scene, worker), 30, step=0.5)
        check(worker.stop() == 0, "the worker does not end with 0")
    return text_rules_go_on_without_redis


def bring_back(scene, worker):
    """Records only wake the worker up: the store is tried with the next batch."""
    scene.kafka.produce(scene.events, scene.records[:1])
    return worker.said("state-works")


def valves(options):
    def quotas_are_the_group_s(test):
        scene = Scene(test, options)
        redis = test.keep(redisserver.RedisServer(test.folder))
        group = scene.group("valves", redis.options() | {"valves.per_day": "{hide: 10}", "valves.bans_per_minute": 1})
        first, second = group.worker(), group.worker()
        scene.feed()
        group.wait_until_done()
        calls = [call["action"] for call in group.sandbox.calls() if call["outcome"] in ("done", "already")]
        check(calls.count("hide") == 10, f"{calls.count('hide')} messages were hidden, 10 a day are allowed")
        _, values = outcomes(scene.kafka, group.decisions)
        held = collections.Counter((one["action"], one["reason"]) for value in values for one in json.loads(value)["held"])
        planned = collections.Counter(one["action"] for value in values for one in json.loads(value)["planned"])
        check(held["hide", "quota"] > 0 and planned["hide"] == 10, f"held {held}, planned {planned}")
        told = sum(worker.metric("warden_actions_held_total") for worker in (first, second))
        check(told == sum(held.values()), f"the metric says {told}, the records {held}")
        for worker in (first, second):
            check(worker.stop() == 0, "a worker does not end with 0")
        print(f"     held: {dict(held)}", flush=True)
    return quotas_are_the_group_s


def share_valve(options):
    def a_rule_that_suddenly_matches_too_much_is_put_into_shadow(test):
        import http.client
        scene = Scene(test, options)
        token = os.path.join(test.folder, "reload-token")
        with open(token, "w", encoding="ascii") as out:
            out.write("a-token-of-twenty-characters")
        group = scene.group("share", {"state.store": "memory", "valves.rule_share": 0.5,
                                      "valves.rule_share_min_events": 100, "http.reload_token_file": token})
        worker = group.joined()

        def flood(first, count):
            """Everybody uses the word of a rule."""
            for number in range(first, first + count):
                scene.kafka.produce(scene.events, [(f"flood-{number}", scene.records[0][1].replace("alpha", "hideme")
                                    .replace('"text": "', '"text": "hideme ').replace("user-", f"flood-{number}-"))])
        flood(0, 400)
        alarm = wait_for("the alarm", lambda: worker.said("rule-alarm"), 60)
        check([line["rule"] for line in alarm] == ["test.word"], f"the alarm is about {alarm}")
        wait_for("everything is committed", lambda: group.committed() >= 400, 60, step=0.2)
        check(worker.metric("warden_rules_alarmed_total") == 1, "the metric does not say it")
        hidden = len([call for call in group.sandbox.calls() if call["action"] == "hide"])
        check(0 < hidden < 400, f"{hidden} of 400 messages were hidden")

        def reset(authorization):
            connection = http.client.HTTPConnection("127.0.0.1", worker.port(), timeout=10)
            connection.request("POST", "/-/rules/reset", headers={"Authorization": authorization})
            return connection.getresponse().status
        check(reset("Bearer wrong") == 401, "a wrong token is taken")
        check(reset("Bearer a-token-of-twenty-characters") == 200, "the right token is refused")
        flood(400, 20)
        wait_for("the rule is enforced again",
                 lambda: len([call for call in group.sandbox.calls() if call["action"] == "hide"]) > hidden, 60)
        _, values = outcomes(scene.kafka, group.decisions)
        decisions = [json.loads(value) for value in values]
        check(any(one["alarmed"] == ["test.word"] for one in decisions), "no decision record has the alarm")
        check(any(match["by_valve"] for one in decisions for match in one["matches"]), "no match is told to be by_valve")
        check(worker.stop() == 0, "the worker does not end with 0")
    return a_rule_that_suddenly_matches_too_much_is_put_into_shadow


def local_store_in_a_group(options):
    def a_local_store_in_a_group_is_told(test):
        scene = Scene(test, options)
        group = scene.group("local", {"state.store": "memory"})
        first = group.worker()
        wait_for("it has joined", first.ready, 60)
        second = group.worker()
        wait_for("both are told", lambda: first.said("state-local-in-group") and second.said("state-local-in-group"), 60)
        check(first.metric("warden_state_local_in_group") == 1, "the metric does not say it")
        check(second.stop() == 0, "a worker does not end with 0")
        wait_for("it is alone again", lambda: first.metric("warden_state_local_in_group") == 0, 60, step=0.5)
        check(first.stop() == 0, "a worker does not end with 0")
    return a_local_store_in_a_group_is_told


def commands(options):
    def commands_show_rank_move_and_forget(test):
        scene = Scene(test, options)
        scene.feed()
        group = undisturbed(scene)

        def state(command, *operands, stores=group.options, text=None, code=0):
            arguments = [harness.WARDEN, "state", command, *operands]
            for name, value in stores.items():
                if name.startswith("state."):
                    arguments += ["--set", f"{name}={value}"]
            done = subprocess.run(arguments, input=text, capture_output=True, timeout=60 * harness.SLOW, cwd=harness.ROOT)
            check(done.returncode == code, f"`{' '.join(arguments)}` ends with {done.returncode}: {done.stderr.decode()[-300:]}")
            return done.stdout.decode()

        newest = json.loads(scene.records[-1][1])["data"]["messages"][0]["createdAt"][:19] + "Z"
        top = state("top", "--rules", RULES, "--score", "spam", "--at", newest, "--limit", "5").splitlines()
        scores = [float(line.split()[0]) for line in top]
        check(len(top) == 5 and scores == sorted(scores, reverse=True) and scores[-1] > 0, f"the top is {top}")
        first = top[0].split()[1]
        shown = state("show", first, "--rules", RULES, "--at", newest)
        check(f"score spam: {scores[0]:.3f}" in shown and " * 2^-(" in shown, f"{first} is shown as {shown}")
        about = json.loads(state("show", first, "--rules", RULES, "--at", newest, "--json"))
        parts = sum(one["left"] for one in about["contributions"] if one["to"] == "spam")
        check(parts <= scores[0] + 0.01 and parts > 0, f"the parts of {first} are {parts}, together {scores[0]}")
        lines = state("export", "--rules", RULES)
        copy = {"state.store": "lmdb", "state.path": os.path.join(test.folder, "copy")}
        state("import", stores=copy, text=lines.encode())
        check(export(copy).keys() == export(group.options).keys() and
              all(export(copy)[key][:2] == value[:2] for key, value in list(export(group.options).items())[:3]),
              "what was imported is not what was exported")
        state("reset", first, stores=copy)
        state("show", first, "--rules", RULES, stores=copy, code=4)
        state("reset", first, stores=copy, code=4)
        state("show", first, "--rules", RULES)
        worker = group.joined()
        state("reset", first, code=69)  # an lmdb is one process's
        state("show", first, "--rules", RULES)
        check(worker.stop() == 0, "a worker does not end with 0")
    return commands_show_rank_move_and_forget


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["mock", "kafka"])
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 20))
    parser.add_argument("tests", nargs="*")
    options = parser.parse_intermixed_args()
    reason = cluster.why_not(options.kind) or redisserver.why_not()
    if reason:
        print(f"skipped: {reason}")
        return 77
    print(f"seed {options.seed} (--seed repeats it)", flush=True)
    sys.argv[1:] = options.tests
    return harness.run(killed_alone(options), killed_in_a_group(options), store_goes_away(options),
                       store_is_skipped(options), valves(options), share_valve(options), local_store_in_a_group(options), commands(options))


if __name__ == "__main__":
    sys.exit(main())
