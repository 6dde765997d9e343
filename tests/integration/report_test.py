"""The HTML report of `warden rules replay` in a browser without a network: every table that it shows is compared with the
JSON of the same run, and nothing in it comes from elsewhere or runs.

usage: report_test.py [--events N] [TEST...]; WARDEN names the program. 77: there is no browser (but in CI, where there
must be one).
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import replay_test  # noqa: E402
from harness import SLOW, WARDEN, check, run  # noqa: E402

EVENTS = 50000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OFFLINE = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-extensions",
           "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:1"]


def browser():
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


def reports(folder, events):
    """The JSON of a replay and the path of the HTML file of the same run."""
    history = replay_test.History(folder, events=events, days=30)
    new = replay_test.write(folder, "new.yaml", replay_test.NEW)
    old = replay_test.write(folder, "old.yaml", replay_test.OLD)
    page = os.path.join(folder, "report.html")
    begun = time.monotonic()
    done = subprocess.run([WARDEN, "rules", "replay", "--rules", new, "--against", old, "--json", "--html", page,
                           history.path], capture_output=True, timeout=600 * SLOW, check=True)
    print(f"     {events} events in {time.monotonic() - begun:.1f} s", flush=True)
    return json.loads(done.stdout), page


def dump(page, folder):
    """What the browser made of the file."""
    done = subprocess.run([browser(), *OFFLINE, "--dump-dom", f"--user-data-dir={folder}/browser", f"file://{page}"],
                          capture_output=True, timeout=240 * SLOW, check=True)
    return done.stdout.decode()


def number(text):
    """1,234 and 12.3 % and - as the JSON has them."""
    text = text.replace(",", "").replace("\xa0", " ").strip()
    if text in ("", "-"):
        return None
    return round(float(text[:-1]) / 100, 4) if text.endswith("%") else float(text)


def same(what, shown, wanted):
    pairs = list(zip([number(cell) for cell in shown], wanted))
    check(len(shown) == len(wanted) and all(a == b or (a is not None and b is not None and abs(a - b) < 1e-9)
                                            for a, b in pairs), f"{what}: the page shows {shown}, the JSON {wanted}")


def compare_totals(tables, report):
    rows = {row[0]: row[1:] for row in tables["outcome"][1:]}
    same("records", rows["records"][:1], [report["records"]])
    same("events", rows["events"][:1], [report["events"]])
    for title, key in (("events with a match", "matched"), ("events with actions", "acted"),
                       ("events with actions of shadow rules", "shadow_acted"),
                       ("events with a match by exempt authors", "exempt"),
                       ("events with an undecided rule", "undecided")):
        same(title, rows[title], [report["outcome"][key], report["outcome_before"][key]])
    for row in tables["changes"][1:]:
        same(row[0], row[1:], [report["changes"][row[0]], report["shadow_changes"][row[0]]])
    check(len(tables["changes"]) == 5, "a line of the changes is missing")


def compare_actions(tables, report):
    actions = {(a["action"], a["scope"]): a for a in report["actions"]}
    check(len(tables["actions"]) - 1 == len(actions) > 0, "actions")
    for row in tables["actions"][1:]:
        action = actions[row[0], row[1]]
        same(f"action {row[0]}", row[2:], [action[key] for key in ("count", "per_day", "shadow", "shadow_per_day",
                                                                   "before")])


def compare_rules(tables, report):
    rules = {rule["id"]: rule for rule in report["rules"]}
    shown = 0
    for row in tables["rules"][1:]:
        rule = next(rules[name] for name in rules if row[0] == name or row[0] == name + rules[name]["title"])
        labels = rule.get("labels", {})
        same(f"rule {rule['id']}", row[2:10],
             [rule[key] for key in ("matched", "enforced", "shadow", "matched_before", "gained", "lost")] +
             [labels.get("precision"), labels.get("recall")])
        shown += 1
    check(shown == sum(1 for rule in rules.values() if rule["matched"] or rule["matched_before"]), "rules")


def compare_labels_and_authors(tables, report):
    for row, key in zip(tables["labels"][1:], ("acted", "acted_before", "matched", "matched_before")):
        labels = report["labels"][key]
        same(f"labels, {key}", row[1:], [labels[name] for name in ("precision", "recall", "bad_found", "bad_missed",
                                                                   "ok_found")])
    authors = {row["author"]: row for row in report["authors"]["top"]}
    check(len(tables["authors"]) - 1 == len(authors) > 0, "authors")
    for row in tables["authors"][1:]:
        same(f"author {row[0]}", row[1:], [authors[row[0]][key] for key in ("acted", "matched", "acted_before")])


def compare_glance(dom, report):
    tiles = {words.strip(): value for value, words in re.findall(
        r'<div class="tile[^"]*"><strong>([^<]*)</strong>([^<]*)</div>', dom)}
    for words, wanted in (("events", report["events"]), ("with actions", report["outcome"]["acted"]),
                          ("new decisions", report["changes"]["new"]), ("decisions gone", report["changes"]["gone"]),
                          ("decisions changed", report["changes"]["changed"])):
        same(words, [tiles[words]], [wanted])


def nothing_comes_from_elsewhere(page, dom):
    text = open(page, encoding="utf-8").read()
    own = re.sub(r"<bdi>.*?</bdi>", "", text, flags=re.DOTALL)  # texts of users may name addresses
    check("default-src 'none'" in text, "no policy")
    for pattern in (r"\bsrc\s*=", r"\bhref\s*=", r"url\s*\(", r"@import", r"https?:", r"<script", r"<iframe", r"<link"):
        check(not re.search(pattern, own, re.IGNORECASE), f"the page holds {pattern}")
    parsed = replay_test.Page(dom)
    bad = [tag for tag in ("script", "img", "link", "iframe", "object", "form", "a") if parsed.elements[tag]]
    check(not bad, f"elements that were not made by us: {bad}")
    check("<title>Replay of rule sets</title>" in dom, "a text of a user became a script")


def the_browser_shows_the_numbers_of_the_json(test):
    report, page = reports(test.folder, EVENTS)
    check(report["events"] == EVENTS, f"{report['events']} events")
    dom = dump(page, test.folder)
    tables = replay_test.Page(dom).tables
    compare_totals(tables, report)
    compare_actions(tables, report)
    compare_rules(tables, report)
    compare_labels_and_authors(tables, report)
    compare_glance(dom, report)
    nothing_comes_from_elsewhere(page, dom)
    bars = len(re.findall(r'<rect class="bar"', dom))
    check("report[\"timeline\"]" and (not report["timeline"] or bars > 10), f"{bars} bars")


if __name__ == "__main__":
    if "--events" in sys.argv:
        at = sys.argv.index("--events")
        EVENTS = int(sys.argv[at + 1])
        del sys.argv[at:at + 2]
    if not browser():
        print(f"skipped: none of {', '.join(BROWSERS)} is installed (scripts/setup --test does it)")
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    sys.exit(run(the_browser_shows_the_numbers_of_the_json))
