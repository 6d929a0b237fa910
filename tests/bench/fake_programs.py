"""Programs in place of bench_cell and bench_limits: they measure nothing, and write down how they are run."""

import json
import stat
from pathlib import Path

ENGINES = ("files", "stdio", "lmdb", "rocksdb", "server.os")

COMMON = '''#!/usr/bin/python3
import json, os, subprocess, sys, time
from pathlib import Path

build = Path(__file__).resolve().parents[2]

def log(line):
    with open(build / "log", "a") as file:
        file.write(line + "\\n")
'''

CELL = COMMON + '''
if sys.argv[1] == "engines":
    sys.exit(print((build / "engines.json").read_text()))
cell = json.loads(sys.argv[1])
log(" ".join(str(cell[name]) for name in ("engine", "appends", "keys", "entry_bytes", "batch", "processes", "gets")))
assert os.listdir(cell["directory"]) == []
Path(cell["directory"], "data").write_bytes(b"x" * 100)
behaviour = json.loads((build / "behaviour.json").read_text()).get(cell["engine"])
if behaviour == "fail":
    print("a warning\\nbench_cell: the value of 'key-00000001'\\n  ends at byte 7", file=sys.stderr)
    sys.exit(1)
if behaviour == "cannot":
    sys.exit(print("bench_cell: one process at a time", file=sys.stderr) or 3)
if behaviour == "garbage":
    sys.exit(print("oops"))
if behaviour == "hang":
    child = subprocess.Popen(["sleep", "1000"])
    (build / "hanging").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(1000)
print(json.dumps({"state": "durable" if cell["durable"] else "cached",
                  "seconds": {"append": 0.5, "get": None, "destroy": 0.1},
                  "cpu_seconds": 0.4, "memory_bytes": 1, "stored_bytes": 2, "stored_files": 1}))
'''

LIMITS = COMMON + '''
log("limits")
assert os.listdir() == []
median = {"aggregate_name": "median", "time_unit": "ns"}
print(json.dumps({"benchmarks": [
    {**median, "run_name": "memcpy/real_time", "real_time": 1e7, "bytes_per_second": 9e9},
    {**median, "run_name": "memcpy/real_time", "aggregate_name": "mean", "real_time": 1e7, "bytes_per_second": 1},
    {**median, "run_name": "file_read/iterations:5000/real_time", "real_time": 1e4, "items_per_second": 1e5},
    {**median, "run_name": "fdatasync/iterations:50/real_time", "real_time": 3e5}]}))
'''


def describe(name, **more):
    """As bench_cell engines does it."""
    return {"name": name, "title": name, "ours": False, "version": "1", "level": "os", "processes": name != "rocksdb",
            "server": name == "server.os", "codec": "", "bytes": True, "numeric": False, "durable": name != "stdio",
            **more}


def make_build(build, behaviour=None):
    """A build directory; behaviour is {engine: "fail" or another word of CELL}."""
    build = Path(build)
    for name, text in (("cells/bench_cell", CELL), ("limits/bench_limits", LIMITS)):
        path = build / "bench" / name
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (build / "engines.json").write_text(json.dumps([describe(name) for name in ENGINES]), encoding="utf-8")
    (build / "behaviour.json").write_text(json.dumps(behaviour or {}), encoding="utf-8")
    return build
