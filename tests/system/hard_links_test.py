"""Copies and deduplication by hard links, as backup tools make them."""
import filecmp
import os
import shutil
import subprocess
import uuid

from machine import MachineTest, main


class HardLinksTest(MachineTest):
    def dataset(self, **values):
        path = self.path("dataset")
        self.run_program("create", path)
        for key, value in values.items():
            self.run_program("put", path, key, value)
        return path

    def test_a_snapshot_by_cp_al_stays_as_it_was_and_can_be_destroyed_or_used(self):
        dataset = self.dataset(a="1")
        copies = [self.path("first"), self.path("second")]
        with self.served(dataset):
            self.run_program("put", dataset, "a", "2")
            self.run_program("stop", dataset)
        for copy in copies:
            subprocess.run(["cp", "-al", dataset, copy], check=True)
        with self.served(dataset):
            self.assertIn("hard links", self.run_program("get", copies[0], "a", code=4))
            self.assertIn("hard links", self.run_program("put", copies[0], "a", "x", code=4))
            self.run_program("put", dataset, "a", "3")
            self.run_program("destroy", copies[0])
            self.assertFalse(os.path.exists(copies[0]))
            self.assertEqual(self.run_program("get", dataset, "a"), b"123")
            self.run_program("stop", dataset)
        self.run_program("verify", copies[1], "--repair")
        self.run_program("put", copies[1], "a", "x")
        self.assertEqual(self.run_program("get", copies[1], "a"), b"12x")
        self.assertEqual(self.run_program("get", dataset, "a"), b"123")
        self.run_program("verify", dataset)
        self.run_program("verify", copies[1])

    def test_the_server_of_the_original_is_neither_stopped_nor_waited_for(self):
        dataset, copy = self.dataset(a="1"), self.path("copy")
        with self.served(dataset) as server:
            subprocess.run(["cp", "-al", dataset, copy], check=True)
            self.assertIn("hard links", self.run_program("stop", copy, code=4))
            self.assertIn("hard links", self.run_program("serve", copy, code=4))
            self.run_program("put", dataset, "a", "2")
            self.run_program("stop", dataset)
            self.assertEqual(server.wait(), 0)
        self.assertIn("hard links", self.run_program("stop", copy, code=4))
        self.run_program("verify", copy, "--repair")
        self.run_program("stop", copy, code=1)

    def test_what_the_original_has_synced_since_is_not_the_copys(self):
        dataset = self.path("dataset")
        self.run_program("create", dataset)
        self.run_program("put", dataset, "k", "a", "--sync")
        subprocess.run(["cp", "-al", dataset, self.path("copy")], check=True)
        self.run_program("put", dataset, "k", "b", "--sync")
        # As after a reboot, when journals are replayed.
        with open(self.path("boot_id"), "w", encoding="ascii") as file:
            file.write(str(uuid.uuid4()))
        self.mount("--bind", self.path("boot_id"), "/proc/sys/kernel/random/boot_id")
        self.run_program("verify", self.path("copy"), "--repair")
        self.assertEqual(self.run_program("get", self.path("copy"), "k"), b"a")
        self.assertEqual(self.run_program("get", dataset, "k"), b"ab")

    def test_a_copy_without_its_marker_is_not_adopted_with_the_files_of_the_original(self):
        dataset = self.dataset(k="abc")
        with self.served(dataset) as server:
            self.run_program("put", dataset, "k", "def")
            server.kill()
            server.wait()
        subprocess.run(["cp", "-al", dataset, self.path("copy")], check=True)
        os.remove(self.path("copy", ".accrete"))
        self.assertIn("more than one name", self.run_program("create", "--adopt", self.path("copy"), code=2))
        shutil.rmtree(self.path("copy"))
        self.assertEqual(self.run_program("get", dataset, "k"), b"abcdef")

    def test_equal_values_that_hardlink_has_made_one_file_do_not_mix(self):
        if not shutil.which("hardlink"):
            self.skipTest("there is no hardlink")
        dataset = self.dataset(a="same", b="same", c="same")
        subprocess.run(["hardlink", dataset], check=True, stdout=subprocess.DEVNULL)
        if os.stat(os.path.join(dataset, "a")).st_nlink == 1:
            self.skipTest("hardlink has linked nothing")
        self.run_program("put", dataset, "b", "more")
        self.assertEqual(self.run_program("get", dataset, "a", "b", "c"), b"samesamemoresame")
        self.assertTrue(filecmp.cmp(os.path.join(dataset, "a"), os.path.join(dataset, "c"), shallow=False))
        self.run_program("verify", dataset)


if __name__ == "__main__":
    main()
