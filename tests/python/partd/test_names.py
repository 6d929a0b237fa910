"""Every public name of partd is there, and can be called as partd's."""

import importlib
import pathlib
import re

import pytest
from described import describe, parameters

ours = pytest.importorskip("accrete.partd")
PINNED = (pathlib.Path(__file__).parent / "names-1.4.2.txt").read_text().splitlines()
NEEDS = {"numpy": "numpy", "pandas": "pandas", "zmq": "zmq", "Snappy": "snappy", "Blosc": "blosc", "Numpy": "numpy",
         "PandasBlocks": "pandas", "PandasColumns": "pandas", "Server": "zmq", "Client": "zmq"}


def missing_package(path):
    for part in path:
        if part in NEEDS:
            try:
                importlib.import_module(NEEDS[part])
            except ImportError:
                return NEEDS[part]
    return None


def look_up(path):
    if path[0].islower():
        importlib.import_module(f"accrete.partd.{path[0]}")
    found = ours
    for part in path:
        found = getattr(found, part)
    return found


def check_parameters(theirs, own):
    """Whatever call partd's function takes, ours takes."""
    if any(name.startswith("**") for name in theirs):
        assert any(name.startswith("**") for name in own)
    if any(name[0] == "*" and name[1] != "*" for name in theirs):
        assert any(name[0] == "*" and name[1] != "*" for name in own)
    named = [name for name in own if name[0] != "*"]
    for i, name in enumerate(name for name in theirs if name[0] != "*"):
        assert named[i] in (name, name.rstrip("=") + "=")
    required = len([name for name in theirs if name[0] != "*"])
    assert all(name.endswith("=") for name in named[required:])


def check(line):
    name, has_parameters, listed = re.fullmatch(r"([\w.]+)(?:(\()(.*)\))?", line).groups()
    path = name.split(".")
    if package := missing_package(path):
        pytest.skip(f"the package {package} is not installed")
    found = look_up(path)
    if has_parameters:
        check_parameters([parameter for parameter in listed.split(", ") if parameter], parameters(found))


@pytest.mark.parametrize("line", PINNED)
def test_a_name_of_partd_1_4_2_is_there_and_is_called_the_same_way(line):
    check(line)


def test_the_names_of_the_partd_that_is_installed_are_there():
    pytest.importorskip("partd", reason="partd is not installed")
    lines = describe("partd")
    assert lines
    for line in lines:
        check(line)


def test_the_other_codecs_are_there_if_their_packages_are():
    for name, package in (("LZ4", "lz4.frame"), ("Zstd", "zstandard")):
        try:
            importlib.import_module(package)
        except ImportError:
            continue
        assert name in ours.compressed.__all__
        assert hasattr(ours, name)
