"""Checks that every #include points inwards, never sideways, that a layout is named by its row alone, that system headers stay in lib/os, and that each third-party library is
named in one folder only."""

import re
import sys
from pathlib import Path

# A folder may include those of its own number and below. The deepest folder that matches a file counts.
LAYERS = {
    "lib/include/accrete": -1,
    "lib/pch": -1,
    "lib/base": 0,
    "lib/os": 1,
    "lib/codec": 1,
    "lib/store": 2,
    "lib/dataset": 2,
    "lib/layout/files": 3,
    "lib/layer/buffered": 4,
    "lib/layer/compressed": 4,
    "lib/net": 4,
    "lib/typed": 4,
    "lib/api": 5,
    "server": 6,
    "cli": 7,
    "bindings": 7,
    "bench": 8,
    "examples": 8,
    "tests": 9,
}

# Name: (its headers, its name in a dependency() or find_library() of Meson).
LIBRARIES = {
    "Blosc": (r"blosc", "blosc"),
    "Boost": (r"boost/", "boost"),
    "bzip2": (r"bzlib", "bz2"),
    "CLI11": (r"CLI/", "CLI11"),
    "doctest": (r"doctest", "doctest"),
    "fmt": (r"fmt/", "fmt"),
    "Google Benchmark": (r"benchmark/", "benchmark"),
    "hiredis": (r"hiredis/", "hiredis"),
    "LevelDB": (r"leveldb/", "leveldb"),
    "LMDB": (r"lmdb", "lmdb"),
    "LZ4": (r"lz4", "liblz4"),
    "msgpack-cxx": (r"msgpack", "msgpack-cxx"),
    "nlohmann-json": (r"nlohmann/", "nlohmann_json"),
    "pybind11": (r"pybind11/", "pybind11"),
    "Python": (r"Python\.h", "python3"),
    "RapidCheck": (r"rapidcheck", "rapidcheck"),
    "RocksDB": (r"rocksdb/", "rocksdb"),
    "simdjson": (r"simdjson", "simdjson"),
    "Snappy": (r"snappy", "snappy"),
    "spdlog": (r"spdlog/", "spdlog"),
    "SQLite": (r"sqlite3", "sqlite3"),
    "xxHash": (r"xxh", "libxxhash"),
    "ZeroMQ": (r"zmq", "libzmq"),
    "zlib": (r"zlib", "zlib"),
    "Zstandard": (r"zstd", "libzstd"),
}

# Benchmarks measure these bare, beside what is built on them, or are programs themselves.
ALLOWED_IN_BENCH = {
    "Blosc", "bzip2", "CLI11", "LZ4", "nlohmann-json", "pybind11", "Snappy", "ZeroMQ", "zlib", "Zstandard"
}

