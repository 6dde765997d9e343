"""Everything that goes wrong, one small function a fault. BLOWS come one after the other; WEATHER is what the API does
meanwhile. Each entry says on which brokers it can be had."""
import os
import signal
import time

import cluster
import ledger
import observer
import run as running
import wire
from harness import wait_for

BOTH, MOCK, REAL = ("mock", "kafka"), ("mock",), ("kafka",)


# ---- workers ----

def kill(run, dice):
    time.sleep(dice.random())
    run.kill(run.pick(dice))
    run.start_worker()


def kill_two(run, dice):
    for _ in range(min(2, len(run.alive))):
        run.kill(run.pick(dice))
    run.start_worker()
    run.start_worker()


def kill_between_answer_and_commit(run, dice):
    """Waits for an accepted call and kills its caller before the next commit can be due."""
    since = run.sandbox.request("GET", "/__sandbox/log?since=0&limit=1")["last"]
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        page = run.sandbox.request("GET", f"/__sandbox/log?since={since}&limit=100")
        for call in page["calls"]:
            victims = [w for w in run.alive if w.name == run.owner_of_token.get(call["token"])]
            if call["outcome"] == "done" and call["answered"] and victims:
                run.kill(victims[0])
                run.start_worker()
                return
        since = page["next"]
        time.sleep(0.002)
    kill(run, dice)


def terminate_with_slow_actions(run, dice):
    run.weather([{"kind": "slow", "latency_ms": [200, 1200]}], 3)
    time.sleep(1)
    run.terminate(run.pick(dice))
    run.start_worker()


def terminate_twice(run, dice):
    """The second signal ends the process at once."""
    worker = run.pick(dice)
    run.weather([{"kind": "slow", "latency_ms": [400, 1200]}], 2)
    time.sleep(0.5)
    worker.signal(signal.SIGTERM)
    time.sleep(0.3)
    run.killed_ms[worker] = running.now_ms()  # until then it goes on with what it owns
    worker.signal(signal.SIGTERM)
    worker.wait(20)
    run.alive.remove(worker)
    run.kills += 1
    run.start_worker()


def freeze_past_the_session(run, dice):
    """Stopped with calls on their way and others behind them, until somebody else owns its partitions; the embedded broker
    takes nearly a session longer for that."""
    run.weather([{"kind": "slow", "latency_ms": [300, 900]}], 2)
    run.produce(120, share=1.0)
    time.sleep(0.5 + dice.random() / 2)
    run.freeze(run.pick(dice), running.SESSION_SECONDS + (2 if run.kafka.is_real else 6) + dice.random() * 2)


def freeze_shortly(run, dice):
    run.freeze(run.pick(dice), 1 + dice.random())


def join_and_leave(run, dice):
    extra = run.start_worker()
    run.ready(extra)
    time.sleep(dice.random())
    run.terminate(extra)


def join_and_die(run, dice):
    """Partitions are revoked for a member that is gone at once, and given back."""
    extra = run.start_worker()
    time.sleep(0.5 + dice.random() * 3)
    run.kill(extra)


def roll(run, dice):
    run.start_worker()
    time.sleep(dice.random())
    run.terminate(run.alive[0])


def regrant(run, dice):
    """Partitions are taken away without a word and come back at once, to the same or to another one, while calls and
    reports of the works from before are still on their way; and again, before those have ended."""
    if run.kafka.is_real:
        regrant_while_calls_are_slow(run, dice)
    else:
        regrant_while_reports_wait(run)


def regrant_while_calls_are_slow(run, dice):
    run.weather([{"kind": "slow", "latency_ms": [900, 2800]}], 9)
    for _ in range(4):
        run.produce(50, share=1.0)
        time.sleep(0.8 + dice.random() * 0.8)
        try:
            members = wire.members(run.kafka.bootstrap, run.group)
            for client, member in members.items():
                wire.send_away(run.kafka.bootstrap, run.group, member)
        except OSError:  # the coordinator has only just come back
            time.sleep(0.5)
    time.sleep(1)


