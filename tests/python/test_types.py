"""What mypy says of the package."""
import os
import subprocess
import sys
from pathlib import Path

import accrete
import pytest

pytest.importorskip("mypy")


def run(tmp_path, *command):
    """mypy looks into the working directory, which may be none of installed packages; -P has Python look elsewhere."""
    package = tmp_path / "accrete"
    package.symlink_to(Path(accrete.__file__).parent)
    return subprocess.run([sys.executable, "-P", "-m", *command], cwd=tmp_path, capture_output=True, text=True,
                          check=False, env={**os.environ, "MYPY_CACHE_DIR": str(tmp_path / "cache")})


def test_the_stub_is_what_the_module_has(tmp_path):
    allowed = Path(__file__).parent / "stubtest_allowed.txt"
    result = run(tmp_path, "mypy.stubtest", "accrete._native", "--allowlist", allowed, "--ignore-unused-allowlist")
    assert result.returncode == 0, result.stdout


def test_the_stub_check_finds_what_is_missing(tmp_path):
    result = run(tmp_path, "mypy.stubtest", "accrete._native")
    assert "accrete._native.TemporaryDataset is inconsistent" in result.stdout


def test_the_types_of_the_package_agree(tmp_path):
    result = run(tmp_path, "mypy", "--strict", "--ignore-missing-imports", "--follow-imports=silent", "-p", "accrete")
    assert result.returncode == 0, result.stdout
