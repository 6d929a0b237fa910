"""The layering check finds each kind of violation when one is planted, and nothing in a tree without any."""

import tempfile
import unittest
from pathlib import Path

from check_layering import Check

ROWS = {
    "lib/pch": [],
    "lib/base": [],
    "lib/os": ["lib/base"],
    "lib/store": ["lib/base", "lib/os"],
    "lib/dataset": ["lib/base", "lib/os"],
    "lib/layout/files": ["lib/base", "lib/os", "lib/dataset"],
    "lib/layer/buffered": ["lib/base", "lib/os", "lib/dataset", "lib/store"],
    "lib/layer/compressed": ["lib/base", "lib/store"],
    "lib/net": ["lib/base", "lib/os"],
    "lib/api": ["lib/base", "lib/layout/files"],
    "cli": ["lib/base", "lib/os", "lib/store"],
    "examples": [],
    "bench": ["lib/net"],
    "tests": ["lib/base", "lib/os"],
}

CLEAN = {
    "lib/include/accrete/accrete.hpp": "#include <accrete/error.hpp>\n#include <string>\n",
    "lib/include/accrete/error.hpp": "#include <stdexcept>\n",
    "lib/base/bytes.hpp": "#include <cstddef>\n",
    "lib/base/hash.cpp": '#include "base/bytes.hpp"\n#include <xxhash.h>\n',
    "lib/base/meson.build": "dependency('libxxhash')\n",
    "lib/os/env.hpp": "#include <memory>\n",
    "lib/os/posix_env.cpp": '#include <fcntl.h>\n#include <sys/stat.h>\n#include <boost/interprocess/sync/file_lock.hpp>\n',
    "lib/os/meson.build": "dependency('boost')\n",
    "lib/store/files.cpp": '#include <accrete/accrete.hpp>\n#include "os/env.hpp"\n#include "base/bytes.hpp"\n',
    "cli/main.cpp": '#include <CLI/CLI.hpp>\n#include "options.hpp"\n#include "store/files.hpp"\n',
    "cli/options.hpp": "#include <vector>\n",
    "lib/store/files.hpp": "#pragma once\n",
    "tests/support/model.hpp": "#include <map>\n",
    "tests/kill/kill_test.cpp": '#include "support/model.hpp"\n#include <doctest/doctest.h>\n#include <csignal>\n#include <sys/wait.h>\n',
    "tests/fuzz/names.cpp": '#include "base/bytes.hpp"\n#include <fcntl.h>\n',
    "bench/puts.cpp": "#include <unistd.h>\n",
    "examples/hello.cpp": "#include <accrete/accrete.hpp>\n#include <iostream>\n",
}


