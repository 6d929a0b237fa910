"""What mypy says of the package."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import accrete
import pytest

pytest.importorskip("mypy")

here = Path(__file__).parent
configuration = here.parents[1] / "pyproject.toml"


def run(tmp_path, *command):
    """mypy looks into the working directory, which may be none of installed packages; -P has Python look elsewhere."""
    return subprocess.run([sys.executable, "-P", "-m", *command], cwd=tmp_path, capture_output=True, text=True,
                          check=False, env={**os.environ, "MYPY_CACHE_DIR": str(tmp_path / "cache")})


def stubtest(tmp_path):
    return run(tmp_path, "mypy.stubtest", "accrete._native", "--mypy-config-file", configuration,
               "--allowlist", here / "stubtest_allowed.txt", "--ignore-unused-allowlist")


@pytest.fixture
def package(tmp_path):
    """What mypy reads: Python imports the one that is tested."""
    return Path(shutil.copytree(Path(accrete.__file__).parent, tmp_path / "accrete",
                                ignore=shutil.ignore_patterns("*.so", "*.so.p", "__pycache__")))


def test_the_stub_is_what_the_module_has(tmp_path, package):
    result = stubtest(tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_stub_check_finds_what_is_missing_and_what_is_too_much(tmp_path, package):
    stub = package / "_native.pyi"
    text = stub.read_text()
    assert "def gather(" in text and "def narrow(" in text
    stub.write_text(text.replace("def gather(", "def collect(").replace("def narrow(", "def widen("))
    found = stubtest(tmp_path).stdout
    for name in ("gather", "Column.narrow"):
        assert f"accrete._native.{name} is not present in stub" in found
    for name in ("collect", "Column.widen"):
        assert f"accrete._native.{name} is not present at runtime" in found


def test_the_types_of_the_package_agree(tmp_path, package):
    result = run(tmp_path, "mypy", "--config-file", configuration, "-p", "accrete")
    assert result.returncode == 0, result.stdout + result.stderr
