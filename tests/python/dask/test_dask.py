"""Dask's shuffles on disk, in programs of their own: they import partd and start processes."""

import os
import pathlib
import subprocess
import sys

import pytest
import sanitizer

pytest.importorskip("dask.dataframe")

JOBS = pathlib.Path(__file__).with_name("jobs.py")


@pytest.mark.parametrize("scheduler", ["threads", "processes", "distributed"])
@pytest.mark.parametrize("backend", ["partd", "register"])
def test_what_dask_makes_is_what_pandas_makes(backend, scheduler, tmp_path):
    if scheduler == "distributed":
        pytest.importorskip("distributed")
        if sanitizer.is_there():
            pytest.skip("ASan: its workers are killed, which end slowly then")
    ran = subprocess.run(
        [sys.executable, JOBS, backend, scheduler], cwd=tmp_path, env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    # What distributed says of workers that are slow to end is on standard error.
    assert (ran.returncode, ran.stdout) == (0, "equal\n"), ran.stderr
    assert [path.name for path in tmp_path.iterdir() if "partd" in path.name or "accrete" in path.name] == []
