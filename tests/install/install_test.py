"""Installs the built library into an empty place, and builds and runs a program outside the project against it.

usage: install_test.py MESON BUILD_ROOT HEADER[,HEADER…] COMPILER…
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

WARNINGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
EXPECTED_OUTPUT = "123456\nHello world!\nin memory\ngone\n"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode}: {' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def only(paths, what):
    paths = sorted(paths)
    if len(paths) != 1:
        sys.exit(f"one {what} is to be installed, not {len(paths)}: {paths}")
    return paths[0]


def check_headers(place, public_headers):
    """Only the public headers are installed; returns the folder to include them from."""
    installed = sorted(place.rglob("*.hpp"))
    folder = only({header.parent for header in installed}, "folder of headers")
    if {header.name for header in installed} != public_headers or folder.name != "accrete":
        sys.exit(f"installed headers: {installed}\nexpected: {sorted(public_headers)}")
    return folder.parent


def check_older_standard(compiler, include_folder, temporary):
    source = Path(temporary) / "older.cpp"
    source.write_text("#include <accrete/accrete.hpp>\n")
    done = subprocess.run([*compiler, "-std=c++17", "-fsyntax-only", "-I", include_folder, source],
                          capture_output=True, text=True, check=False)
    if done.returncode == 0 or "accrete needs C++20" not in done.stderr:
        sys.exit(f"with an older standard, the compiler does not say what is needed:\n{done.stderr}")


def main():
    meson, build_root, public_headers, compiler = sys.argv[1], Path(sys.argv[2]), set(sys.argv[3].split(",")), sys.argv[4:]
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "installed"
        run(meson, "install", "-C", build_root, "--no-rebuild", "--destdir", place)
        include_folder = check_headers(place, public_headers)
        for header in sorted(public_headers):
            source = Path(temporary) / "alone.cpp"
            source.write_text(f"#include <accrete/{header}>\n#include <accrete/{header}>\n")
            run(*compiler, *WARNINGS, "-fsyntax-only", "-I", include_folder, source)
        check_older_standard(compiler, include_folder, temporary)

        pkg_config_file = only(place.rglob("accrete.pc"), "pkg-config file")
        prefix = include_folder.parent
        environment = {**os.environ, "PKG_CONFIG_PATH": str(pkg_config_file.parent)}
        flags = run("pkg-config", f"--define-variable=prefix={prefix}", "--cflags", "--libs", "accrete",
                    env=environment).split()
        program = Path(temporary) / "consumer"
        run(*compiler, *WARNINGS, Path(__file__).parent / "consumer.cpp", "-o", program, *flags)
        library = only((path for path in place.rglob("libaccrete.so.*") if not path.is_symlink()), "shared library")
        output = run(program, Path(temporary) / "dataset", env={**environment, "LD_LIBRARY_PATH": str(library.parent)})
        if output != EXPECTED_OUTPUT:
            sys.exit(f"the program printed\n{output}")


if __name__ == "__main__":
    main()