def regrant_while_reports_wait(run):
    """The embedded broker takes nearly a session for each rejoin, longer than any call lasts: so it is decision records
    that are kept waiting. They end while the new owners' calls for the same records are on their way."""
    for _ in range(2):
        for partition in range(ledger.DECISION_PARTITIONS):
            run.kafka.command("leader", run.topics.decisions, partition, -1)
        run.produce(50, share=1.0)
        time.sleep(1)
        before = run.times_assigned()
        run.weather([{"kind": "slow", "latency_ms": [2000, 3000]}], 14)
        run.kafka.command("errors", HEARTBEAT, ILLEGAL_GENERATION, len(run.alive))
        run.produce(150, share=1.0)
        deadline = time.monotonic() + 12
        while time.monotonic() < deadline and any(
                count <= before[worker] for worker, count in run.times_assigned().items()):
            time.sleep(0.1)
        time.sleep(0.5)
        for partition in range(ledger.DECISION_PARTITIONS):
            run.kafka.command("leader", run.topics.decisions, partition, 1)
        time.sleep(0.5)
    run.kafka.command("errors", HEARTBEAT, 0, 0)


def leave_unanswered(run, dice):
    """Kafka stands still and a worker is asked to end: it drains, tries to commit and to leave, and gives up in time."""
    extra = run.start_worker(**{"worker.drain_timeout": "2s"})
    if dice.random() < 0.5:
        run.ready(extra)
    else:  # in the middle of joining
        wait_for("it runs", extra.port)
    time.sleep(dice.random())
    run.kafka.pause()
    try:
        run.leave_unanswered(extra, 25)  # twice its drain_timeout, and what commits and deliveries may wait for
    finally:
        run.kafka.resume()


def rotate_token(run, dice):
    """The old token stops working a second before the new one is there."""
    worker = run.pick(dice)
    name = f"{worker.name}.{len(run.owner_of_token)}"
    old = [token for token, owner in run.owner_of_token.items() if owner == worker.name][-1]
    secret = f"another-token-{name}-{run.seed}"
    run.sandbox.request("POST", "/__sandbox/tokens", {"name": name, "token": secret})
    run.owner_of_token[name] = worker.name
    run.sandbox.request("POST", "/__sandbox/tokens/revoke", {"name": old, "grace_ms": 0})
    time.sleep(1)
    with open(worker.token_file + ".new", "w", encoding="ascii") as out:
        out.write(secret)
    os.replace(worker.token_file + ".new", worker.token_file)
    time.sleep(1.5)


# ---- Kafka ----

def broker_down(run, dice):
    run.kafka.command("down", 1)
    time.sleep(1 + dice.random() * 3)
    run.kafka.command("up", 1)


def broker_slow(run, dice):
    run.kafka.command("delay", 1, 400)
    time.sleep(2 + dice.random() * 2)
    run.kafka.command("delay", 1, 0)


def broker_frozen(run, dice):
    run.kafka.pause()
    time.sleep(1 + dice.random() * 3)
    run.kafka.resume()


def broker_restarted(run, dice):
    run.kafka.stop()
    time.sleep(dice.random())
    run.kafka.start()


def broker_killed(run, dice):
    run.kafka.kill()
    time.sleep(dice.random() * 2)
    run.kafka.start()


OFFSET_COMMIT, OFFSET_FETCH, COORDINATOR, JOIN, HEARTBEAT, SYNC, FETCH = 8, 9, 10, 11, 12, 14, 1
TIMED_OUT, NOT_COORDINATOR, ILLEGAL_GENERATION, REBALANCING, NOT_LEADER, CONNECTION_LOST = 7, 16, 22, 27, 6, -195


def commit_errors(run, dice):
    for code in dice.sample([ILLEGAL_GENERATION, REBALANCING, NOT_COORDINATOR, TIMED_OUT, CONNECTION_LOST], 3):
        run.kafka.command("errors", OFFSET_COMMIT, code, 1 + dice.randrange(4))
        time.sleep(0.7)


