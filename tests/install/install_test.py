"""Installs the built library into an empty place, and builds and runs a program outside the project against it: found
by pkg-config and by CMake, and linked with the shared and with the static library.

usage: install_test.py MESON BUILD_ROOT HEADER[,HEADER…] COMPILER…
"""

import os
import shutil
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
    source = temporary / "older.cpp"
    source.write_text("#include <accrete/accrete.hpp>\n")
    done = subprocess.run([*compiler, "-std=c++17", "-fsyntax-only", "-I", include_folder, source],
                          capture_output=True, text=True, check=False)
    if done.returncode == 0 or "accrete needs C++20" not in done.stderr:
        sys.exit(f"with an older standard, the compiler does not say what is needed:\n{done.stderr}")


def check_program(program, environment):
    with tempfile.TemporaryDirectory() as temporary:
        output = run(program, Path(temporary) / "dataset", env=environment)
    if output != EXPECTED_OUTPUT:
        sys.exit(f"{program} printed\n{output}")


def needs_library(program):
    return "libaccrete.so" in run("readelf", "--dynamic", program)


def check_pkg_config(place, prefix, compiler, environment, temporary):
    pkg_config_file = only(place.rglob("accrete.pc"), "pkg-config file")
    environment = {**environment, "PKG_CONFIG_PATH": str(pkg_config_file.parent)}
    flags = ["pkg-config", f"--define-variable=prefix={prefix}", "--cflags", "--libs", "accrete"]
    consumer = Path(__file__).parent / "consumer.cpp"
    program = temporary / "by_pkg_config"
    run(*compiler, *WARNINGS, consumer, "-o", program, *run(*flags, env=environment).split())
    check_program(program, environment)

    if static := list(place.rglob("libaccrete.a")):
        words = run(*flags, "--static", env=environment).split()
        program = temporary / "by_pkg_config_static"
        words = [static[0] if word == "-laccrete" else word for word in words]
        run(*compiler, *WARNINGS, consumer, "-o", program, *words)
        if needs_library(program):
            sys.exit("what was to be linked with the static library needs the shared one")
        check_program(program, environment)


CMAKE_PROJECT = """
cmake_minimum_required(VERSION 3.18)
project(consumer CXX)
find_package(accrete 0.1 REQUIRED)
add_executable(by_cmake {source})
target_link_libraries(by_cmake accrete::accrete)
if(TARGET accrete::accrete_static)
  add_executable(by_cmake_static {source})
  target_link_libraries(by_cmake_static accrete::accrete_static)
endif()
"""

OTHER_VERSIONS = """
cmake_minimum_required(VERSION 3.18)
project(consumer CXX)
foreach(version 0.2 1)
  find_package(accrete ${version} QUIET)
  if(accrete_FOUND)
    message(FATAL_ERROR "accrete is found as version ${version}")
  endif()
endforeach()
"""


def check_cmake(place, prefix, compiler, environment, temporary):
    if not shutil.which("cmake"):
        print("skipped: CMake, which is not installed")
        return
    project = temporary / "project"
    project.mkdir()
    (project / "CMakeLists.txt").write_text(CMAKE_PROJECT.format(source=Path(__file__).parent / "consumer.cpp"))
    built = project / "build"
    run("cmake", "-G", "Ninja", "-S", project, "-B", built, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_COMPILER={compiler[-1]}")
    run("cmake", "--build", built)
    check_program(built / "by_cmake", environment)
    if list(place.rglob("libaccrete.a")):
        if needs_library(built / "by_cmake_static"):
            sys.exit("accrete::accrete_static is the shared library")
        check_program(built / "by_cmake_static", environment)

    (project / "CMakeLists.txt").write_text(OTHER_VERSIONS)
    run("cmake", "-S", project, "-B", built)


def check_unit(place, prefix, temporary):
    """As far as systemd can tell of what it would run: the program in `place`, which belongs in its root."""
    unit = only(place.rglob("accrete@.service"), "unit of systemd")
    if not shutil.which("systemd-analyze"):
        print("skipped: the unit, since systemd-analyze is not installed")
        return
    root_prefix = "/" + str(prefix.relative_to(place))
    text = unit.read_text()
    if f"ExecStart={root_prefix}/bin/accrete serve" not in text:
        sys.exit(f"the unit runs another program than {root_prefix}/bin/accrete")
    moved = temporary / unit.name
    moved.write_text(text.replace(f"={root_prefix}/bin", f"={prefix}/bin"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", moved], capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if unit.stem in line]
    if complaints or done.returncode != 0:
        sys.exit(f"systemd-analyze verify exits with {done.returncode}:\n{done.stderr}")


def main():
    meson, build_root, public_headers, compiler = sys.argv[1], Path(sys.argv[2]), set(sys.argv[3].split(",")), sys.argv[4:]
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        place = temporary / "installed"
        run(meson, "install", "-C", build_root, "--no-rebuild", "--destdir", place)
        include_folder = check_headers(place, public_headers)
        for header in sorted(public_headers):
            source = temporary / "alone.cpp"
            source.write_text(f"#include <accrete/{header}>\n#include <accrete/{header}>\n")
            run(*compiler, *WARNINGS, "-fsyntax-only", "-I", include_folder, source)
        check_older_standard(compiler, include_folder, temporary)
        if list(place.rglob("bin/accrete")):
            for file in ("man1/accrete.1", "man1/accrete-load.1", "bash-completion/completions/accrete",
                         "site-functions/_accrete", "vendor_completions.d/accrete.fish"):
                only(place.rglob(file), file)
            check_unit(place, include_folder.parent, temporary)

        library = only((path for path in place.rglob("libaccrete.so.*") if not path.is_symlink()), "shared library")
        environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
        check_pkg_config(place, include_folder.parent, compiler, environment, temporary)
        check_cmake(place, include_folder.parent, compiler, environment, temporary)


if __name__ == "__main__":
    main()
