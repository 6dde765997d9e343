"""Bundles from one end to the other: the same bytes each time, signatures that minisign accepts and makes, everything
that was tampered with refused, and on any failure the old rules in place.

usage: bundle_test.py [TEST...]; WARDEN names the program
"""
import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from harness import SLOW, WARDEN, check, run  # noqa: E402

RULES = """ruleset: {{id: org.example.bundle, version: {version}, format: 1}}
lists:
  words: {{kind: words, file: lists/words.txt}}
rules:
- {{id: b.words, when: {{words: words}}, actions: [flag], tests: {{match: ["a {word} here"], no_match: [nothing]}}}}
"""


def warden(*arguments, code=0, keys=()):
    """stdout and stderr of a command that must end with `code`."""
    settings = ["--set", f"rules.trusted_keys=[{', '.join(keys)}]"] if keys else []
    done = subprocess.run([WARDEN, *arguments, *settings], capture_output=True, text=True, timeout=60 * SLOW, check=False,
                          env={"PATH": os.environ["PATH"]})
    check(done.returncode == code, f"{arguments}: exit code {done.returncode}, not {code}: {done.stderr}{done.stdout}")
    return done.stdout + done.stderr


class Team:
    """A folder of rules, keys, and bundles made of them."""

    def __init__(self, folder):
        self.folder = folder
        self.secret, self.public = self.at("team.key"), self.at("team.pub")
        warden("rules", "keygen", "--secret", self.secret, "--public", self.public)
        with open(self.public, encoding="ascii") as file:
            self.key = file.read().splitlines()[1]

    def at(self, name):
        return os.path.join(self.folder, name)

    def rules(self, version="1.0.0", word="spam", name="src"):
        root = self.at(name)
        os.makedirs(os.path.join(root, "lists"), exist_ok=True)
        with open(os.path.join(root, "rules.yaml"), "w", encoding="utf-8") as out:
            out.write(RULES.format(version=version, word=word))
        with open(os.path.join(root, "lists", "words.txt"), "w", encoding="utf-8") as out:
            out.write(word + "\n")
        return root

    def bundle(self, version="1.0.0", word="spam", sign=True):
        path = self.at(f"b-{version}-{word}.tar")
        warden("rules", "build", self.rules(version, word), "-o", path)
        if sign:
            warden("rules", "sign", path, "--secret", self.secret)
        return path

    def serving(self, into):
        """Version and contents of what is installed."""
        with open(os.path.join(into, "org.example.bundle", "manifest.json"), encoding="utf-8") as file:
            version = json.load(file)["version"]
        with open(os.path.join(into, "org.example.bundle", "lists", "words.txt"), encoding="utf-8") as file:
            return version, file.read().strip()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as out:
        out.write(data)


def the_same_files_give_the_same_bytes(test):
    team = Team(test.folder)
    first = read(team.bundle(sign=False))
    again = team.rules(name="elsewhere")
    os.utime(os.path.join(again, "rules.yaml"), (1, 1))
    os.chmod(os.path.join(again, "rules.yaml"), 0o600)
    warden("rules", "build", again, "-o", team.at("again.tar"))
    check(read(team.at("again.tar")) == first, "time, mode or place changed the bytes")
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:  # any tar can read it
        names = archive.getnames()
        manifest = json.load(archive.extractfile("manifest.json"))
        check(names == sorted(names) == ["lists/words.txt", "manifest.json", "rules.yaml"], f"{names}")
        for entry in manifest["files"]:
            content = archive.extractfile(entry["path"]).read()
            check(hashlib.sha256(content).hexdigest() == entry["sha256"] and len(content) == entry["size"], f"{entry}")
    digest = json.loads(subprocess.run([WARDEN, "rules", "list", "--json", again], capture_output=True, check=True).stdout)
    check(manifest["digest"] == digest["digest"] and manifest["version"] == "1.0.0", "the manifest's digest")
    write(os.path.join(again, "rules.yaml"), read(os.path.join(again, "rules.yaml")).replace(b"nothing", b"spam"))
    check("examples fail" in warden("rules", "build", again, code=1), "a failing example is packed")
    os.symlink("/etc/passwd", os.path.join(team.at("src"), "link.txt"))
    check("neither a file nor a folder" in warden("rules", "build", team.at("src"), code=1), "a link is packed")


