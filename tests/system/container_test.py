"""A server that is the first process of a container, seen from the host, where it has another number."""
import contextlib
import glob
import os
import shutil
import signal
import subprocess
import unittest

import machine

CONTAINER = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]


class ContainerTest(machine.MachineTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("unshare") or subprocess.run([*CONTAINER, "true"], check=False).returncode != 0:
            self.skipTest("no process namespace")
        self.dataset = self.path("dataset")
        self.run_program("create", self.dataset)

    def serve(self):
        server = subprocess.Popen([*CONTAINER, machine.PROGRAM, "serve", self.dataset], stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertIn(b"serving", server.stdout.readline())
        return server

    def test_its_server_is_stopped_from_the_host(self):
        server = self.serve()
        self.run_program("put", self.dataset, "x", "y")
        self.run_program("stop", self.dataset)
        self.assertEqual(server.wait(), 0)
        self.assertFalse(os.path.exists(os.path.join(self.dataset, ".server")))
        self.assertEqual(self.run_program("get", self.dataset, "x"), b"y")

    def test_a_server_is_stopped_from_another_time_namespace(self):
        elsewhere = ["unshare", "--time", "--boottime", "1000000", "--fork"]
        if subprocess.run([*elsewhere, "true"], check=False).returncode != 0:
            self.skipTest("no time namespace")
        with self.served(self.dataset) as server:
            self.run_program("put", self.dataset, "x", "y")
            subprocess.run([*elsewhere, machine.PROGRAM, "stop", self.dataset], check=True)
            self.assertEqual(server.wait(), 0)
        self.assertEqual(self.run_program("get", self.dataset, "x"), b"y")

    def test_a_signal_to_one_that_waits_for_the_lock_is_not_lost(self):
        self.run_program("put", self.dataset, "x", "y")
        lock = os.path.join(self.dataset, ".lock")
        with machine.locked(lock):
            server = subprocess.Popen([*CONTAINER, machine.PROGRAM, "serve", self.dataset], stdout=subprocess.DEVNULL)
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)
            while (number := self.child_with_open_file(server.pid, lock)) is None:
                self.assertIsNone(server.poll())
            os.kill(number, signal.SIGTERM)
        self.assertEqual(server.wait(), 0)

    def child_with_open_file(self, parent, path):
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as children:
            for number in map(int, children.read().split()):
                for descriptor in glob.glob(f"/proc/{number}/fd/*"):
                    with contextlib.suppress(FileNotFoundError):
                        # By name it differs where the container's root is another one than ours.
                        if os.path.samefile(descriptor, path):
                            return number
        return None


if __name__ == "__main__":
    machine.main()
