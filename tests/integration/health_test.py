"""`warden health` against the sandbox, against servers that misbehave, and against nobody. Standard library only.

usage: health_test.py PATH_OF_WARDEN
"""
import socket
import subprocess
import sys
import threading
import unittest

WARDEN = None


def health(*arguments):
    run = subprocess.run([WARDEN, "health", *arguments], capture_output=True, text=True, timeout=60, check=False)
    return run.returncode, run.stdout, run.stderr


class Server:
    """Gives every connection one answer and closes it; None: never answers."""

    def __init__(self, answer):
        self.answer = answer
        self.request = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = str(self.listener.getsockname()[1])
        self.connections = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            self.request = connection.recv(4096)
            if self.answer is not None:
                connection.sendall(self.answer)
                connection.close()

    def stop(self):
        self.listener.close()


class Health(unittest.TestCase):
    def serve(self, answer):
        server = Server(answer)
        self.addCleanup(server.stop)
        return server

    def test_status_decides(self):
        server = self.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfine\n")
        self.assertEqual(health("--port", server.port), (0, "", ""))
        self.assertTrue(server.request.startswith(b"GET /livez HTTP/1.0\r\n"))
        self.assertEqual(health("--port", server.port, "--path", "/readyz?x=1", "--print"), (0, "fine\n", ""))
        self.assertTrue(server.request.startswith(b"GET /readyz?x=1 HTTP/1.0\r\n"))
        for answer in (b"HTTP/1.1 503 no\r\n\r\n", b"HTTP/1.1 204 none\r\n\r\n", b"SSH-2.0-hello\r\n", b""):
            code, _, words = health("--port", self.serve(answer).port)
            self.assertEqual(code, 1, (answer, words))

    def test_the_configuration_says_where(self):
        server = self.serve(b"HTTP/1.1 200 OK\r\n\r\n")
        for address in ("127.0.0.1", "0.0.0.0"):
            self.assertEqual(health("--set", f"http.port={server.port}", "--set", f"http.address={address}")[0], 0)
        self.assertEqual(health("--set", "http.port=-1")[0], 78)
        self.assertEqual(health("--set", "http.prot=1")[0], 78)

    def test_nobody_and_silence(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            free = str(probe.getsockname()[1])
        code, _, words = health("--port", free)
        self.assertEqual(code, 69)
        self.assertIn("Connection refused", words)
        code, _, words = health("--port", self.serve(None).port, "--timeout-ms", "200")
        self.assertEqual(code, 69)
        self.assertIn("timed out", words)

    def test_endless_answer_ends(self):
        server = self.serve(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (4 << 20))
        self.assertEqual(health("--port", server.port)[0], 0)

    def test_usage(self):
        for arguments in (["--port", "0"], ["--port", "x"], ["--path", "livez"], ["--path", "/a b"], ["--nothing"]):
            self.assertEqual(health(*arguments)[0], 2, arguments)

    def test_sandbox_answers(self):
        sandbox = subprocess.Popen([WARDEN, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True)
        port = sandbox.stdout.readline().rsplit(":", 1)[1].strip()
        self.assertEqual(health("--port", port, "--path", "/__sandbox/health", "--print"), (0, '{"status":"ok"}\n', ""))
        sandbox.terminate()
        self.assertEqual(sandbox.wait(20), 0)
        sandbox.stdout.close()


if __name__ == "__main__":
    WARDEN = sys.argv.pop(1)
    unittest.main()
