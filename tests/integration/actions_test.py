"""Every action on every kind of content, from a Kafka record to the call that the platform sees; names with and without
their version prefix; identifiers that have to be escaped; a record with several objects; exempt authors; notifications; a
platform that refuses an action, or refuses us."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402
import harness  # noqa: E402
import ledger  # noqa: E402
from harness import check, wait_for  # noqa: E402

# word -> action as a rule writes it, and the action name that the sandbox logs
WORDS = {
    "doflag": ("flag", "flag"), "dohide": ("hide", "hide"), "dodelete": ("delete", "delete"),
    "domute": ("{mute: 10m}", "mute"), "dobanchannel": ("{ban: channel}", "ban"),
    "dobancommunity": ("{ban: community}", "ban"), "dobanglobal": ("{ban: global}", "ban"),
    "doremove": ("{remove: channel}", "remove"), "dorevoke": ("revoke_sessions", "revoke_sessions"),
    "dodecline": ("decline", "decline"), "donotify": ("{notify: ops}", ""),
}

USER = "o'hara/ü 1"  # has to be escaped in paths and bodies


def rules_file(folder):
    path = os.path.join(folder, "rules.yaml")
    with open(path, "w", encoding="utf-8") as out:
        out.write("ruleset: {id: test.every-action, version: 1.0.0, format: 1, default_mode: enforce}\nrules:\n")
        for word, (action, _) in WORDS.items():
            out.write(f"- id: test.{word}\n  title: {word}\n  severity: low\n"
                      f"  scope: {{events: ['message.*', 'post.*', 'comment.*', 'story.*', 'user.*'], "
                      f"fields: [text, title, description, display_name]}}\n"
                      f"  when: {{words: [{word}]}}\n  actions: [{action}]\n")
    return path


def content(kind, number, text, user=USER):
    name = f"{kind}/{number} ?"
    objects = {
        "message": ("v3.message.didCreate", "messages",
                    {"messageId": name, "channelId": "c 1", "userId": user, "type": "text", "data": {"text": text}}),
        "message5": ("v5.message.didCreate", "messages",
                     {"messageId": name, "channelId": "c 1", "channelType": "community", "creatorId": user,
                      "dataType": "text", "data": {"text": text}}),
        "post": ("post.didCreate", "posts",
                 {"postId": name, "postedUserId": user, "targetType": "community", "targetId": "g 1",
                  "dataType": "text", "data": {"title": text, "text": "a post"}}),
        "comment": ("v3.comment.didCreate", "comments",
                    {"commentId": name, "userId": user, "referenceType": "post", "referenceId": "p1",
                     "dataType": "text", "data": {"text": text}}),
        "story": ("story.didCreate", "stories",
                  {"storyId": name, "creatorId": user, "targetType": "community", "targetId": "g 1",
                   "dataType": "image", "data": {"text": text}}),
        "user": ("user.didUpdate", "users", {"userId": user, "displayName": "Somebody", "description": text}),
    }
    event, family, item = objects[kind]
    data = {family: [item]}
    if family != "users":
        data["users"] = [{"userId": user, "displayName": "Somebody", "roles": ["member"]}]
    return name, json.dumps({"event": event, "data": data})


# Which words make sense for which content; anything else is a mistake of the rule and becomes a dead letter.
EXPECTED = {
    "message": ["doflag", "dohide", "dodelete", "domute", "dobanchannel", "dobanglobal", "doremove", "dorevoke",
                "donotify"],
    "message5": ["doflag", "dohide", "dodelete", "domute", "dobanchannel", "dobanglobal", "doremove", "dorevoke"],
    "post": ["doflag", "dohide", "dodelete", "dobancommunity", "dobanglobal", "dorevoke", "dodecline", "donotify"],
    "comment": ["doflag", "dohide", "dodelete", "dobanglobal", "dorevoke"],
    "story": ["doflag", "dohide", "dodelete", "dobancommunity", "dobanglobal"],
    "user": ["doflag", "dobanglobal", "dorevoke"],
}


def start(test, options=None):
    kafka = test.keep(cluster.open_cluster("mock", test.folder))
    names = ledger.create_topics(kafka, 3, "every")
    sandbox = test.keep(harness.Sandbox(test.folder))
    settings = names.options() | {"platform.notify": "{ops: '%s/__sandbox/webhooks/ops'}" % sandbox.url,
                                  "worker.retry_base": "50ms"} | (options or {})
    worker = test.keep(harness.Worker("worker", test.folder, kafka, sandbox, rules_file(test.folder), settings))
    wait_for("the worker has joined", worker.ready, 60)
    return kafka, names, sandbox, worker


def finish(kafka, names, worker, records):
    names.wait_until_committed(kafka, "warden-test", records, 60)
    check(worker.stop() == 0, "the worker does not end with 0")


def every_action_reaches_the_platform(test):
    kafka, names, sandbox, worker = start(test)
    records, wanted = [], []
    for kind, words in EXPECTED.items():
        for number, word in enumerate(words):
            user = f"{USER}-{kind}-{number}"  # one author each: a second ban of one user would be answered 'already'
            name, value = content(kind, number, f"please {word} this", user)
            records.append((user, value))
            wanted.append((kind, word, name, user))
    kafka.produce(names.events, records)
    finish(kafka, names, worker, len(records))
    letters = kafka.consume(names.dead_letters)
    check(not letters, f"{len(letters)} dead letters, as {letters[:1]}")
    calls = sandbox.calls()
    webhooks = [call for call in calls if call["path"].startswith("/__sandbox/webhooks/")]
    check(len(webhooks) == 2 and all('"content_id"' in call["body"] for call in webhooks), "notifications are missing")
    check(all(not call["token"] for call in webhooks), "a webhook was given the platform's token")
    for kind, word, name, user in wanted:
        action = WORDS[word][1]
        if not action:
            continue
        on_content = action in ("flag", "hide", "delete", "decline") and kind != "user"
        target = name if on_content else user
        hits = [call for call in calls if call["action"] == action and call["outcome"] == "done"
                and (call["object_id"] == target or target in call["user_ids"])]
        check(len(hits) == 1, f"{word} on a {kind}: {len(hits)} calls for {target!r}")
    check(len(calls) == len(wanted), f"{len(wanted)} calls were wanted, the platform saw {len(calls)}")


def a_record_with_several_objects_is_finished_when_all_are(test):
    kafka, names, sandbox, worker = start(test)
    messages = [{"messageId": f"many-{n}", "channelId": "c", "userId": f"u-{n}", "type": "text",
                 "data": {"text": "doflag" if n % 2 else "fine"}} for n in range(10)]
    users = [{"userId": f"u-{n}", "roles": ["member"]} for n in range(10)]
    kafka.produce(names.events, [("k", json.dumps({"event": "message.didCreate",
                                                   "data": {"messages": messages, "users": users}}))])
    finish(kafka, names, worker, 1)
    flagged = sorted(call["object_id"] for call in sandbox.calls())
    check(flagged == [f"many-{n}" for n in range(1, 10, 2)], f"flagged: {flagged}")
    keys = {call["idempotency_key"] for call in sandbox.calls()}
    check(len(keys) == 5, f"idempotency keys are not distinct: {keys}")


def moderators_are_exempt(test):
    kafka, names, sandbox, worker = start(test)
    value = json.dumps({"event": "message.didCreate",
                        "data": {"messages": [{"messageId": "m", "channelId": "c", "userId": "mod", "type": "text",
                                               "data": {"text": "doflag dobanglobal"}}],
                                 "users": [{"userId": "mod", "roles": ["global-admin"]}]}})
    kafka.produce(names.events, [("mod", value)])
    finish(kafka, names, worker, 1)
    check(not sandbox.calls(), "an administrator was moderated")


def what_cannot_be_carried_out_becomes_a_dead_letter(test):
    """The platform refuses to ban an exempt user; the flag beside it is carried out all the same."""
    kafka, names, sandbox, worker = start(test)
    sandbox.request("POST", "/__sandbox/objects", {"users": [{"userId": USER, "exempt": True}]})
    _, value = content("comment", 1, "doflag and dobanglobal")
    kafka.produce(names.events, [{"key": "k", "value": value, "headers": [["trace", "t-1"]]}])
    finish(kafka, names, worker, 1)
    letters = kafka.consume(names.dead_letters)
    check(len(letters) == 1, f"{len(letters)} dead letters")
    check(letters[0]["value"] == value and letters[0]["key"] == "k", "key or value of the dead letter are not the record's")
    headers = dict(letters[0]["headers"])
    check(headers.get("trace") == "t-1", f"the record's own headers are gone: {headers}")
    check(headers["warden.reason"] == "action_refused", f"reason: {headers}")
    done = [(call["action"], call["outcome"]) for call in sandbox.calls()]
    check(done == [("flag", "done"), ("ban", "refused")], f"calls: {done}")
    decision = json.loads(kafka.consume(names.decisions)[0]["value"])
    check(sorted(action["result"] for action in decision["actions"]) == ["done", "failed"], f"decision: {decision}")


def a_refused_token_stops_calls_and_a_new_one_heals(test):
    kafka, names, sandbox, worker = start(test, {"worker.breaker_probe": "200ms"})
    sandbox.request("POST", "/__sandbox/tokens/revoke", {"name": "admin"})
    kafka.produce(names.events, [(f"u{n}", content("message", n, "doflag", f"u{n}")[1]) for n in range(50)])
    wait_for("the log says that the platform refuses us", lambda: worker.said("platform-refused-us"), 30)
    wait_for("a few refused probes", lambda: sandbox.call_count() > 3, 30)
    check(sum(p["committed"] > 0 for p in kafka.offsets(names.events, "warden-test")) == 0,
          "an offset was committed though nothing could be done")
    check(not kafka.consume(names.dead_letters), "a refused token made dead letters")
    sandbox.request("POST", "/__sandbox/tokens", {"name": "second", "token": "a-new-token"})
    with open(worker.token_file + ".new", "w", encoding="ascii") as out:
        out.write("a-new-token\n")
    os.replace(worker.token_file + ".new", worker.token_file)
    finish(kafka, names, worker, 50)
    done = [call for call in sandbox.calls() if call["outcome"] == "done"]
    check(len(done) == 50 and all(call["token"] == "second" for call in done), f"{len(done)} calls were carried out")
    check("a-new-token" not in worker.text() and harness.TOKEN not in worker.text(), "a token is in the log")


if __name__ == "__main__":
    sys.exit(harness.run(every_action_reaches_the_platform, a_record_with_several_objects_is_finished_when_all_are,
                         moderators_are_exempt, what_cannot_be_carried_out_becomes_a_dead_letter,
                         a_refused_token_stops_calls_and_a_new_one_heals))
