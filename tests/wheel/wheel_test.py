#!/usr/bin/python3
"""wheel_test.py WHEEL: installs a wheel of accrete into an empty environment, sees that it needs nothing of the system
but glibc and libstdc++, and uses it: the package, and the program in it. Needs no package but Python's own venv.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
import venv
from pathlib import Path

OF_THE_SYSTEM = re.compile(r"(linux-vdso|lib(c|gcc_s|m|pthread|resolv|rt|dl|stdc\+\+))\.so\.\d+")


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


class WheelTest(unittest.TestCase):
    wheel = Path()

    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.root.cleanup)
        environment = Path(cls.root.name, "environment")
        venv.create(environment, with_pip=True)
        cls.python, cls.program = environment / "bin" / "python", environment / "bin" / "accrete"
        run(cls.python, "-m", "pip", "install", "--quiet", "--no-index", cls.wheel)
        cls.dataset = Path(cls.root.name, "dataset")
        # Neither another accrete nor a tool is to be found.
        cls.bare = {"cwd": cls.root.name, "env": {"PATH": "/nowhere"}}

    def in_python(self, script):
        return run(self.python, "-c", script, self.dataset, **self.bare)

    def test_its_name_says_which_version_python_and_glibc(self):
        version = self.in_python("import accrete; print(accrete.__version__)").strip()
        python = f"cp{sys.version_info.major}{sys.version_info.minor}"
        glibc = os.confstr("CS_GNU_LIBC_VERSION").removeprefix("glibc ").replace(".", "_")
        tag = f"{python}-{python}-manylinux_{glibc}_{os.uname().machine}"
        self.assertEqual(self.wheel.name, f"accrete-{version}-{tag}.whl")

    def test_it_loads_what_it_carries_and_the_systems_own(self):
        [packages] = self.python.parent.parent.glob("lib/python*/site-packages")
        binaries = [path for path in packages.glob("accrete*/**/*")
                    if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
        self.assertGreater(len([path for path in binaries if "zmq" in path.name]), 0)
        for path in binaries:
            for line in run("ldd", path).splitlines():
                name, arrow, place = line.strip().partition(" => ")
                if arrow and not OF_THE_SYSTEM.fullmatch(name):
                    self.assertIn("/accrete.libs/", place, f"{path} loads {line}")

    def test_the_package_works(self):
        self.assertEqual(self.in_python(
            "import accrete, sys\n"
            "accrete.create(sys.argv[1])\n"
            "accrete.put(sys.argv[1], {'x': b'Hello ', 'y': b'1'})\n"
            "accrete.put(sys.argv[1], {'x': b'world!'})\n"
            "print(accrete.get(sys.argv[1], ['y', 'x']))\n"
            "accrete.destroy(sys.argv[1])\n"), "[b'1', b'Hello world!']\n")

    def test_it_has_every_codec(self):
        names = self.in_python("import accrete; print(*sorted(accrete.codec_names()))").split()
        self.assertEqual(names, ["blosc", "bz2", "lz4", "snappy", "stored", "zlib", "zstd"])

    def test_the_program_works_by_its_name_and_by_the_packages(self):
        for command in ([self.program], [self.python, "-m", "accrete"]):
            run(*command, "create", self.dataset, **self.bare)
            run(*command, "put", self.dataset, "key", "value", **self.bare)
            self.assertEqual(run(*command, "get", self.dataset, "key", **self.bare), "value")
            run(*command, "destroy", self.dataset, **self.bare)

    def test_a_server_is_the_one_in_it(self):
        self.assertEqual(self.in_python(
            "import accrete, sys\n"
            "accrete.create(sys.argv[1])\n"
            "with accrete.Server(sys.argv[1]), accrete.open(sys.argv[1]) as store:\n"
            "    store.append('key', b'value')\n"
            "print(accrete.get(sys.argv[1], ['key']))\n"
            "accrete.destroy(sys.argv[1])\n"), "[b'value']\n")


if __name__ == "__main__":
    WheelTest.wheel = Path(sys.argv.pop()).resolve()
    unittest.main()
