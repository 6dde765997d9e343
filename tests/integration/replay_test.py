"""`warden rules replay` over generated history: the numbers are compared with a count made here, and those of the HTML
report with those of the JSON; hostile texts stay texts; compressed input, topics and numbers of threads change nothing.

usage: replay_test.py [TEST...]; WARDEN names the program. 77: nothing could be tested here.
"""
import collections
import gzip
import html.parser
import json
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
from harness import SLOW, WARDEN, check, run  # noqa: E402

EVENTS = 20000
HOSTILE = "</bdi></div><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">'\"&amp;"
OLD = """ruleset: {id: org.example.replay, version: 1.0.0, format: 1}
rules:
- {id: word.red, when: {words: [red]}, actions: [flag]}
- {id: word.blue, when: {words: [blue]}, actions: [hide]}
- {id: word.green, when: {words: [green]}, actions: [flag], mode: shadow}
- {id: word.script, title: "<script>alert(1)</script>", when: {contains: ["<script>"]}, actions: [flag]}
"""
NEW = OLD.replace("1.0.0", "1.1.0").replace("[red]}, actions: [flag]", "[red]}, actions: [hide]").replace(
    "- {id: word.blue, when: {words: [blue]}, actions: [hide]}\n", "").replace("mode: shadow", "mode: enforce")


class History:
    """Events whose decisions are known."""

    def __init__(self, folder, seed=7, events=EVENTS, days=0):
        dice = random.Random(seed)
        self.lines, self.words, self.labels = [], [], []
        for number in range(events):
            word = dice.choice(["red", "blue", "green", "script"]) if dice.random() < 0.05 else None
            label = dice.choice(["bad", "ok"]) if dice.random() < 0.5 else None
            text = {None: "nothing here", "script": f"{HOSTILE} {number}"}.get(word, f"it is {word} {number}")
            line = {"text": text, "id": f"m-{number}", "channel": "c-1",
                    "author": {"id": f"<b>u-{int(50 * dice.random() ** 2)}", "age_days": 3}}
            if days:
                line["createdAt"] = int(1767225600000 + number * days * 86400000 / events)
            if label:
                line["label"] = label
            self.lines.append(json.dumps(line, ensure_ascii=False))
            self.words.append(word)
            self.labels.append(label)
        self.path = write(folder, "events.jsonl", "\n".join(self.lines) + "\n")

    def count(self, word):
        return self.words.count(word)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def replay(*arguments, code=0, stdin=None):
    done = subprocess.run([WARDEN, "rules", "replay", *arguments], capture_output=True, timeout=120 * SLOW, input=stdin,
                          check=False)
    check(done.returncode == code, f"exit code {done.returncode}, not {code}: {done.stderr.decode()[-500:]}")
    return json.loads(done.stdout) if "--json" in arguments and code == 0 else done


