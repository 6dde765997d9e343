"""A Redis server for tests of whole processes: on a free port of this machine, in a folder of its own, every answer on its
disk before it is given. Standard library only."""
import os
import shutil
import signal
import socket
import subprocess
import time

SLOW = float(os.environ.get("WARDEN_TEST_SLOWNESS", "1"))


def why_not():
    """None where there is one, else why a test is skipped."""
    return None if shutil.which("redis-server") else "no redis-server (scripts/setup --test installs it)"


class RedisServer:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "redis")
        os.makedirs(self.folder, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.child = None
        self.start()

    def start(self):
        self.child = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--logfile", os.path.join(self.folder, "log")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30 * SLOW
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(64).startswith(b"+PONG"):
                        return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError("redis-server does not come up; its log is in " + self.folder)
            time.sleep(0.05)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def hang(self, hang=True):
        self.child.send_signal(signal.SIGSTOP if hang else signal.SIGCONT)

    def options(self):
        return {"state.store": "redis", "state.addresses": f"[{self.address}]", "state.timeout": "1s"}

    def end(self):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.kill()
