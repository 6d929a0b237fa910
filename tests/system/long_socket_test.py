"""A dataset whose path is too long for a socket, served as the systemd unit has it: all but the dataset and a runtime
directory may only be read."""
import os
import subprocess
import tempfile

from machine import MachineTest, main


class LongSocket(MachineTest):
    def remount(self, place, mode):
        subprocess.run(["mount", "-o", f"remount,bind,{mode}", place], check=True)
        if mode == "ro":
            self.addCleanup(self.remount, place, "rw")

    def test_the_settings_of_the_unit_serve_it(self):
        parent = self.path("d" * 100)
        data = os.path.join(parent, "data")
        os.makedirs(parent)
        self.run_program("create", data)
        runtime = self.tmpfs("run")
        for kept in (data, runtime):
            self.mount("--bind", kept, kept)
        for place in ("/", "/tmp"):
            if os.path.ismount(place):
                self.remount(place, "ro")
        with self.assertRaises(OSError):
            tempfile.mkdtemp(dir="/tmp")
        environment = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
        with self.served(data, env=environment | {"RUNTIME_DIRECTORY": runtime}) as server:
            self.run_program("put", data, "k", "v")
            self.assertEqual(self.run_program("get", data, "k"), b"v")
            self.assertEqual(len(os.listdir(runtime)), 1)
            server.terminate()
            self.assertEqual(server.wait(), 0)
        self.assertEqual(os.listdir(runtime), [])


if __name__ == "__main__":
    main()
