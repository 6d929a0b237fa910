"""Checks that a folder includes those alone that it declares, that system headers stay in lib/os, and that each library of
others is named in one folder only.

usage: check_layering.py ROOT FOLDER:[FOLDER,…]…    each folder, and those that it may include besides itself
"""

import re
import sys
from pathlib import Path

# Many libraries of headers, which are told apart by these.
FAMILY = "boost"

# Name: (its headers, its name in a dependency() or find_library() of Meson).
LIBRARIES = {
    "Blosc": (r"blosc", "blosc"),
    "Boost's dataflow iterators": (r"boost/archive/", None),
    "Boost.Interprocess": (r"boost/interprocess/", None),
    "Boost.UUID": (r"boost/uuid/", None),
    "bzip2": (r"bzlib", "bz2"),
    "CLI11": (r"CLI/", "CLI11"),
    "doctest": (r"doctest", "doctest"),
    "FlatBuffers": (r"flatbuffers/|arrow_ipc_generated", "flatbuffers"),  # what it generates, too
    "fmt": (r"fmt/", "fmt"),
    "Google Benchmark": (r"benchmark/", "benchmark"),
    "hiredis": (r"hiredis/", "hiredis"),
    "LevelDB": (r"leveldb/", "leveldb"),
    "LMDB": (r"lmdb", "lmdb"),
    "LZ4": (r"lz4", "liblz4"),
    "LZMA": (r"lzma", "liblzma"),
    "msgpack-cxx": (r"msgpack", "msgpack-cxx"),
    "nlohmann-json": (r"nlohmann/", "nlohmann_json"),
    "pybind11": (r"pybind11/", "pybind11"),
    "Python": (r"(Python|structmember)\.h", "python3"),
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

# What everybody may include: the public headers, which include nothing else.
PUBLIC = "lib/include/accrete"

# Benchmarks measure these bare, beside what is built on them, or are programs themselves.
ALLOWED_IN_BENCH = {"LZ4", "nlohmann-json", "pybind11", "Python", "ZeroMQ", "Zstandard"}

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

# Tests and benchmarks look at a dataset from outside: they kill processes, cut files and plant links. What takes partd's
# place in Python does with files what Python's own functions do.
SYSTEM_HEADERS_ALLOWED = {"lib/os", "tests", "bench", "bindings/python"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
DEPENDENCY = re.compile(r"""\b(?:dependency|find_library)\(\s*['"]([^'"]+)['"]""")


def library_of_header(header):
    return next((name for name, (headers, _) in LIBRARIES.items() if re.match(headers, header)), None)


def library_of_dependency(dependency):
    return next((name for name, (_, meson_name) in LIBRARIES.items() if meson_name == dependency), None)


class Check:
    def __init__(self, root, rows):
        """rows: folder -> those that it may include."""
        self.root = Path(root)
        self.rows = {PUBLIC: [], **rows}
        self.problems = []
        self.named_in = {}  # library -> folder -> the first place

    def run(self):
        top_folders = sorted({folder.split("/")[0] for folder in self.rows})
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

    def folder_of(self, path):
        """The deepest folder with a row that `path`, relative to the root, lies in."""
        inside = [folder for folder in self.rows if path.is_relative_to(folder)]
        return max(inside, key=len, default=None)

    def check_source(self, path, file):
        folder = self.folder_of(path)
        if folder is None:
            self.problems.append(f"{path}: lies in no folder that has a row in lib/meson.build or tests/layering/meson.build")
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
        target_folder = self.folder_of(target)
        if target_folder is None:
            self.problems.append(f"{place}: {header} lies in no folder that has a row")
        elif target_folder not in (folder, PUBLIC, *self.rows[folder]):
            self.problems.append(f"{place}: {header} is of {target_folder}, which {folder} does not declare")

    def check_foreign(self, place, folder, header):
        library = library_of_header(header)
        if library == "Boost.Interprocess" and folder in SYSTEM_HEADERS_ALLOWED:
            if folder == "lib/os":
                self.name_library(library, folder, place)
        elif library:
            self.name_library(library, folder, place)
            if library == "Boost.Interprocess":
                self.problems.append(f"{place}: <{header}> belongs in lib/os only")
        elif header not in STANDARD and folder not in SYSTEM_HEADERS_ALLOWED:
            self.problems.append(
                f"{place}: <{header}> is not of the C++ library; system headers belong in lib/os, and a library is to be "
                f"added to LIBRARIES in {Path(__file__).name}"
            )
        elif header in FILE_HEADERS and folder.startswith("lib/") and folder != "lib/os":
            self.problems.append(f"{place}: <{header}> does file operations that Env cannot see")

    def check_meson(self, path, file):
        folder = self.folder_of(path)
        if folder is None:
            return
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for dependency in DEPENDENCY.findall(line):
                library = library_of_dependency(dependency)
                if library:
                    self.name_library(library, folder, f"{path}:{number}")
                elif dependency != FAMILY:
                    self.problems.append(f"{path}:{number}: dependency '{dependency}' is not in LIBRARIES")

    def name_library(self, library, folder, place):
        if folder == "bench" and library in ALLOWED_IN_BENCH:
            return
        self.named_in.setdefault(library, {}).setdefault(folder, place)


def main():
    rows = {}
    for row in sys.argv[2:]:
        folder, _, needed = row.partition(":")
        rows[folder] = needed.split(",") if needed else []
    problems = Check(sys.argv[1], rows).run()
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