def minisign_and_we_agree(test):
    if not shutil.which("minisign"):
        check(os.environ.get("CI") != "true", "minisign is missing: scripts/setup --test installs it")
        print("     minisign is not installed", flush=True)
        return
    team = Team(test.folder)
    path = team.bundle()
    subprocess.run(["minisign", "-V", "-q", "-p", team.public, "-m", path], check=True)
    os.rename(path + ".minisig", path + ".ours")
    subprocess.run(["minisign", "-S", "-s", team.secret, "-m", path], check=True, capture_output=True)
    warden("rules", "verify", path, keys=[team.key])
    secret, public = team.at("theirs.key"), team.at("theirs.pub")
    subprocess.run(["minisign", "-G", "-W", "-s", secret, "-p", public], check=True, capture_output=True)
    subprocess.run(["minisign", "-S", "-s", secret, "-m", path], check=True, capture_output=True)
    check("not a trusted one" in warden("rules", "verify", path, code=1, keys=[team.key]), "another's key is accepted")
    warden("rules", "verify", path, "--key", public)
    warden("rules", "sign", path, "--secret", secret)
    subprocess.run(["minisign", "-V", "-q", "-p", public, "-m", path], check=True)
    if not os.environ.get("WARDEN_TEST_LONG"):
        return  # opening an encrypted key takes a gigabyte and many seconds, by design
    encrypted = team.at("encrypted.key")
    made = subprocess.run(["minisign", "-G", "-s", encrypted, "-p", team.at("encrypted.pub")], input="pass\npass\n",
                          text=True, capture_output=True, check=False)
    if made.returncode == 0:
        check("is encrypted" in warden("rules", "sign", path, "--secret", encrypted, code=1), "no password is asked")
        write(team.at("wrong"), b"word\n")
        check("wrong password" in warden("rules", "sign", path, "--secret", encrypted, "--password-file",
                                         team.at("wrong"), code=1), "a wrong password")
        write(team.at("right"), b"pass\n")
        warden("rules", "sign", path, "--secret", encrypted, "--password-file", team.at("right"))
        subprocess.run(["minisign", "-V", "-q", "-p", team.at("encrypted.pub"), "-m", path], check=True)


