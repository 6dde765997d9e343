#!/usr/bin/env python3
"""The JSON Schema of rule files, held against a second validator (python3-jsonschema) and against the loader.

    schema_test.py [--update] WARDEN ROOT

What always holds: the schema in config/schema is what the program prints; it accepts every rule set of the repository
that the loader accepts; each file in tests/schema/broken is refused by both, and the loader says where and why, word by
word as in broken.expected (--update writes it). Also: what `warden rules import` made in the golden tests is accepted,
passes lint and its own examples. Exits with 77 where a package is missing, but in CI."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"skipped: {error.name} is missing (python3-jsonschema, python3-yaml)")
    sys.exit(1 if os.environ.get("CI") == "true" else 77)

LEAST_BROKEN = 40
PLACE = re.compile(r"^[^:]+\.yaml:[1-9]\d*:[1-9]\d*: [a-z-]+: .{10,}$")


class Once(yaml.SafeLoader):
    """As editors read YAML, but without dates: 1.0.0 stays a text, and nothing else is made of 2026-01-01."""


Once.yaml_implicit_resolvers = {first: [(tag, pattern) for tag, pattern in resolvers if "timestamp" not in tag]
                                for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def warden(*arguments, cwd=None):
    done = subprocess.run([WARDEN, *arguments], capture_output=True, text=True, timeout=120, cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


def rule_files():
    for path in sorted(ROOT.rglob("*.yaml")):
        parts = path.relative_to(ROOT).parts
        if not parts[0].startswith("build") and parts[0] != ".git" and "broken" not in parts:
            if re.search(r"^ruleset:", path.read_text(errors="replace"), re.MULTILINE):
                yield path


def the_file_is_what_is_printed():
    code, printed, _ = warden("rules", "schema")
    assert code == 0
    assert printed == (ROOT / "config/schema/ruleset.schema.json").read_text(), "run the target `generated`"
    schema = json.loads(printed)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def whatever_loads_is_accepted(validator):
    accepted = 0
    for path in rule_files():
        code, _, _ = warden("rules", "list", str(path))
        errors = list(validator.iter_errors(yaml.load(path.read_text(), Once))) if code in (0, 4) else []
        assert not errors, f"{path} loads, and the schema says: {errors[0].message} at {list(errors[0].absolute_path)}"
        accepted += code == 0
    shipped = sorted((ROOT / "config/rules").glob("*.yaml"))
    assert shipped and accepted > len(shipped) + 10, f"only {accepted} rule sets were tried"
    print(f"     {accepted} rule sets are accepted, the {len(shipped)} shipped ones among them")


def what_is_broken_is_refused(validator, update):
    folder, said = ROOT / "tests/schema", []
    files = sorted(folder.glob("broken/*.yaml"))
    assert len(files) >= LEAST_BROKEN, f"{len(files)} broken files are too few"
    for path in files:
        document = yaml.load(path.read_text(), Once)
        assert list(validator.iter_errors(document)), f"the schema accepts {path.name}"
        code, stdout, _ = warden("rules", "lint", f"broken/{path.name}", cwd=folder)
        assert code == 78, f"{path.name}: exit code {code}"
        findings = [line for line in stdout.splitlines() if line.startswith("broken/")]
        assert findings and all(PLACE.match(line) for line in findings), f"{path.name}: no place or reason: {findings}"
        said += findings
    expected = folder / "broken.expected"
    if update:
        expected.write_text("\n".join(said) + "\n")
    assert said == expected.read_text().splitlines(), f"other words than in {expected.name}: see --update"
    print(f"     {len(files)} broken files are refused by the schema and by the loader")


def what_was_imported_is_right(validator):
    tried = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted((ROOT / "tests/golden/rules_import").glob("*/stdout")):
            imported = pathlib.Path(folder) / "imported.yaml"
            imported.write_text(path.read_text())
            errors = list(validator.iter_errors(yaml.load(imported.read_text(), Once)))
            assert not errors, f"{path}: {errors[0].message}"
            code, stdout, _ = warden("rules", "lint", "--deny-warnings", "--disable", "matches-empty", str(imported))
            assert code == 0, f"{path}: lint exits with {code}: {stdout}"
            code, stdout, _ = warden("rules", "test", str(imported))
            assert code in (0, 4), f"{path}: its examples fail: {stdout}"
            tried += 1
    assert tried >= 8
    print(f"     {tried} imported rule sets load, lint and pass their examples")


# Of SARIF 2.1.0 what a report of findings must have, as its schema says.
SARIF = {
    "type": "object", "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["tool", "results"],
            "properties": {
                "tool": {"type": "object", "required": ["driver"], "properties": {"driver": {
                    "type": "object", "required": ["name"],
                    "properties": {"name": {"type": "string", "minLength": 1}, "rules": {
                        "type": "array", "uniqueItems": True, "items": {
                            "type": "object", "required": ["id"],
                            "properties": {"id": {"type": "string"}, "shortDescription": {"$ref": "#/$defs/message"}},
                            "additionalProperties": False}}},
                    "additionalProperties": False}}, "additionalProperties": False},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {
                    "type": "object", "required": ["message", "ruleId", "level"],
                    "properties": {
                        "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0},
                        "level": {"enum": ["none", "note", "warning", "error"]},
                        "message": {"$ref": "#/$defs/message"},
                        "locations": {"type": "array", "items": {
                            "type": "object", "required": ["physicalLocation"], "additionalProperties": False,
                            "properties": {"physicalLocation": {
                                "type": "object", "required": ["artifactLocation"], "additionalProperties": False,
                                "properties": {
                                    "artifactLocation": {"type": "object", "required": ["uri"],
                                                         "additionalProperties": False,
                                                         "properties": {"uri": {"type": "string",
                                                                                "pattern": "^[^ \"<>]+$"}}},
                                    "region": {"type": "object", "additionalProperties": False,
                                               "properties": {"startLine": {"type": "integer", "minimum": 1},
                                                              "startColumn": {"type": "integer", "minimum": 1}}}}}}}}},
                    "additionalProperties": False}}},
            "additionalProperties": False}}},
    "additionalProperties": False,
    "$defs": {"message": {"type": "object", "required": ["text"], "additionalProperties": False,
                          "properties": {"text": {"type": "string", "minLength": 1}}}}}


def sarif_is_right():
    validator, findings = jsonschema.Draft202012Validator(SARIF), 0
    files = [*sorted((ROOT / "tests/schema/broken").glob("*.yaml")),
             *sorted((ROOT / "tests/golden/rules_lint/data").glob("*.yaml")), ROOT / "config/rules"]
    for path in files:
        _, stdout, _ = warden("rules", "lint", "--sarif", str(path))
        report = json.loads(stdout)
        errors = list(validator.iter_errors(report))
        assert not errors, f"{path}: {errors[0].message} at {list(errors[0].absolute_path)}"
        [sarif_run] = report["runs"]
        rules = [rule["id"] for rule in sarif_run["tool"]["driver"]["rules"]]
        for result in sarif_run["results"]:
            assert rules[result["ruleIndex"]] == result["ruleId"], f"{path}: {result}"
            findings += 1
    assert findings > len(files)
    print(f"     SARIF of {len(files)} files with {findings} findings has the right form")


if __name__ == "__main__":
    WARDEN, ROOT = (pathlib.Path(word).resolve() for word in sys.argv[-2:])
    VALIDATOR = the_file_is_what_is_printed()
    whatever_loads_is_accepted(VALIDATOR)
    what_is_broken_is_refused(VALIDATOR, "--update" in sys.argv)
    what_was_imported_is_right(VALIDATOR)
    sarif_is_right()
