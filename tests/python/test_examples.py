"""examples/python/NAME.py prints what NAME.txt has."""

import pathlib
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples" / "python"
NEEDED = {
    "count_words": [], "dask_shuffle": ["dask.dataframe"], "groups_duckdb": ["duckdb"], "groups_pandas": ["pandas"],
    "groups_polars": ["polars"],
}


def test_all_examples_are_tested():
    assert sorted(NEEDED) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", NEEDED)
def test_the_example(name, tmp_path):
    for module in NEEDED[name]:
        pytest.importorskip(module)
    ran = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stdout) == (0, EXAMPLES.joinpath(f"{name}.txt").read_text())