class Page(html.parser.HTMLParser):
    """Tables by id, and which elements there are."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.elements, self.attributes = {}, collections.Counter(), []
        self.table = self.cell = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements[tag] += 1
        self.attributes += attributes
        if tag == "table":
            self.table = self.tables.setdefault(dict(attributes)["id"], [])
        elif tag == "tr":
            self.table.append([])
        elif tag in ("td", "th"):
            self.cell = []

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.table[-1].append("".join(self.cell).strip())
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell.append(data)


def as_number(text):
    return int(text.replace(",", ""))


def history_and_rules(test):
    history = History(test.folder)
    return history, write(test.folder, "new.yaml", NEW), write(test.folder, "old.yaml", OLD)


def numbers_are_right(test):
    history, new, old = history_and_rules(test)
    report = replay("--rules", new, "--against", old, "--json", history.path)
    red, blue, green, script = (history.count(word) for word in ("red", "blue", "green", "script"))
    check(report["events"] == EVENTS and report["unreadable"]["count"] == 0, "every event is judged")
    check(report["changes"] == {"new": green, "gone": blue, "changed": red, "same": EVENTS - red - blue - green},
          f"changes: {report['changes']}, of red {red}, blue {blue}, green {green}")
    actions = {row["action"]: (row["count"], row["shadow"], row["before"]) for row in report["actions"]}
    check(actions == {"flag": (green + script, 0, red + script), "hide": (red, 0, blue)}, f"actions: {actions}")
    rules = {rule["id"]: (rule["matched"], rule["matched_before"], rule["gained"], rule["lost"], rule["state"])
             for rule in report["rules"]}
    check(rules["word.red"] == (red, red, 0, 0, "present"), f"word.red: {rules['word.red']}")
    check(rules["word.blue"] == (0, blue, 0, blue, "removed"), f"word.blue: {rules['word.blue']}")
    acted = [word in ("red", "green", "script") for word in history.words]
    for label, key in (("bad", "bad_found"), ("ok", "ok_found")):
        wanted = sum(a for a, l in zip(acted, history.labels) if l == label)
        check(report["labels"]["acted"][key] == wanted, f"{key}: {report['labels']['acted']}, not {wanted}")
    bad, ok = report["labels"]["acted"]["bad_found"], report["labels"]["acted"]["ok_found"]
    check(abs(report["labels"]["acted"]["precision"] - bad / (bad + ok)) < 1e-4, "precision")
    check(abs(report["labels"]["acted"]["recall"] - bad / history.labels.count("bad")) < 1e-4, "recall")
    check(sum(row["acted"] for row in report["authors"]["top"]) <= sum(acted), "authors")
    for sample in report["samples"]["new"]:
        text = sample["texts"][0]
        raw = text["text"].encode()
        check([raw[s["start"]:s["end"]] for s in text["spans"]] == [b"green"], f"span of {sample}")


def threads_and_forms_change_nothing(test):
    history, new, old = history_and_rules(test)
    packed = history.path + ".gz"
    with gzip.open(packed, "wb") as out, open(history.path, "rb") as plain:
        out.write(plain.read(100000))
    with gzip.open(packed, "ab") as out, open(history.path, "rb") as plain:  # a second piece, as of rotated logs
        plain.seek(100000)
        out.write(plain.read())
    envelopes = write(test.folder, "kcat.jsonl", "\n".join(
        json.dumps({"topic": "t", "partition": 0, "offset": i, "tstype": "create", "ts": 0, "broker": 0, "key": None,
                    "payload": line}, separators=(",", ":")) for i, line in enumerate(history.lines)))
    seen = []
    for path, threads in ((history.path, 1), (history.path, 4), (packed, 2), (envelopes, 3)):
        report = replay("--rules", new, "--against", old, "--json", "--threads", str(threads), path)
        seen.append(json.dumps(report).replace(os.path.basename(path), "FILE"))
    if shutil.which("zstd"):
        subprocess.run(["zstd", "-q", history.path], check=True)
        report = replay("--rules", new, "--against", old, "--json", history.path + ".zst")
        seen.append(json.dumps(report).replace("events.jsonl.zst", "FILE"))
    check(len(set(seen)) == 1, "the same history gives different reports")
    with open(packed, "rb") as whole, open(packed + ".cut", "wb") as cut:
        cut.write(whole.read()[:-1000])
    done = replay("--rules", new, packed + ".cut", code=1)
    check(b"cut short" in done.stderr, f"a file that was cut short: {done.stderr!r}")


def html_agrees_and_holds_no_script(test):
    history, new, old = history_and_rules(test)
    path = os.path.join(test.folder, "report.html")
    report = replay("--rules", new, "--against", old, "--json", "--html", path, history.path)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    page = Page(text)
    for key in ("new", "gone", "changed", "same"):
        cell = next(row for row in page.tables["changes"] if row[0] == key)[1]
        check(as_number(cell) == report["changes"][key], f"changes.{key}: {cell}")
    shown = {(row[0], row[1]): (as_number(row[2]), as_number(row[6])) for row in page.tables["actions"][1:]}
    wanted = {(a["action"], a["scope"]): (a["count"], a["before"]) for a in report["actions"]}
    check(shown == wanted, f"actions: {shown}, not {wanted}")
    rules = {rule["id"]: rule for rule in report["rules"]}
    for row in page.tables["rules"][1:]:
        rule = next(rules[name] for name in rules if row[0].startswith(name))
        check([as_number(cell) for cell in row[2:8]] ==
              [rule[key] for key in ("matched", "enforced", "shadow", "matched_before", "gained", "lost")], f"{row}")
    authors = {row[0]: as_number(row[1]) for row in page.tables["authors"][1:]}
    check(authors == {row["author"]: row["acted"] for row in report["authors"]["top"]}, f"authors: {authors}")
    check("default-src 'none'" in text, "the page forbids everything that is not in it")
    bad = [tag for tag in ("script", "img", "link", "iframe", "b", "object", "form", "a") if page.elements[tag]]
    check(not bad, f"elements that were not made by us: {bad}")
    check(not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")], "attributes")


def a_topic_is_read_without_a_group(test):
    history, new, _ = history_and_rules(test)
    with cluster.open_cluster("mock", test.folder) as kafka:
        kafka.create_topic("past.events", 3)
        some = history.lines[:3000]
        kafka.produce("past.events", [(f"k-{i}", line) for i, line in enumerate(some)])
        options = ["--rules", new, "--json", "--topic", "past.events", "--set", f"kafka.brokers={kafka.bootstrap}"]
        report = replay(*options)
        check(report["records"] == len(some) and report["events"] == len(some), f"{report['records']} records")
        wanted = sum(word in ("red", "green", "script") for word in history.words[:3000])
        check(report["outcome"]["acted"] == wanted, f"acted: {report['outcome']}, not {wanted}")
        check(replay(*options, "--from", "1h")["records"] == len(some), "all are younger than an hour")
        replay(*options, "--to", "1h", code=4)
        replay(*options, "--from", "2999-01-01", code=4)
        check(all(p["committed"] == -1 for p in kafka.offsets("past.events", "warden-inspect")), "nothing is committed")
    done = replay(*options[:-1], "kafka.brokers=localhost:1", "--set", "kafka.properties={socket.timeout.ms: 1000}",
                  code=69)
    check(b"localhost:1" in done.stderr or b"topic" in done.stderr, f"{done.stderr!r}")


def times_bound_what_is_read(test):
    """Only a real broker knows which offset belongs to a time."""
    reason = cluster.why_not("kafka")
    if reason:
        print(f"     skipped: {reason}", flush=True)
        return
    new = write(test.folder, "new.yaml", NEW)
    with cluster.open_cluster("kafka", test.folder) as kafka:
        topic = f"past.times-{random.SystemRandom().randrange(1 << 30)}"  # the broker may be that of an earlier run
        kafka.create_topic(topic, 3)
        marks = []
        for count in (400, 200, 100):
            kafka.produce(topic, [(f"k-{i}", json.dumps({"text": "it is red"})) for i in range(count)])
            time.sleep(2.5)  # options name whole seconds
            marks.append(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1)))
        options = ["--rules", new, "--json", "--topic", topic, "--set", f"kafka.brokers={kafka.bootstrap}"]
        for bounds, wanted in (([], 700), (["--from", marks[0]], 300), (["--to", marks[0]], 400),
                               (["--from", marks[0], "--to", marks[1]], 200)):
            records = replay(*options, *bounds)["records"]
            check(records == wanted, f"{bounds}: {records} records, not {wanted}")
        replay(*options, "--from", marks[2], code=4)


if __name__ == "__main__":
    sys.exit(run(numbers_are_right, threads_and_forms_change_nothing, html_agrees_and_holds_no_script,
                 a_topic_is_read_without_a_group, times_bound_what_is_read))
