"""A disk that cannot take what is written back: a sync that failed stays failed until a repair, for every process."""
import os
import subprocess

from machine import MachineTest, main

MIB = 1 << 20
VALUES = 30


class FailedSyncTest(MachineTest):
    def test_no_sync_counts_after_one_that_failed_until_a_repair_has_written_everything_again(self):
        memory = self.tmpfs("memory", "size=24m")
        image = os.path.join(memory, "image")
        with open(image, "wb") as file:
            file.truncate(64 * MIB)
        # Without a journal of its own, which would make the file system read-only at once.
        disk = self.disk(image, "disk", ["mkfs.ext4", "-q", "-O", "^has_journal"])
        dataset = os.path.join(disk, "dataset")
        self.run_program("create", dataset)
        values = {f"key{i}": os.urandom(MIB) for i in range(VALUES)}
        for key, value in values.items():  # into the page cache
            self.run_program("put", dataset, key, stdin=value)
        synced_put = ["put", dataset, "key0", "more", "--sync"]
        self.run_program(*synced_put, code=4)
        self.mount("-o", "remount,size=256m", "tmpfs", memory)
        for _ in range(2):  # the kernel has told of it once
            self.assertIn("accrete verify --repair", self.run_program(*synced_put, code=4))
        self.run_program("put", dataset, "key1", "more")
        self.run_program("verify", dataset, code=4)
        self.run_program("verify", dataset, "--repair")
        self.run_program(*synced_put)
        subprocess.run(["umount", disk], check=True)
        self.mount("-o", "loop", image, disk)
        values["key0"] += b"more"
        values["key1"] += b"more"
        for key, value in values.items():
            self.assertEqual(self.run_program("get", dataset, key), value, key)
        self.run_program("verify", dataset)


if __name__ == "__main__":
    main()
