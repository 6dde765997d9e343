#!/usr/bin/env python3
"""Are the files that the program makes from its own tables up to date?

    generated.py [--write] WARDEN SOURCE_FOLDER"""
import difflib
import pathlib
import subprocess
import sys

FILES = {
    "config/warden.yaml": ["config", "yaml"],
    "docs/configuration.md": ["config", "docs"],
    "config/schema/warden.schema.json": ["config", "schema"],
    "config/schema/ruleset.schema.json": ["rules", "schema"],
    "docs/warden.1": ["generate", "man", "docs/warden.1.in"],
    "completions/warden.bash": ["generate", "bash"],
    "completions/_warden": ["generate", "zsh"],
    "completions/warden.fish": ["generate", "fish"],
}


def main(arguments):
    writing = arguments[:1] == ["--write"]
    warden, source = arguments[-2], pathlib.Path(arguments[-1])
    stale = 0
    for name, words in FILES.items():
        made = subprocess.run([warden, *words], cwd=source, capture_output=True, check=True, timeout=60).stdout.decode()
        path = source / name
        kept = path.read_text() if path.exists() else ""
        if made == kept:
            continue
        if writing:
            path.write_text(made)
            print(f"wrote {name}")
            continue
        stale += 1
        print(*difflib.unified_diff(kept.splitlines(), made.splitlines(), f"{name} (kept)", f"{name} (made)",
                                    lineterm=""), sep="\n")
    if stale:
        print(f"{stale} files are out of date: build the target 'generated'")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