def group_errors(run, dice):
    """None for producing: the embedded broker checks no sequence numbers, so a batch that is refused before one that is
    taken looks to an idempotent producer as if it had been taken as well. Real Kafka shows that (broker-killed)."""
    for kind, code in dice.sample([(HEARTBEAT, REBALANCING), (HEARTBEAT, NOT_COORDINATOR), (JOIN, NOT_COORDINATOR),
                                   (SYNC, REBALANCING), (OFFSET_FETCH, NOT_COORDINATOR), (FETCH, NOT_LEADER),
                                   (FETCH, CONNECTION_LOST)], 3):
        run.kafka.command("errors", kind, code, 1 + dice.randrange(3))
        time.sleep(1)
    run.kafka.command("errors", JOIN, 0, 0)


RUBBISH = ["1", "1AAAA", "1" + "A" * 3000, "2AAAAAAAA", "!!!", "1//////////8", "1AAAAAAECAwQFBgcICQ"]


def damage_metadata(run, dice):
    """Overwrites what is committed about finished offsets with rubbish. Kafka lets an outsider do that only while the
    group has no members, the embedded broker only before it had any."""
    lines = [f"{p['partition']} {max(0, p['committed'])} {dice.choice(RUBBISH)}"
             for p in run.kafka.offsets(run.topics.events, run.group)]
    run.damaged_ms.append(running.now_ms())
    observer.spy("commit", run.kafka.bootstrap, run.topics.events, run.group, text="\n".join(lines) + "\n")


def everybody_gone_and_metadata_damaged(run, dice):
    for worker in list(run.alive):
        if dice.random() < 0.5:
            run.kill(worker)
        else:
            run.terminate(worker)
    deadline = time.monotonic() + 40
    while True:
        try:  # refused until the group has noticed that its members are gone
            damage_metadata(run, dice)
            break
        except cluster.ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    for _ in range(running.WORKERS):
        run.start_worker()


TOO_OLD = "message.timestamp.before.max.ms"


def dead_letters_fail(run, dice):
    """The dead-letter topic refuses everything while poison comes in and the workers die."""
    topic = run.topics.dead_letters
    if run.kafka.is_real:
        observer.spy("topic", run.kafka.bootstrap, topic, f"{TOO_OLD}=0")  # whatever is produced is older than that
        time.sleep(1)  # it has been written down, and takes a moment to come into force
    else:
        run.kafka.command("leader", topic, 0, -1)
    run.produce(80, poison=0.5)
    time.sleep(3 + dice.random() * 2)
    for worker in list(run.alive):  # whoever thinks that a letter is written takes that with him
        run.kill(worker)
    time.sleep(1)
    if run.kafka.is_real:
        observer.spy("topic", run.kafka.bootstrap, topic, f"{TOO_OLD}={2 ** 63 - 1}")
    else:
        run.kafka.command("leader", topic, 0, 1)
    for _ in range(running.WORKERS):
        run.start_worker()


def offset_holes(run, dice):
    """A transaction that is taken back leaves offsets that nobody ever sees, and records that nobody may act on."""
    value = ('{"event":"message.didCreate","data":{"messages":[{"messageId":"taken-back","channelId":"c-0",'
             '"userId":"u","type":"text","data":{"text":"banme"}}]}}')
    for _ in range(3):
        observer.spy("abort", run.kafka.bootstrap, run.topics.events, str(running.PARTITIONS), value)
        time.sleep(0.3)


def sandbox_frozen(run, dice):
    """The platform answers nobody, not even connections."""
    with run.lock:
        run.sandbox.signal(signal.SIGSTOP)
        time.sleep(1 + dice.random() * 4)
        run.sandbox.signal(signal.SIGCONT)


def flood_in_an_outage(run, dice):
    """More than a worker may hold, while nothing can be done."""
    run.weather([{"kind": "status", "status": 503}], 6)
    for _ in range(6):  # the embedded broker keeps only 5 MB a partition
        if run.kafka.is_real:
            run.produce(250, share=1.0, padding=40000, hot=0)
        else:
            run.produce(50, share=1.0, padding=3000)
    time.sleep(5)


