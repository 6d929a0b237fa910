"""What the tests of the program share: they run it and look at what it prints."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["ACCRETE"]


class CliTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="accrete-cli-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.data = self.path("data")

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def run_program(self, *args, stdin=b"", **more):
        return subprocess.run([PROGRAM, *args], input=stdin, capture_output=True, check=False, **more)

    def ok(self, *args, stdin=b""):
        """Runs what must succeed; its standard output."""
        done = self.run_program(*args, stdin=stdin)
        self.assertEqual(done.returncode, 0, (args, done.stderr.decode(errors="replace")))
        return done.stdout

    def fails(self, code, *args, stdin=b"", **more):
        """Runs what must fail so; the message, which must be lines of "accrete: …"."""
        done = self.run_program(*args, stdin=stdin, **more)
        message = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, code, (args, message))
        for line in message.splitlines():
            self.assertTrue(line.startswith("accrete: "), message)
        self.assertTrue(message, args)
        return message

    def create(self):
        self.ok("create", self.data)
        return self.data

    def values(self, dataset=None):
        """All keys and values, read through `cat`."""
        lines = self.ok("cat", dataset or self.data).split(b"\n")
        self.assertEqual(lines.pop(), b"")
        pairs = [line.split(b"|", 1) for line in lines]
        return {unescape(key): unescape(value) for key, value in pairs}


def unescape(text):
    return re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), text)
