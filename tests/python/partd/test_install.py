"""install(): whoever imports partd gets accrete.partd."""

import os
import subprocess
import sys

import pytest


def run(script, **environment):
    """What it prints, in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", "if True:\n" + script], capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_import_partd_finds_accretes():
    out, _ = run("""
        import accrete.partd
        accrete.partd.install()
        accrete.partd.install()
        import partd, partd.file, sys
        from partd import File, compressed
        from partd.core import Interface
        import partd.utils as utils
        assert partd is accrete.partd and File is accrete.partd.File
        assert partd.file is accrete.partd.file and Interface is accrete.partd.Interface
        assert utils is accrete.partd.utils
        print(sys.path.count(sys.path[0]))
    """)
    assert out == "1\n"


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_processes_that_multiprocessing_starts_find_it_too(tmp_path, method):
    (tmp_path / "worker.py").write_text("def name(_):\n    import partd\n    return partd.__name__, partd.File.__module__\n")
    (tmp_path / "main.py").write_text(
        "import accrete.partd, multiprocessing, worker\n"
        "if __name__ == '__main__':\n"
        "    accrete.partd.install()\n"
        f"    with multiprocessing.get_context('{method}').Pool(1) as pool:\n"
        "        print(pool.map(worker.name, [0]))\n"
    )
    done = subprocess.run([sys.executable, str(tmp_path / "main.py")], capture_output=True, text=True, timeout=120)
    assert done.stdout == "[('accrete.partd', 'accrete.partd.file')]\n", done.stderr


def test_the_current_folder_stays_in_the_path_of_processes_if_it_is_there():
    for given in (":", "/nowhere:", "/nowhere::/nowhere", "/nowhere", ""):
        out, _ = run("""
            import os, sys
            given = os.environ["PYTHONPATH"]
            sys.path[:0] = os.environ["PATH_OF_ACCRETE"].split(os.pathsep)
            import accrete.partd
            accrete.partd.install()
            accrete.partd.install()
            first, *others = os.environ["PYTHONPATH"].split(os.pathsep)
            assert first == sys.path[0]
            assert others == (given.split(os.pathsep) if given else []), others
        """, PYTHONPATH=given, PATH_OF_ACCRETE=os.pathsep.join(sys.path))
        assert not out


def test_other_processes_find_it_even_if_accrete_is_in_a_folder_that_only_the_parent_knows():
    import accrete

    folder = os.path.dirname(os.path.dirname(accrete.__file__))
    out, _ = run(
        f"""
        import subprocess, sys
        sys.path.insert(0, {folder!r})
        import accrete.partd
        accrete.partd.install()
        child = "import partd.buffer, partd; print(partd.__name__, partd.buffer.__name__)"
        subprocess.run([sys.executable, "-c", child], check=True)
        """,
        PYTHONPATH="",
    )
    assert out == "accrete.partd accrete.partd.buffer\n"


def test_it_says_so_if_partd_has_been_imported():
    pytest.importorskip("partd", reason="partd is not installed")
    out, errors = run("""
        import partd as before
        import accrete.partd
        accrete.partd.install()
        import partd
        print(partd.__name__, before is partd)
    """)
    assert out == "accrete.partd False\n"
    assert "RuntimeWarning: partd has been imported already" in errors


def test_import_accrete_does_not_import_it():
    out, _ = run("""
        import sys, accrete
        print([name for name in sys.modules if name.startswith(("accrete.partd", "numpy", "pandas", "zmq"))])
    """)
    assert out == "[]\n"


def test_it_works_without_the_packages_that_only_some_need():
    out, _ = run("""
        import sys
        for name in ("numpy", "pandas", "zmq", "msgpack", "snappy", "blosc", "lz4", "zstandard", "partd", "toolz", "locket"):
            sys.modules[name] = None
        from accrete import partd
        assert not hasattr(partd, "Numpy") and not hasattr(partd, "PandasBlocks") and not hasattr(partd, "Server")
        with partd.Python(partd.Buffer(partd.Dict(), partd.ZLib())) as p:
            p.append({"x": [1, (2,)]})
            print(p.get("x"))
    """)
    assert out == "[1, (2,)]\n"
