"""A server is killed where the boot id is another one, or none: what it had acknowledged is there, once."""
import shutil
import subprocess
import unittest
import uuid

import machine

BOOT_ID = "/proc/sys/kernel/random/boot_id"
APPENDS = 1000


class BootIdTest(machine.MachineTest):
    def tearDown(self):
        subprocess.run(["umount", "-q", BOOT_ID], check=False)

    def say_boot_id(self, text):
        """As a container may see it."""
        with open(self.path("boot_id"), "w", encoding="ascii") as file:
            file.write(text)
        done = subprocess.run(["mount", "--bind", self.path("boot_id"), BOOT_ID], capture_output=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"mount --bind: {done.stderr.decode().strip()}")

    def unsay_boot_id(self):
        subprocess.run(["umount", BOOT_ID], check=True)

    def kill_server_with_appends(self):
        dataset = self.path("dataset")
        self.run_program("create", dataset)
        rows = b"".join(b"key|%d;\n" % i for i in range(APPENDS))
        with self.served(dataset) as server:
            self.run_program("load", dataset, "-", "--pairs", "|", stdin=rows)
            server.kill()
            server.wait()
        return dataset

    def check_all_there_once(self, dataset):
        self.assertEqual(self.run_program("get", dataset, "key"), b"".join(b"%d;" % i for i in range(APPENDS)))
        self.run_program("verify", dataset)

    def test_killed_in_a_container_and_opened_outside(self):
        for text in (str(uuid.uuid4()), "", "no id", "00000000-0000-0000-0000-000000000000"):
            with self.subTest(text=text):
                self.say_boot_id(text + "\n")
                dataset = self.kill_server_with_appends()
                self.unsay_boot_id()
                self.check_all_there_once(dataset)
                shutil.rmtree(dataset)

    def test_opened_in_a_container_that_has_another_id(self):
        dataset = self.kill_server_with_appends()
        self.say_boot_id(str(uuid.uuid4()) + "\n")
        self.check_all_there_once(dataset)

    def test_copied_to_a_machine_with_another_id(self):
        dataset = self.kill_server_with_appends()
        shutil.copytree(dataset, self.path("copy"), ignore=shutil.ignore_patterns(".socket", ".server"))
        self.say_boot_id(str(uuid.uuid4()) + "\n")
        said = subprocess.run([machine.PROGRAM, "verify", self.path("copy")], capture_output=True, check=False).stdout
        self.assertIn(b"hands them down", said)
        self.check_all_there_once(self.path("copy"))


if __name__ == "__main__":
    machine.main()