def problems_with(planted):
    """What the check says of the clean tree with the files of `planted` in it."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**CLEAN, **planted}.items():
            file = Path(root) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return Check(root, ROWS).run()


class LayeringTest(unittest.TestCase):
    def assert_one(self, planted, *words):
        problems = problems_with(planted)
        self.assertEqual(len(problems), 1, problems)
        for word in words:
            self.assertIn(word, problems[0])

    def test_a_clean_tree_passes(self):
        self.assertEqual(problems_with({}), [])

    def test_an_include_of_a_folder_that_is_not_declared_is_found(self):
        self.assert_one({"lib/base/a.hpp": '#include "os/env.hpp"\n'}, "lib/base/a.hpp:1", "lib/os", "does not declare")
        self.assert_one({"lib/os/a.cpp": '\n#include "store/files.hpp"\n'}, "lib/os/a.cpp:2", "lib/store")
        self.assert_one({"lib/store/a.cpp": '#include "../../cli/options.hpp"\n'}, "does not declare", "cli")
        self.assert_one({"cli/a.cpp": '#include "tests/a.hpp"\n', "tests/a.hpp": ""}, "does not declare", "tests")
        self.assert_one({"lib/dataset/a.cpp": '#include "store/files.hpp"\n'}, "does not declare", "lib/store")

    def test_the_deepest_folder_counts(self):
        planted = {"lib/layer/buffered/a.hpp": "", "lib/layer/compressed/a.cpp": '#include "layer/buffered/a.hpp"\n'}
        self.assert_one(planted, "lib/layer/compressed/a.cpp:1", "lib/layer/buffered")
        planted = {"lib/layout/files/a.hpp": "", "lib/api/a.cpp": '#include "layout/files/a.hpp"\n'}
        self.assertEqual(problems_with(planted), [])
        self.assert_one({**planted, "cli/a.cpp": '#include "layout/files/a.hpp"\n'}, "cli/a.cpp:1", "lib/layout/files")

    def test_a_public_header_that_includes_an_inner_one_is_found(self):
        self.assert_one({"lib/include/accrete/a.hpp": '#include "base/bytes.hpp"\n'}, "does not declare", "lib/base")

    def test_a_header_that_does_not_exist_is_found(self):
        self.assert_one({"lib/store/a.cpp": '#include "store/gone.hpp"\n'}, "gone.hpp", "no file")

    def test_a_system_header_outside_its_folder_is_found(self):
        for header in ("unistd.h", "fcntl.h", "sys/stat.h", "sys/mman.h", "pthread.h", "poll.h", "csignal", "signal.h",
                       "dirent.h", "sched.h", "errno.h", "linux/fs.h"):
            for folder in ("lib/base", "lib/store", "cli", "examples"):
                self.assert_one({f"{folder}/a.cpp": f"  # include <{header}>\n"}, f"<{header}>", folder)

    def test_boost_interprocess_outside_its_folder_is_found(self):
        planted = {"lib/store/a.cpp": "#include <boost/interprocess/mapped_region.hpp>\n"}
        problems = problems_with(planted)
        self.assertTrue(any("belongs in lib/os only" in problem for problem in problems), problems)
        self.assertEqual(problems_with({"tests/a.cpp": "#include <boost/interprocess/sync/file_lock.hpp>\n"}), [])

    def test_a_library_in_two_folders_is_found(self):
        self.assert_one({"lib/store/a.cpp": "#include <xxhash.h>\n"}, "xxHash", "lib/base", "lib/store")
        self.assert_one({"tests/a.cpp": "#include <CLI/App.hpp>\n"}, "CLI11", "cli", "tests")
        self.assert_one({"lib/store/meson.build": "deps += dependency('libxxhash')\n"}, "xxHash", "lib/store")
        for header in ("nlohmann/json.hpp", "simdjson.h", "lz4frame.h", "zstd.h", "snappy.h", "zlib.h", "bzlib.h", "blosc.h",
                       "zmq.hpp", "msgpack.hpp"):
            include = f"#include <{header}>\n"
            self.assert_one({"cli/a.cpp": include, "tests/a.cpp": include}, "cli", "tests")

    def test_libraries_of_one_family_are_told_apart(self):
        planted = {"cli/a.cpp": "#include <boost/archive/iterators/base64_from_binary.hpp>\n",
                   "cli/meson.build": "dependency('boost')\n"}
        self.assertEqual(problems_with(planted), [])
        self.assert_one({**planted, "lib/os/a.cpp": planted["cli/a.cpp"]}, "Boost's dataflow iterators", "cli", "lib/os")

    def test_a_benchmark_may_name_a_library_that_it_measures_bare_and_no_other(self):
        zmq = {"lib/net/a.cpp": "#include <zmq.hpp>\n", "bench/a.cpp": "#include <zmq.hpp>\n"}
        self.assertEqual(problems_with(zmq), [])
        self.assert_one({"bench/a.cpp": "#include <xxhash.h>\n"}, "xxHash", "bench", "lib/base")
        self.assert_one({"bench/a.cpp": "#include <hiredis/hiredis.h>\n", "lib/net/a.cpp": "#include <hiredis/hiredis.h>\n"},
                        "hiredis", "bench", "lib/net")

    def test_an_unknown_dependency_is_found(self):
        self.assert_one({"cli/meson.build": "dependency('left-pad')\n"}, "left-pad")
        self.assert_one({"cli/meson.build": "find_library('left-pad')\n"}, "left-pad")

    def test_file_operations_past_env_are_found(self):
        self.assert_one({"lib/store/a.cpp": "#include <filesystem>\n"}, "Env")
        self.assertEqual(problems_with({"cli/a.cpp": "#include <fstream>\n"}), [])

    def test_a_folder_without_a_row_is_found(self):
        self.assert_one({"lib/misc/a.cpp": "#include <string>\n"}, "lib/misc/a.cpp", "no folder that has a row")


if __name__ == "__main__":
    unittest.main()
