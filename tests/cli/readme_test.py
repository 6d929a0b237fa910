"""The example of README.md prints what it says."""
import os
import pathlib
import re
import subprocess
import unittest

from accrete_cli import PROGRAM, CliTest

ROOT = pathlib.Path(__file__).parents[2]


class Readme(CliTest):
    def test_the_example_of_the_command_line(self):
        block = re.search(r"```console\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
        os.symlink(ROOT / "examples", self.path("examples"))
        path = f"{os.path.dirname(os.path.abspath(PROGRAM))}:{os.environ['PATH']}"
        steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
        self.assertGreater(len(steps), 2)
        for command, wanted in steps:
            done = subprocess.run(["bash", "-c", command], cwd=self.dir, env={**os.environ, "PATH": path}, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)
            time = re.compile(r"in \S+ s, \S+ .B/s")
            self.assertEqual(time.sub("in time", done.stdout), time.sub("in time", wanted))


if __name__ == "__main__":
    unittest.main()
