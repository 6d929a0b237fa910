"""Datasets on file systems whose locks do not reach everybody, or that take upper for lower case."""
import os
import shutil
import signal
import subprocess
import unittest

from machine import MachineTest, main

TRUST = {**os.environ, "ACCRETE_TRUST_LOCKS": "fuse"}


class ViewTest(MachineTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("bindfs") or not os.path.exists("/dev/fuse"):
            self.skipTest("there is no bindfs")
        os.mkdir(self.path("real"))
        os.mkdir(self.path("view"))
        done = subprocess.run(["bindfs", self.path("real"), self.path("view")], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"bindfs: {done.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.path("view")], check=False)

    def test_a_view_of_a_dataset_is_refused_by_the_name_of_its_file_system(self):
        self.run_program("create", self.path("real/d"))
        self.run_program("put", self.path("real/d"), "x", "old")
        for command in (["get", "x"], ["put", "x", "new"], ["keys"], ["verify"], ["verify", "--repair"], ["serve"], ["destroy"]):
            said = self.run_program(command[0], self.path("view/d"), *command[1:], code=4)
            self.assertIn("ACCRETE_TRUST_LOCKS=fuse", said)
        self.run_program("create", self.path("view/other"), code=4)
        self.assertEqual(os.listdir(self.path("real")), ["d"])
        self.assertEqual(self.run_program("get", self.path("real/d"), "x"), b"old")

    def test_a_view_that_is_trusted_replays_no_living_servers_journal(self):
        self.run_program("create", self.path("real/d"))
        with self.served(self.path("real/d")) as server:
            rows = b"".join(b"k|%d\n" % i for i in range(3000))
            self.run_program("load", self.path("real/d"), "--pairs", "|", "-", stdin=rows)
            for command in (["get", "k"], ["put", "k", "new"], ["verify"], ["verify", "--repair"]):
                said = self.run_program(command[0], self.path("view/d"), *command[1:], code=3, env=TRUST)
                self.assertIn(f"process {server.pid}", said)
            server.send_signal(signal.SIGKILL)
            server.wait()
        expected = b"".join(b"%d" % i for i in range(3000))
        self.assertEqual(self.run_program("get", self.path("view/d"), "k", env=TRUST), expected)
        self.assertEqual(self.run_program("get", self.path("real/d"), "k"), expected)

    def test_nothing_is_left_behind_where_files_that_are_open_cannot_be_removed(self):
        for name in ("one", "two"):
            self.run_program("create", self.path("view", name), env=TRUST)
        self.run_program("put", self.path("view/one"), "x", "y", env=TRUST)
        self.run_program("create", self.path("view/two"), code=4, env=TRUST)
        self.run_program("destroy", self.path("view/one"), env=TRUST)
        self.run_program("destroy", self.path("view/two"), env=TRUST)
        self.assertEqual(os.listdir(self.path("real")), [])


class CaseTest(MachineTest):
    def check_folding(self, make, *, folder="."):
        self.tmpfs("disks", "size=80m")
        with open(self.path("disks/image"), "wb") as image:
            image.truncate(64 << 20)
        disk = os.path.join(self.disk(self.path("disks/image"), "folding", make), folder)
        if folder != ".":
            os.mkdir(disk)
            if subprocess.run(["chattr", "+F", disk], check=False).returncode != 0:
                self.skipTest("this kernel folds no case")
        self.check_refusal(disk)

    def check_refusal(self, disk):
        said = self.run_program("create", os.path.join(disk, "d"), code=4, env=TRUST)
        self.assertIn("upper from lower case", said)
        self.assertEqual(os.listdir(disk), [])
        self.run_program("create", self.path("d"))
        self.run_program("put", self.path("d"), "new", "x")
        copy = os.path.join(disk, "copy")
        shutil.copytree(self.path("d"), copy)
        for command in (["put", "NEW", "y"], ["get", "NEW"], ["verify"], ["serve"], ["load", "--pairs", "|", "-"]):
            said = self.run_program(command[0], copy, *command[1:], code=4, env=TRUST)
            self.assertIn("upper from lower case", said)
        self.run_program("destroy", copy, env=TRUST)
        self.assertEqual(os.listdir(disk), [])

    def test_a_dataset_in_a_folding_directory_of_ext4_is_refused(self):
        self.check_folding(["mkfs.ext4", "-q", "-O", "casefold"], folder="folding")

    def test_a_dataset_on_vfat_is_refused(self):
        self.check_folding(["mkfs.vfat"])

    def test_a_dataset_on_exfat_is_refused(self):
        self.check_folding(["mkfs.exfat"])

    def test_a_dataset_on_exfat_through_fuse_is_refused_and_leaves_nothing_behind(self):
        if not shutil.which("mkfs.exfat") or not shutil.which("mount.exfat-fuse") or not os.path.exists("/dev/fuse"):
            self.skipTest("there is no exfat-fuse")
        image, disk = self.path("image"), self.path("folding")
        with open(image, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mkfs.exfat", image], check=True, stdout=subprocess.DEVNULL)
        os.mkdir(disk)
        loop = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, check=False)
        if loop.returncode != 0:
            self.skipTest(f"losetup: {loop.stderr.decode().strip()}")
        device = loop.stdout.decode().strip()
        self.addCleanup(subprocess.run, ["losetup", "--detach", device], check=False)
        done = subprocess.run(["mount.exfat-fuse", device, disk], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"mount.exfat-fuse: {done.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        self.check_refusal(disk)


if __name__ == "__main__":
    main()