# name -> (function, brokers, touches Kafka)
BLOWS = {
    "kill": (kill, BOTH, False),
    "kill-two": (kill_two, BOTH, False),
    "kill-between-answer-and-commit": (kill_between_answer_and_commit, BOTH, False),
    "term-slow-actions": (terminate_with_slow_actions, BOTH, False),
    "term-twice": (terminate_twice, BOTH, False),
    "freeze-past-session": (freeze_past_the_session, BOTH, False),
    "freeze-shortly": (freeze_shortly, BOTH, False),
    "join-and-leave": (join_and_leave, BOTH, False),
    "join-and-die": (join_and_die, BOTH, False),
    "roll": (roll, BOTH, False),
    "regrant": (regrant, BOTH, False),
    "leave-unanswered": (leave_unanswered, BOTH, True),
    "rotate-token": (rotate_token, BOTH, False),
    "broker-down": (broker_down, MOCK, True),
    "broker-slow": (broker_slow, MOCK, True),
    "broker-frozen": (broker_frozen, BOTH, True),
    "broker-restarted": (broker_restarted, REAL, True),
    "broker-killed": (broker_killed, REAL, True),
    "commit-errors": (commit_errors, MOCK, True),
    "group-errors": (group_errors, MOCK, True),
    "metadata-damaged": (everybody_gone_and_metadata_damaged, REAL, True),
    "dead-letters-fail": (dead_letters_fail, BOTH, True),
    "offset-holes": (offset_holes, REAL, False),
    "sandbox-frozen": (sandbox_frozen, BOTH, False),
    "flood-in-outage": (flood_in_an_outage, BOTH, False),
}

# name -> (sandbox faults, seconds)
WEATHER = {
    "fine": ([], 3),
    "some-5xx": ([{"kind": "status", "status": 500, "share": 0.3}], 4),
    "burst-5xx": ([{"kind": "status", "status": 502, "share": 0.9}], 3),
    "resets": ([{"kind": "reset", "share": 0.4}], 3),
    "executed-then-reset": ([{"kind": "reset", "execute": True, "share": 0.4}], 4),
    "hangs": ([{"kind": "hang", "pause_ms": 9000, "share": 0.1}], 4),
    "executed-then-hang": ([{"kind": "hang", "execute": True, "pause_ms": 9000, "share": 0.1}], 4),
    "slow": ([{"kind": "slow", "latency_ms": [100, 900], "share": 0.5}], 4),
    "slow-bodies": ([{"kind": "slow_body", "bytes": 5, "pause_ms": 40, "share": 0.3}], 4),
    "cut-bodies": ([{"kind": "cut_body", "share": 0.3}], 4),
    "broken-json": ([{"kind": "broken_json", "share": 0.3}], 3),
    "huge-bodies": ([{"kind": "huge_body", "bytes": 1 << 20, "share": 0.05}], 3),
    "closes": ([{"kind": "close", "share": 0.5}], 4),
    "outage": ([{"kind": "status", "status": 503}], 9),
    "flapping": ([{"kind": "status", "status": 503, "period_ms": 2000, "on_ms": 700}], 8),
    "401-that-heals": ([{"kind": "status", "status": 401}], 3),
    "403-that-heals": ([{"kind": "status", "status": 403}], 2),
    "429-seconds": ([{"kind": "status", "status": 429, "retry_after": 1, "share": 0.2}], 4),
    "429-date": ([{"kind": "status", "status": 429, "retry_after": {"date_in_s": 2}, "share": 0.2}], 3),
    "429-absurd": ([{"kind": "status", "status": 429, "retry_after": "absurd", "share": 0.05}], 2),
    "429-bare": ([{"kind": "status", "status": 429, "retry_after": "none", "share": 0.3}], 4),
    "503-retry-after": ([{"kind": "status", "status": 503, "retry_after": 1, "share": 0.3}], 3),
    "rate-limited": ([{"kind": "status", "status": 429, "retry_after": 1, "above_per_second": 20}], 5),
}
TOTAL = ("outage", "401-that-heals", "403-that-heals")  # every call fails: calls may only come at the probe rate


def blows_on(kind):
    return [name for name, (_, brokers, _) in BLOWS.items() if kind in brokers]
