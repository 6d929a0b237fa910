"""The examples of the documents run, and print what they say."""
import pathlib
import re
import subprocess
import sys

import pytest

pytest.importorskip("pandas")
pytest.importorskip("dask.dataframe")

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize(("document", "printed"), [
    ("README.md", "b'Hello world!' ['x', 'y']\n[1.5, -3.0]\n"),
    ("docs/python.md", "[b'123456', b'Hello world!']\n4 1945 b'1\\n3\\n'\n500\n"
     "[1.5, 0.0]\n[1.5, 0.0, -2.0]\n"
     "[ 1.5 -2.   0.   0. ] 3\n[100 200]\n[{'delay': 1.5, 'tail': 'N123'}]\n"
     "[2450, 2500]\n"),
])
def test_the_examples_of(document, printed, tmp_path):
    examples = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)
    ran = subprocess.run([sys.executable, "-c", "".join(examples)], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stdout) == (0, printed)
