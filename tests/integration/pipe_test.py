#!/usr/bin/env python3
"""A reader that has seen enough ends a command quietly; a full disk does not pass for success.

    pipe_test.py WARDEN"""
import subprocess
import sys
import tempfile

RULES = """ruleset: {id: test.pipe, version: 1.0.0, format: 1, default_mode: enforce}
rules: [{id: test.word, title: A word, severity: low, when: {words: [flagme]}, actions: [flag]}]
"""


def main(warden):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as rules, tempfile.TemporaryFile() as events:
        rules.write(RULES)
        rules.flush()
        events.write(b'{"text":"flagme"}\n' * 200000)
        events.seek(0)
        match = [warden, "rules", "match", "--rules", rules.name]
        process = subprocess.Popen(match, stdin=events, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait(60)
        assert line == '{"n":1,"rules":["test.word"]}\n', line
        assert said == "" and code == 0, f"after the reader had gone: code {code}, {said!r}"
    with open("/dev/full", "w") as full:
        result = subprocess.run([warden, "config", "print"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                check=False)
    assert result.returncode == 1 and "No space left" in result.stderr, result
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
