"""The clusters of the tests themselves: what is produced is found again, on the embedded broker and on a real Kafka.

    kafka_cluster_test.py mock|kafka
"""
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import cluster  # noqa: E402


def expect(condition, message):
    if not condition:
        raise AssertionError(message)


def records_are_found_again(kafka, name):
    kafka.create_topic(name, 3)
    expect(kafka.produce(name, [("k", "first"), (None, "zwölf\tTabs\nlines \0 null")]) == 2, "two are acknowledged")
    kafka.produce(name, [{"key": "h", "value": "with", "partition": 2, "timestamp": 1234567890123,
                          "headers": [["reason", "why"], ["none", None]]}])
    found = kafka.consume(name)
    expect(sorted(r["value"] for r in found) == sorted(["first", "zwölf\tTabs\nlines \0 null", "with"]), f"got {found}")
    last = [r for r in found if r["key"] == "h"][0]
    expect(last["partition"] == 2 and last["timestamp"] == 1234567890123, f"got {last}")
    expect(last["headers"] == [["reason", "why"], ["none", None]], f"got {last}")
    offsets = kafka.offsets(name, "nobody")
    expect([p["partition"] for p in offsets] == [0, 1, 2], f"got {offsets}")
    expect(sum(p["end"] - p["first"] for p in offsets) == 3, f"got {offsets}")
    expect(all(p["committed"] == -1 and p["metadata"] is None for p in offsets), f"got {offsets}")


def many_records_keep_their_order(kafka, name):
    kafka.create_topic(name, 2)
    count, size = 20000, 500
    began = time.monotonic()
    for start in range(0, count, size):
        kafka.produce(name, [(f"k{n % 7}", str(n)) for n in range(start, start + size)])
    print(f"     {count / (time.monotonic() - began):.0f} records/s, acknowledged in pieces of {size}")
    last = {}
    found = kafka.consume(name)
    expect(len(found) == count, f"{len(found)} of {count} records came back")
    for record in found:
        number = int(record["value"])
        expect(number > last.get(record["key"], -1), "order within a key is kept")
        last[record["key"]] = number


def a_pause_delays_and_loses_nothing(kafka, name):
    kafka.create_topic(name, 1)
    kafka.produce(name, [("k", "before")])
    kafka.pause()
    feeder = threading.Thread(target=kafka.produce, args=(name, [("k", "during")]))
    try:
        feeder.start()
        time.sleep(1.5)
        expect(feeder.is_alive(), "nothing is acknowledged while it is paused")
    finally:
        kafka.resume()
    feeder.join(60)
    expect(not feeder.is_alive(), "it goes on after the pause")
    expect([r["value"] for r in kafka.consume(name)] == ["before", "during"], "both are there, once")


def a_killed_node_comes_back_with_its_records(kafka, name):
    if not kafka.is_real:
        return
    kafka.create_topic(name, 1)
    kafka.produce(name, [("k", "kept")])
    address = kafka.bootstrap
    kafka.kill()
    kafka.start()
    expect(kafka.bootstrap == address, "the address stays")
    kafka.wait_ready()
    kafka.produce(name, [("k", "more")])
    expect([r["value"] for r in kafka.consume(name)] == ["kept", "more"], "nothing is lost, nothing is repeated")


def faults_are_obeyed(kafka, name):
    if kafka.is_real:
        return
    kafka.create_topic(name, 1)
    kafka.command("errors", 0, 6, 2)
    kafka.command("delay", 1, 20)
    kafka.produce(name, [("k", str(n)) for n in range(50)])
    kafka.command("delay", 1, 0)
    expect([r["value"] for r in kafka.consume(name)] == [str(n) for n in range(50)], "retries keep order")
    try:
        kafka.command("dance")
    except cluster.ClusterError as error:
        expect("unknown command" in str(error), str(error))
    else:
        raise AssertionError("an unknown command is refused")


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else "mock"
    reason = cluster.why_not(kind)
    if reason:
        print(f"skipped: {reason}")
        return 77
    tests = [records_are_found_again, many_records_keep_their_order, a_pause_delays_and_loses_nothing, faults_are_obeyed,
             a_killed_node_comes_back_with_its_records]
    options = {"own": True} if kind == "kafka" else {}
    with tempfile.TemporaryDirectory(prefix="warden-cluster-") as folder:
        with cluster.open_cluster(kind, folder, **options) as kafka:
            for number, test in enumerate(tests):
                test(kafka, f"t{number}-{os.getpid()}")
                print(f"ok   {test.__name__}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
