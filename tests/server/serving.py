"""Starts and ends `accrete serve` for a test."""
import faulthandler
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

from raw_client import RawClient

PROGRAM = os.environ["ACCRETE"]
faulthandler.register(signal.SIGTERM, chain=True)  # where a test hangs that Meson ends


class Server:
    """A served dataset; ready when the constructor returns."""

    def __init__(self, dataset, *options, descriptors=None):
        """`descriptors`: how many it may have (ulimit -n)."""
        self.dataset = dataset
        self.log = tempfile.TemporaryFile()

        def prepare():
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever has started the tests
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.process = subprocess.Popen(
            [PROGRAM, "serve", dataset, "--memory", "64MiB", "--max-message", "4MiB", *options],
            stdout=subprocess.PIPE,
            stderr=self.log,
            preexec_fn=prepare,
        )
        line = self.process.stdout.readline().decode()
        if not line.startswith("accrete: serving "):
            code = self.process.wait()
            raise AssertionError(f"the server has not started, but exited with {code}: {self.logged()}")
        self.endpoints = line.split(" at ", 1)[1].split()

    def tcp(self):
        return next(endpoint for endpoint in self.endpoints if endpoint.startswith("tcp://"))

    def client(self, **options):
        return RawClient(self.endpoints[0], **options)

    def logged(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024

    def end(self, signal_number=signal.SIGTERM):
        """The exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        return self.wait()

    def wait(self):
        """The exit code of a server that was told to end."""
        code = self.process.wait()
        self.process.stdout.close()
        return code


class ServerTest(unittest.TestCase):
    options = ["--bind", "tcp://127.0.0.1:*"]

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="accrete-server-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.data = os.path.join(self.dir, "data")
        self.run_program("create", self.data)

    def run_program(self, *args, code=0, stdin=b""):
        """Its standard output, or what it says when it fails as expected."""
        done = subprocess.run([PROGRAM, *args], input=stdin, capture_output=True, check=False)
        self.assertEqual(done.returncode, code, (args, done.stderr.decode(errors="replace")))
        return done.stdout if code == 0 else done.stderr.decode()

    def serve(self, *options, **limits):
        server = Server(self.data, *(options or self.options), **limits)
        self.addCleanup(server.log.close)
        self.addCleanup(server.end, signal.SIGKILL)
        return server

    def check_well(self, server):
        """A client that does nothing wrong is served, and the server then ends as it should."""
        with server.client() as client:
            client.append([(b"good", b"a"), (b"good", b"b")])
            client.wait_for_ack()
            self.assertTrue(client.get(b"good")[0].endswith(b"ab"))
        self.assertEqual(server.end(), 0, server.logged())