# The C++20 library, but for <csignal>, which counts as a header of the system.
STANDARD = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits
    clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp cstdarg cstddef cstdint cstdio
    cstdlib cstring ctime cuchar cwchar cwctype deque exception execution filesystem format forward_list fstream
    functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map memory
    memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator
    semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view
    strstream syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility
    valarray variant vector version""".split()
)

# The library does file operations through Env only.
FILE_HEADERS = {"filesystem", "fstream"}

# Tests and benchmarks look at a dataset from outside: they kill processes, cut files and plant links.
SYSTEM_HEADERS_ALLOWED = {"lib/os", "tests", "bench"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
DEPENDENCY = re.compile(r"""\b(?:dependency|find_library)\(\s*['"]([^'"]+)['"]""")


def layer_of(path):
    """The folder of LAYERS that `path`, relative to the root, lies in."""
    inside = [folder for folder in LAYERS if path.is_relative_to(folder)]
    return max(inside, key=len, default=None)


def library_of_header(header):
    return next((name for name, (headers, _) in LIBRARIES.items() if re.match(headers, header)), None)


def library_of_dependency(dependency):
    return next((name for name, (_, meson_name) in LIBRARIES.items() if meson_name == dependency), None)


class Check:
    def __init__(self, root):
        self.root = Path(root)
        self.problems = []
        self.named_in = {}  # library -> folder -> the first place

    def run(self):
        top_folders = sorted({folder.split("/")[0] for folder in LAYERS})
        for top in top_folders:
            for file in sorted((self.root / top).rglob("*")):
                path = file.relative_to(self.root)
                if file.suffix in (".cpp", ".hpp", ".h", ".cc", ".c"):
                    self.check_source(path, file)
                elif file.name == "meson.build":
                    self.check_meson(path, file)
        for library, folders in sorted(self.named_in.items()):
            if len(folders) > 1:
                places = ", ".join(folders.values())
                self.problems.append(f"{library} is named in {len(folders)} folders ({places}); one may know it")
        return self.problems

    def check_source(self, path, file):
        folder = layer_of(path)
        if folder is None:
            self.problems.append(f"{path}: lies in no layer; LAYERS in {Path(__file__).name} names them")
            return
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            angled, quoted = match.groups()
            place = f"{path}:{number}"
            if quoted:
                self.check_own(place, path, folder, quoted)
            elif angled.startswith("accrete/"):
                self.check_target(place, folder, Path("lib/include") / angled, angled)
            else:
                self.check_foreign(place, folder, angled)

    def check_own(self, place, path, folder, header):
        candidates = [path.parent / header, Path("lib") / header, Path(path.parts[0]) / header, Path(header)]
        for candidate in candidates:
            resolved = (self.root / candidate).resolve()
            if resolved.is_file() and resolved.is_relative_to(self.root.resolve()):
                self.check_target(place, folder, resolved.relative_to(self.root.resolve()), header)
                return
        self.problems.append(f'{place}: "{header}" is no file of the project')

    def check_target(self, place, folder, target, header):
        target_folder = layer_of(target)
        if target_folder is None:
            self.problems.append(f"{place}: {header} lies in no layer")
        elif LAYERS[target_folder] > LAYERS[folder]:
            self.problems.append(f"{place}: {header} points outwards, from {folder} to {target_folder}")
        elif LAYERS[target_folder] == LAYERS[folder] and target_folder != folder:
            self.problems.append(f"{place}: {header} points sideways, from {folder} to {target_folder}")
        elif target_folder.startswith("lib/layout/") and folder not in (target_folder, "lib/api", "tests"):
            self.problems.append(f"{place}: {header} is of a layout, which only its row in lib/api and tests may know")

    def check_foreign(self, place, folder, header):
        library = library_of_header(header)
        if library == "Boost" and header.startswith("boost/interprocess/") and folder in SYSTEM_HEADERS_ALLOWED:
            if folder == "lib/os":
                self.name_library(library, folder, place)
        elif library:
            self.name_library(library, folder, place)
            if header.startswith("boost/interprocess/"):
                self.problems.append(f"{place}: <{header}> belongs in lib/os only")
        elif header not in STANDARD and folder not in SYSTEM_HEADERS_ALLOWED:
            self.problems.append(
                f"{place}: <{header}> is not of the C++ library; system headers belong in lib/os, and a library is to be "
                f"added to LIBRARIES in {Path(__file__).name}"
            )
        elif header in FILE_HEADERS and folder.startswith("lib/") and folder != "lib/os":
            self.problems.append(f"{place}: <{header}> does file operations that Env cannot see")

    def check_meson(self, path, file):
        folder = layer_of(path)
        if folder is None:
            return
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for dependency in DEPENDENCY.findall(line):
                library = library_of_dependency(dependency)
                if library:
                    self.name_library(library, folder, f"{path}:{number}")
                else:
                    self.problems.append(f"{path}:{number}: dependency '{dependency}' is not in LIBRARIES")

    def name_library(self, library, folder, place):
        if folder == "bench" and library in ALLOWED_IN_BENCH:
            return
        self.named_in.setdefault(library, {}).setdefault(folder, place)


def main():
    problems = Check(sys.argv[1]).run()
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
