"""What was produced, what has to follow from it, and whether it did: the book that integration and chaos tests keep."""
import collections
import json
import os
import time

import keys
from harness import ROOT, check, wait_for

DECISION_PARTITIONS = 4
# word in the text -> actions in the order in which they have to come
ACTIONS = {"flagme": ["flag"], "hideme": ["hide"], "banme": ["hide", "ban"], "watchme": []}


class Topics:
    """Topics of one run; a test has names of its own, because a real broker outlives it."""

    def __init__(self, prefix):
        self.events = prefix + ".events"
        self.decisions = prefix + ".decisions"
        self.dead_letters = prefix + ".dlq"

    def options(self):
        return {"kafka.topics": f"[{self.events}]", "worker.decisions_topic": self.decisions,
                "worker.dead_letter_topic": self.dead_letters}

    def wait_until_committed(self, kafka, group, records, seconds):
        """Every partition's committed offset is its end, and there are as many records as were produced."""
        last = []

        def done():
            last[:] = kafka.offsets(self.events, group)
            return (sum(p["end"] for p in last) >= records
                    and all(p["committed"] == p["end"] or p["end"] == 0 for p in last))
        try:
            wait_for("every partition is committed to its end", done, seconds, step=0.3)
        except Exception:
            print(f"     offsets: {last}", flush=True)
            raise


def create_topics(kafka, partitions, prefix):
    topics = Topics(prefix)
    kafka.create_topic(topics.events, partitions)
    kafka.create_topic(topics.decisions, DECISION_PARTITIONS)
    kafka.create_topic(topics.dead_letters, 1)
    return topics


def validate_decisions(values):
    """Against config/schema/decision.schema.json, by a validator that is not ours (Debian: python3-jsonschema)."""
    try:
        import jsonschema
    except ImportError:
        print("     decision records were not validated: there is no python3-jsonschema", flush=True)
        return
    with open(os.path.join(ROOT, "config", "schema", "decision.schema.json"), encoding="utf-8") as schema:
        validator = jsonschema.Draft202012Validator(json.load(schema))
    for value in values:
        wrong = list(validator.iter_errors(json.loads(value)))
        check(not wrong, f"a decision record breaks its schema: {wrong[:1]} in {value[:500]}")


class Record:
    def __init__(self, number, author, word, poison):
        self.number, self.author, self.word, self.poison = number, author, word, poison
        self.message = f"m-{number}"

    def actions(self):
        return ACTIONS.get(self.word, []) if not self.poison else []

    def value(self):
        if self.poison:
            return '{"event":"message.didCreate","data":{"messages":[{"messageId":"%s",' % self.message
        text = f"hello {self.word} number {self.number}" if self.word else f"an ordinary message, number {self.number}"
        return json.dumps({
            "event": "message.didCreate",
            "data": {"messages": [{"messageId": self.message, "channelId": f"c-{self.number % 5}", "userId": self.author,
                                   "type": "text", "data": {"text": text}, "createdAt": "2026-01-01T00:00:00.000Z"}],
                     "users": [{"userId": self.author, "displayName": "Somebody", "roles": ["member"]}]}})


