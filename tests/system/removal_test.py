"""Files and directories that cannot be removed: attributes, mount points, no inodes left."""
import contextlib
import os
import shutil
import subprocess

from machine import MachineTest, main


class RemovalTest(MachineTest):
    @contextlib.contextmanager
    def attribute(self, letter, path):
        if not shutil.which("chattr"):
            self.skipTest("no chattr")
        if subprocess.run(["chattr", "+" + letter, path], capture_output=True, check=False).returncode != 0:
            self.skipTest("no attributes here")
        try:
            yield
        finally:
            subprocess.run(["chattr", "-" + letter, path], check=True)

    def dataset(self, path):
        self.run_program("create", path)
        for key in ("p", "q"):
            self.run_program("put", path, key, "1")
        return path

    def check_whole(self, dataset):
        self.assertEqual(self.run_program("get", dataset, "p", "q"), b"11")
        self.run_program("verify", dataset)

    def test_nothing_is_begun_that_an_immutable_file_would_stop(self):
        dataset = self.dataset(self.path("dataset"))
        for letter in ("i", "a"):
            for path in (dataset, os.path.join(dataset, "p"), os.path.join(dataset, ".control")):
                with self.subTest(letter=letter, path=path), self.attribute(letter, path):
                    if not path.endswith(".control"):
                        self.run_program("drop", dataset, code=4)
                        self.run_program("rm", dataset, "p", code=4)
                    self.run_program("destroy", dataset, code=4)
                self.check_whole(dataset)

    def test_nothing_is_appended_that_could_not_be_taken_back(self):
        dataset = self.dataset(self.path("dataset"))
        with self.attribute("a", os.path.join(dataset, "p")):
            self.assertIn("append-only", self.run_program("put", dataset, "p", "2", code=4))
        self.check_whole(dataset)

    def test_a_dataset_that_is_a_mount_point_is_not_destroyed_in_part(self):
        mounted = self.path("mounted")
        self.dataset(mounted)
        self.mount("--bind", mounted, mounted)
        self.assertIn("Nothing was removed", self.run_program("destroy", mounted, code=4))
        self.check_whole(mounted)
        self.run_program("drop", mounted)

    def test_a_key_for_which_there_are_no_inodes_left_leaves_no_directories_behind(self):
        disk = self.tmpfs("disk", "size=64m", "nr_inodes=64")
        dataset = self.dataset(os.path.join(disk, "dataset"))
        filler = os.path.join(disk, "filler")
        os.mkdir(filler)
        made = 0
        with contextlib.suppress(OSError):
            for made in range(64):
                with open(os.path.join(filler, str(made)), "xb"):
                    pass
        for i in range(3):
            os.remove(os.path.join(filler, str(i)))
        self.run_program("put", dataset, "k" * 1000, "1", code=4)
        self.check_whole(dataset)
        self.run_program("rm", dataset, "p")
        self.run_program("drop", dataset)

    def test_a_full_disk_can_be_emptied(self):
        disk = self.tmpfs("disk", "size=4m")
        dataset = self.dataset(os.path.join(disk, "dataset"))
        self.run_program("put", dataset, "synced", "1", "--sync")
        with contextlib.suppress(OSError), open(os.path.join(disk, "filler"), "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(65536))
        self.run_program("put", dataset, "p", stdin=bytes(1 << 20), code=4)
        self.run_program("rm", dataset, "p")
        self.run_program("drop", dataset)
        self.run_program("verify", dataset)


if __name__ == "__main__":
    main()
