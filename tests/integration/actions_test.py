"""Every action on every kind of content, from a Kafka record to the call that the platform sees; names with and without
their version prefix; identifiers that have to be escaped; a record with several objects; exempt authors; notifications; a
platform that refuses an action, or refuses us; several users in one call."""
import collections
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
    made = sum(max(1, len(call["user_ids"])) for call in calls)  # some share calls
    check(made == len(wanted), f"{len(wanted)} actions were wanted, the platform saw {made}")


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


# ---- several users in one call ----

WAIT = {"platform.batch_wait": "300ms"}


def records_for(word, users, kind="message"):
    return [(user, content(kind, n, f"please {word} this", user)[1]) for n, user in enumerate(users)]


def users_done(calls, action):
    return collections.Counter(user for call in calls if call["action"] == action and call["outcome"] == "done"
                               for user in call["user_ids"])


def actions_on_users_of_one_place_share_calls(test):
    """In the body and in the query; ids with everything that has to be escaped; no more than the limit in one call."""
    kafka, names, sandbox, worker = start(test, WAIT | {"platform.batch_max": 40})
    users = [f"{USER}\"&=-{n}" for n in range(120)]
    records = [record for word in ("domute", "dobanchannel", "doremove")
               for record in records_for(word, [f"{word}-{user}" for user in users])]
    records += records_for("dobancommunity", [f"dobancommunity-{user}" for user in users], "post")
    kafka.produce(names.events, records)
    finish(kafka, names, worker, len(records))
    check(not kafka.consume(names.dead_letters), "there are dead letters")
    calls = sandbox.calls()
    done = users_done(calls, "mute") + users_done(calls, "ban") + users_done(calls, "remove")
    check(done == collections.Counter(user for user, _ in records), "not every user was dealt with exactly once")
    most = max(len(call["user_ids"]) for call in calls)
    check(most == 40, f"up to {most} users share a call")
    check(len(calls) <= 30, f"{len(calls)} calls for {len(records)} actions")
    check(len({call["idempotency_key"] for call in calls}) == len(calls), "idempotency keys are not distinct")
    for call in calls:
        check(all(call["changed"]), f"a call changed nothing for some: {call['changed']}")
    decisions = [json.loads(record["value"]) for record in kafka.consume(names.decisions)]
    told = collections.Counter(decision["actions"][0]["users_in_call"] for decision in decisions)
    seen = collections.Counter(n for n in (len(call["user_ids"]) for call in calls) for _ in range(n))
    check(told == seen, f"decisions tell of {dict(told)}, the platform saw {dict(seen)}")
    ledger.validate_decisions([json.dumps(decision) for decision in decisions[:50]])


def other_places_and_durations_have_calls_of_their_own(test):
    kafka, names, sandbox, worker = start(test, WAIT)
    records = []
    for n in range(60):
        item = {"messageId": f"m{n}", "channelId": f"c{n % 3}", "userId": f"u{n}", "type": "text",
                "data": {"text": "domute" if n % 2 else "dobanchannel"}}
        records.append((f"u{n}", json.dumps({"event": "message.didCreate", "data": {"messages": [item], "users": [
            {"userId": f"u{n}", "roles": ["member"]}]}})))
    kafka.produce(names.events, records)
    finish(kafka, names, worker, len(records))
    calls = sandbox.calls()
    check(len(calls) <= 20 and max(len(call["user_ids"]) for call in calls) > 1, f"{len(calls)} calls")
    for call in calls:
        for user in call["user_ids"]:
            n = int(user[1:])
            check(call["place_id"] == f"c{n % 3}" and call["action"] == ("mute" if n % 2 else "ban"),
                  f"{user} is in a call that is not his: {call['action']} in {call['place_id']}")
    check(sum(len(call["user_ids"]) for call in calls) == 60, "not every user was dealt with exactly once")


def one_who_cannot_be_banned_spoils_nothing_for_the_others(test):
    """The platform refuses the whole call; then each is asked for alone, and only the exempt one becomes a dead letter."""
    kafka, names, sandbox, worker = start(test, WAIT)
    users = [f"user-{n}" for n in range(30)]
    sandbox.request("POST", "/__sandbox/objects", {"users": [{"userId": "user-7", "exempt": True}]})
    kafka.produce(names.events, records_for("dobanchannel", users))
    finish(kafka, names, worker, len(users))
    letters = kafka.consume(names.dead_letters)
    check([letter["key"] for letter in letters] == ["user-7"], f"dead letters of {[letter['key'] for letter in letters]}")
    calls = sandbox.calls()
    check(any(len(call["user_ids"]) > 1 and call["code"] == 400306 for call in calls), "the exempt one was never in company")
    check(users_done(calls, "ban") == collections.Counter(set(users) - {"user-7"}), "not everybody else was banned once")
    decisions = {json.loads(r["value"])["author_id"]: json.loads(r["value"])["actions"][0]
                 for r in kafka.consume(names.decisions)}
    check(decisions["user-7"]["result"] == "failed" and decisions["user-7"]["users_in_call"] == 1,
          f"the decision on the exempt one: {decisions['user-7']}")
    check(all(action["attempts"] <= 2 for action in decisions.values()), "splitting took more than one further attempt")


def a_broken_shared_call_is_made_again(test):
    """Carried out and then reset: everybody is tried again, and nobody is lost or given up."""
    kafka, names, sandbox, worker = start(test, WAIT)
    sandbox.request("POST", "/__sandbox/faults", [{"kind": "reset", "execute": True, "action": "mute", "count": 1},
                                                  {"kind": "status", "status": 429, "retry_after": 1, "count": 1},
                                                  {"kind": "status", "status": 503, "count": 2}])
    users = [f"user-{n}" for n in range(40)]
    kafka.produce(names.events, records_for("domute", users))
    finish(kafka, names, worker, len(users))
    check(not kafka.consume(names.dead_letters), "there are dead letters")
    check(set(users_done(sandbox.calls(), "mute")) >= set(users), "somebody was not muted")
    actions = [json.loads(r["value"])["actions"][0] for r in kafka.consume(names.decisions)]
    check(any(action["ambiguous_timeouts"] for action in actions), "no decision tells of the reset")


def a_lone_action_has_its_own_key_and_batching_can_be_switched_off(test):
    kafka, names, sandbox, worker = start(test, {"platform.batch_wait": 0})
    users = [f"user-{n}" for n in range(20)]
    kafka.produce(names.events, records_for("domute", users))
    finish(kafka, names, worker, len(users))
    calls = sandbox.calls()
    check(len(calls) == 20 and all(len(call["user_ids"]) == 1 for call in calls), f"{len(calls)} calls for 20 actions")
    check(all(call["idempotency_key"].count("/") == 3 and "+" not in call["idempotency_key"] for call in calls),
          f"keys: {calls[0]['idempotency_key']}")


if __name__ == "__main__":
    sys.exit(harness.run(every_action_reaches_the_platform, a_record_with_several_objects_is_finished_when_all_are,
                         moderators_are_exempt, what_cannot_be_carried_out_becomes_a_dead_letter,
                         a_refused_token_stops_calls_and_a_new_one_heals,
                         actions_on_users_of_one_place_share_calls, other_places_and_durations_have_calls_of_their_own,
                         one_who_cannot_be_banned_spoils_nothing_for_the_others, a_broken_shared_call_is_made_again,
                         a_lone_action_has_its_own_key_and_batching_can_be_switched_off))
