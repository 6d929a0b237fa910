"""Makes a wheel of accrete need nothing of the system but glibc and libstdc++, of this machine's versions or newer.

Inside of the package goes the program, and beside it, into accrete.libs, go the shared libraries that are needed. Each
gets a name with a hash of its content, so that no other package's library of the same name is taken for it.

It needs ldd, patchelf and strip.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

_OF_THE_SYSTEM = re.compile(r"(ld-linux.*|lib(anl|c|dl|gcc_s|m|mvec|pthread|resolv|rt|stdc\+\+|util))\.so\.\d+")

# The path of the package is not known before it is installed. This finds it without importing it, which takes longer.
_SCRIPT = """\
#!python
import importlib.util
import os
import sys

package = importlib.util.find_spec("accrete").submodule_search_locations[0]
os.execv(os.path.join(package, "bin", "accrete"), sys.argv)
"""


def complete_wheel(wheel: Path, directory: Path) -> Path:
    """Write the completed wheel into a directory; its path. Raises RuntimeError if a library is not found."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                Path(archive.extract(entry, root)).chmod(entry.external_attr >> 16)
        _move_program(root)
        _carry_libraries(root)
        completed = directory / _set_platform(root, wheel.name)
        _pack(root, completed)
    return completed


def _move_program(root: Path) -> None:
    """The program, if it is built, finds the libraries from where it lies, and scripts may lie anywhere."""
    program = root / "accrete" / "bin" / "accrete"
    for installed in list(root.glob("accrete-*.data/scripts/accrete")):
        program.parent.mkdir()
        installed.rename(program)
        installed.write_text(_SCRIPT, encoding="utf-8")
        installed.chmod(0o755)


def _carry_libraries(root: Path) -> None:
    binaries = [path for path in sorted(root.rglob("*")) if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
    sources: dict[str, Path] = {}
    for binary in binaries:
        sources |= _needed(binary)
    carried = root / "accrete.libs"
    carried.mkdir()
    names = {name: _name_with_hash(name, source) for name, source in sources.items()}
    for binary in binaries:
        _run("strip", "--strip-unneeded", binary)
        _patch(binary, names, carried)
    for name, source in sources.items():
        library = carried / names[name]
        shutil.copyfile(source, library)
        library.chmod(0o755)
        _run("patchelf", "--set-soname", library.name, library)
        _patch(library, names, carried)


def _needed(binary: Path) -> dict[str, Path]:
    """The libraries that are loaded with it, the system's own excepted: name -> path."""
    found = {}
    for line in _run("ldd", binary).splitlines():
        name, arrow, place = line.strip().partition(" => ")
        if arrow and not _OF_THE_SYSTEM.fullmatch(name):
            if place == "not found":
                raise RuntimeError(f"{binary.name} needs {name}, which is not found")
            found[name] = Path(place.partition(" (0x")[0])
    return found


def _name_with_hash(name: str, source: Path) -> str:
    stem, _, suffix = name.partition(".so")
    return f"{stem}-{hashlib.sha256(source.read_bytes()).hexdigest()[:8]}.so{suffix}"


def _patch(binary: Path, names: dict[str, str], carried: Path) -> None:
    """Have it load the carried libraries by their names there. patchelf 0.14 damages what it does both to at once."""
    replacements = [
        option
        for name in _run("patchelf", "--print-needed", binary).split() if name in names
        for option in ("--replace-needed", name, names[name])
    ]
    if replacements:
        _run("patchelf", *replacements, binary)
    directory = os.path.relpath(carried, binary.parent)
    _run("patchelf", "--set-rpath", f"$ORIGIN/{directory}", binary)


def _set_platform(root: Path, name: str) -> str:
    """Write into the wheel that it is for this machine's glibc or a newer one; the wheel's name with that."""
    version = os.confstr("CS_GNU_LIBC_VERSION")
    if version is None or not version.startswith("glibc "):
        raise RuntimeError("only for glibc are wheels made")
    platform = f"-manylinux_{'_'.join(version.removeprefix('glibc ').split('.')[:2])}_"
    [tags] = root.glob("*.dist-info/WHEEL")
    tags.write_text(tags.read_text(encoding="utf-8").replace("-linux_", platform), encoding="utf-8")
    return name.replace("-linux_", platform)


def _pack(root: Path, wheel: Path) -> None:
    """Zip it, with a RECORD of what is in it."""
    [record] = root.glob("*.dist-info/RECORD")
    record.unlink()
    moment = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))[:6]
    lines = []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:

        def write(path: Path, content: bytes, mode: int) -> None:
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), moment)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = mode << 16
            archive.writestr(entry, content)

        for path in sorted(root.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                lines.append(f"{path.relative_to(root).as_posix()},sha256={digest},{len(content)}\n")
                write(path, content, path.stat().st_mode)
        lines.append(f"{record.relative_to(root).as_posix()},,\n")
        write(record, "".join(lines).encode(), 0o100644)


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