class Ledger:
    def __init__(self, count, dice, share=0.1, poison=0.002, authors=200):
        """Every banme has an author of his own: a second ban of one user is answered 'already', which is right as well."""
        self.records = []
        self.fed = 0
        for number in range(count):
            word = dice.choice(list(ACTIONS)) if dice.random() < share else None
            author = f"banned-{number}" if word == "banme" else f"user-{int(authors * dice.random() ** 2)}"
            self.records.append(Record(number, author, word, dice.random() < poison))
        self.repeats = self.repeated_letters = 0
        self.snapshots = []

    def calls_wanted(self):
        return sum(len(record.actions()) for record in self.records)

    def feed(self, kafka, topic, rate=None):
        """Produces all records in order, a piece at a time; `fed` counts what the broker has acknowledged."""
        self.feed_some(kafka, topic, len(self.records), rate)

    def feed_some(self, kafka, topic, until, rate=None):
        """The same up to the record with the number `until`."""
        piece = 500
        started, before = time.monotonic(), self.fed
        while self.fed < until:
            part = self.records[self.fed:min(self.fed + piece, until)]
            kafka.produce(topic, [(record.author, record.value()) for record in part])
            self.fed += len(part)
            if rate:
                time.sleep(max(0.0, (self.fed - before) / rate - (time.monotonic() - started)))

    # ---- what must hold ----

    def expose(self, kafka, topics, group):
        """To be called right after a disturbance (or right before, where it lasts): what is not committed then may be done
        again, and nothing else may."""
        self.snapshots.append({p["partition"]: max(0, p["committed"]) for p in kafka.offsets(topics.events, group)})

    def may_repeat(self, partition, offset):
        return any(int(offset) >= committed[int(partition)] for committed in self.snapshots)

    def verify(self, calls, dead_letters, decisions):
        self.check_no_loss(calls)
        self.check_nothing_else(calls)
        self.check_order(calls)
        self.check_dead_letters(dead_letters)
        self.check_decisions(decisions)
        self.check_repeats(calls)

    def check_repeats(self, calls):
        """What was carried out twice belongs to records that were not committed when something was disturbed."""
        accepted = collections.Counter()
        for call in calls:
            if call["outcome"] in ("done", "already"):
                topic = call["idempotency_key"].split("/")[0]
                action, places = keys.records_of(call["idempotency_key"], topic)
                accepted.update((action, *place) for place in places)
        for (action, partition, offset), times in accepted.items():
            check(times == 1 or self.may_repeat(partition, offset),
                  f"{action} of {partition}/{offset} was carried out {times} times, though it was committed before anything was disturbed")

    def check_no_loss(self, calls):
        done = collections.Counter()
        for call in calls:
            if call["outcome"] in ("done", "already"):
                ids = [call["object_id"]] if call["object_id"] else call["user_ids"]
                for name in ids:
                    done[call["action"], name] += 1
        lost = []
        for record in self.records:
            for action in record.actions():
                target = record.author if action == "ban" else record.message
                if not done[action, target]:
                    lost.append(f"{action} of {target}")
        check(not lost, f"{len(lost)} actions are lost: {', '.join(lost[:5])}")
        self.repeats = sum(done.values()) - self.calls_wanted()

    def check_nothing_else(self, calls):
        wanted = {(action, record.author if action == "ban" else record.message)
                  for record in self.records for action in record.actions()}
        extra = [call for call in calls
                 for name in ([call["object_id"]] if call["object_id"] else call["user_ids"])
                 if (call["action"], name) not in wanted]
        check(not extra, f"{len(extra)} calls that nothing asked for, as {extra[:1]}")

    def check_order(self, calls):
        """First calls for one author come in the order of his records, and content comes before the user."""
        position = {record.message: record.number for record in self.records}
        author_of = {record.message: record.author for record in self.records}
        last, seen = collections.defaultdict(lambda: -1), set()
        for call in calls:
            if not call["object_id"]:
                for user in call["user_ids"]:
                    check(user in seen, f"{user} is banned before his message is hidden")
                continue
            message = call["object_id"]
            author = author_of[message]
            seen.add(author)
            if (message, call["action"]) in seen:
                continue
            seen.add((message, call["action"]))
            check(position[message] > last[author],
                  f"{message} of {author} comes after a later message of his (record {last[author]})")
            last[author] = position[message]

    def check_dead_letters(self, dead_letters):
        wanted = {record.value() for record in self.records if record.poison}
        found = collections.Counter(letter["value"] for letter in dead_letters)
        check(set(found) == wanted, f"{len(wanted)} records are poison, {len(set(found))} are in the dead-letter topic")
        self.repeated_letters = sum(found.values()) - len(found)
        places = collections.Counter()
        for letter in dead_letters:
            headers = dict(letter["headers"])
            places[headers["__connect.errors.partition"], headers["__connect.errors.offset"]] += 1
        for (partition, offset), times in places.items():
            check(times == 1 or self.may_repeat(partition, offset),
                  f"record {partition}/{offset} became {times} dead letters, though it was committed before")
        for letter in dead_letters[:5]:
            headers = dict(letter["headers"])
            for name in ("__connect.errors.topic", "__connect.errors.partition", "__connect.errors.offset",
                         "__connect.errors.exception.message", "warden.reason"):
                check(name in headers, f"a dead letter has no header {name}: {headers}")

    def check_decisions(self, decisions):
        found = {json.loads(decision["value"])["content_id"] for decision in decisions}
        wanted = {record.message for record in self.records if record.word and not record.poison}
        check(found == wanted, f"{len(wanted)} records match, {len(found)} have a decision record")
        validate_decisions([decision["value"] for decision in decisions[:300]])

    def summary(self):
        return (f"{len(self.records)} records, {self.calls_wanted()} actions wanted, 0 lost, {self.repeats} done again, "
                f"{sum(record.poison for record in self.records)} dead letters, {self.repeated_letters} written again")
