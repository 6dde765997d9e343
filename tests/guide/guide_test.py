#!/usr/bin/env python3
"""Runs a guide as a reader would: files are written and commands are typed, in order, in an empty folder.

    guide_test.py WARDEN ROOT PAGE.md

What the page must hold to: a fenced block of yaml or json after a paragraph that says "into `NAME`" is that file; each
line of a block of sh is a command, which must exit with 0, or with N where it ends in "# exits with N"; the lines of a
block of text after it must come out of these commands, in this order, others may stand between them."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TIMEOUT_SECONDS = 120 * float(os.environ.get("WARDEN_TEST_SLOWNESS", "1"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"into\s+`([^`]+)`[^`]*:\s*$")
EXIT = re.compile(r"\s+# exits with (\d+)$")


def blocks(page):
    at = 0
    for found in BLOCK.finditer(page):
        yield page[at:found.start()], found.group(1), found.group(2)
        at = found.end()


class Reader:
    def __init__(self, warden, root, folder):
        self.folder = folder
        self.commands = self.files = self.expected = 0
        self.said = ""
        (folder / "bin").mkdir()
        (folder / "bin" / "warden").symlink_to(warden)
        work = folder / "work"
        work.mkdir()
        (work / "config").symlink_to(root / "config")  # what an installation has in /usr/share
        self.work = work
        self.environment = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def write(self, name, text):
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.files += 1

    def type(self, line):
        found = EXIT.search(line)
        wanted = int(found.group(1)) if found else 0
        done = subprocess.run(["sh", "-c", EXIT.sub("", line)], cwd=self.work, env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=TIMEOUT_SECONDS, check=False)
        self.said += done.stdout
        self.commands += 1
        assert done.returncode == wanted, f"$ {line}\nexits with {done.returncode}, not {wanted}:\n{done.stdout}"

    def compare(self, text):
        lines = iter(self.said.splitlines())
        for wanted in text.splitlines():
            assert any(line.rstrip() == wanted.rstrip() for line in lines), \
                f"this line did not come, or not in this order:\n{wanted}\nWhat came:\n{self.said}"
            self.expected += 1


def main(warden, root, page):
    text = pathlib.Path(page).read_text()
    with tempfile.TemporaryDirectory(prefix="warden-guide-") as folder:
        reader = Reader(pathlib.Path(warden).resolve(), pathlib.Path(root).resolve(), pathlib.Path(folder))
        for before, kind, content in blocks(text):
            if kind in ("yaml", "json"):
                name = FILE.search(before.rstrip() + "\n")
                assert name, f"where does this go?\n{before[-200:]}"
                reader.write(name.group(1), content)
            elif kind == "sh":
                reader.said = ""
                for line in content.splitlines():
                    reader.type(line)
            elif kind == "text":
                reader.compare(content)
            else:
                raise AssertionError(f"a block of {kind}: only yaml, json, sh and text are known")
        print(f"{reader.files} files, {reader.commands} commands, {reader.expected} lines of output as the page says")
        assert reader.commands > 10 and reader.expected > 10
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