def retar(data, change):
    """The archive with its files changed, and otherwise in our form."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {name: archive.extractfile(name).read() for name in archive.getnames()}
    change(files)
    return pack(sorted(files.items()))


def pack(entries):
    out = io.BytesIO()
    for name, content in entries:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o644
        out.write(header_of(info) + content + bytes(-len(content) % 512))
    return out.getvalue() + bytes(1024)


def header_of(info):
    """tarfile leaves the device numbers of plain files empty; we write them as zeros."""
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[329:337] = header[337:345] = b"0000000\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def whatever_is_wrong_is_refused(test):
    team, into = Team(test.folder), os.path.join(test.folder, "into")
    good = team.bundle()
    warden("rules", "install", good, "--into", into, keys=[team.key])
    check(team.serving(into) == ("1.0.0", "spam"), "what was installed")
    newer = team.bundle("1.1.0")
    data, signature = read(newer), read(newer + ".minisig")
    bad = team.at("bad.tar")

    def refused(words, contents=data, signed=signature, keys=(team.key,)):
        write(bad, contents)
        if signed is None:
            if os.path.exists(bad + ".minisig"):
                os.remove(bad + ".minisig")
        else:
            write(bad + ".minisig", signed)
        for command in (["verify", bad], ["install", bad, "--into", into], ["install", bad, "--into", into, "--force"]):
            said = warden("rules", *command, code=1, keys=keys)
            check(words in said, f"{command[0]}: '{words}' is not in: {said}")
        check(team.serving(into) == ("1.0.0", "spam"), f"after '{words}' something else serves")

    refused("is not signed", signed=None)
    refused("not that of these bytes", signed=read(good + ".minisig"))
    refused("not that of these bytes", contents=data[:600] + b"x" + data[601:])
    refused("comment of the signature was changed", signed=signature.replace(b"version=1.1.0", b"version=9.1.0"))
    refused("is no signature file", signed=b"untrusted comment: nothing\n")
    refused("is no signature file", signed=signature + b"more\n")

    def unsigned(words, contents):
        refused(words, contents=contents, signed=None, keys=())

    with_list = lambda change: retar(data, change)  # noqa: E731
    unsigned("it was changed", with_list(lambda f: f.update({"lists/words.txt": b"other\n"})))
    unsigned("the archive has 3", with_list(lambda f: f.update({"more.yaml": b""})))
    unsigned("the archive has 1", with_list(lambda f: f.pop("lists/words.txt")))
    unsigned("has no manifest.json", with_list(lambda f: f.pop("manifest.json")))
    unsigned("the manifest is no JSON", with_list(lambda f: f.update({"manifest.json": b"{}{"})))
    manifest = json.loads(dict(entries(data))["manifest.json"])
    doubled = json.dumps(manifest)[:-1] + f', "id": "{manifest["id"]}"}}'
    unsigned("duplicate object key", with_list(lambda f: f.update({"manifest.json": doubled.encode()})))
    twice = sorted(entries(data)) + [("rules.yaml", b"")]
    unsigned("stands twice", pack(twice))
    for name in ("../outside", "/etc/outside", "a/../b", "./a", ".hidden", "a//b", "a/"):
        unsigned("leads elsewhere", pack(sorted(entries(data) + [(name, b"x")])))
    link = tarfile.TarInfo("link")
    link.type, link.linkname, link.mode = tarfile.SYMTYPE, "/etc/passwd", 0o644
    unsigned("not a plain file", header_of(link) + data)
    unsigned("cut short", data[:-512])
    unsigned("no bundle", b"")
    check(not [name for name in os.listdir(os.path.join(into, ".bundles")) if name.startswith(".new")], "left-overs")


def entries(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(name, archive.extractfile(name).read()) for name in archive.getnames()]


def versions_only_rise(test):
    team, into = Team(test.folder), os.path.join(test.folder, "into")
    first, second, pre = team.bundle("1.9.0"), team.bundle("1.10.0", "second"), team.bundle("1.10.0-rc.1", "pre")
    for path in (first, pre, second):
        warden("rules", "install", path, "--into", into, keys=[team.key])
    check("was installed already" in warden("rules", "install", second, "--into", into, keys=[team.key]), "again")
    for older in (first, pre):
        said = warden("rules", "install", older, "--into", into, code=1, keys=[team.key])
        check("--force goes back" in said, f"a downgrade: {said}")
    other = team.bundle("1.10.0", "other")
    said = warden("rules", "install", other, "--into", into, code=1, keys=[team.key])
    check("other contents" in said and team.serving(into) == ("1.10.0", "second"), f"the same version: {said}")
    warden("rules", "install", first, "--into", into, "--force", keys=[team.key])
    check(team.serving(into) == ("1.9.0", "spam"), "--force does not go back")
    os.remove(os.path.join(into, "org.example.bundle", "lists", "words.txt"))
    said = warden("rules", "install", first, "--into", into, code=1, keys=[team.key])
    check("was changed after it was installed" in said, f"changed on disk: {said}")


def only_the_last_versions_stay(test):
    team, into = Team(test.folder), os.path.join(test.folder, "into")

    def kept():
        names = [name for name in os.listdir(os.path.join(into, ".bundles")) if name.startswith("org.example.bundle-")]
        return sorted(int(name.split("-")[1].split(".")[1]) for name in names)

    def install(minor, *more):
        warden("rules", "install", team.bundle(f"1.{minor}.0"), "--into", into, *more, keys=[team.key])

    for minor in range(1, 6):
        install(minor)
    check(kept() == [2, 3, 4, 5], f"3 earlier ones stay: {kept()}")
    install(2, "--force")  # what was in use last counts, not which version is higher
    install(6)
    check(kept() == [2, 4, 5, 6], f"after going back and on again: {kept()}")
    os.makedirs(os.path.join(into, ".bundles", ".new-cut", "lists"))  # an installation that was killed
    other = os.path.join(into, ".bundles", "org.example.bundle-more-1.0.0-0123456789abcdef")
    os.makedirs(other)
    write(os.path.join(other, "manifest.json"), read(os.path.join(into, "org.example.bundle", "manifest.json")).replace(
        b"org.example.bundle", b"org.example.bundle-more"))
    install(7, "--keep", "1")
    names = sorted(os.listdir(os.path.join(into, ".bundles")))
    check([name.split("-")[1] for name in names] == ["1.6.0", "1.7.0", "more"], f"--keep 1 keeps the one before: {names}")
    install(6, "--force", "--keep", "1")
    check(team.serving(into)[0] == "1.6.0" and os.path.isdir(other), "going back after --keep 1")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def pulled_from_anywhere(test):
    team, into = Team(test.folder), os.path.join(test.folder, "into")
    shelf = team.at("shelf")
    os.mkdir(shelf)
    for version in ("1.2.0", "1.10.0"):
        for name in (f"b-{version}-spam.tar", f"b-{version}-spam.tar.minisig"):
            team.bundle(version)
            shutil.copy(team.at(name), shelf)
    unsigned = team.bundle("9.0.0", "evil", sign=False)
    shutil.copy(unsigned, shelf)
    said = warden("rules", "pull", shelf, "--into", into, keys=[team.key])
    check("is left out" in said and team.serving(into)[0] == "1.10.0", f"the newest that is right: {said}")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=team.folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    newer = team.bundle("2.0.0", "newer")
    warden("rules", "pull", f"{base}/{os.path.basename(newer)}", "--into", into, keys=[team.key])
    check(team.serving(into) == ("2.0.0", "newer"), "from a server")
    said = warden("rules", "pull", f"{base}/{os.path.basename(unsigned)}", "--into", into, code=1, keys=[team.key])
    check("is not signed" in said, f"unsigned from a server: {said}")
    warden("rules", "pull", f"{base}/nowhere.tar", "--into", into, code=1, keys=[team.key])
    server.shutdown()
    server.server_close()
    warden("rules", "pull", f"{base}/{os.path.basename(newer)}", "--into", into, code=69, keys=[team.key])
    said = warden("rules", "pull", "http://192.0.2.1/x.tar", "--into", into, code=1, keys=[team.key])
    check("only https" in said, f"plain HTTP: {said}")
    said = warden("rules", "pull", "file:///etc/passwd", "--into", into, code=1, keys=[team.key])
    check("only https" in said, f"file: {said}")
    check(team.serving(into) == ("2.0.0", "newer"), "what was installed does not serve any more")
    warden("rules", "lint", os.path.join(into, "org.example.bundle"))


if __name__ == "__main__":
    sys.exit(run(the_same_files_give_the_same_bytes, minisign_and_we_agree, whatever_is_wrong_is_refused,
                 versions_only_rise, only_the_last_versions_stay, pulled_from_anywhere))
