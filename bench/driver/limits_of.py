"""Which limit of the machine applies to a cell: the least time in which the bare primitives could do the same. The
template of the report tells the formulas in words."""

import math

from driver.results import median

SCATTER_SIZES = (100, 1024, 65536)


class _Missing(Exception):
    """The results lack a limit that the formula needs."""


def limit_seconds(results, cell, metric):
    """None where no limit applies or it was not measured."""
    if not cell["repetitions"]:
        return None
    limits = {name: median(limit["values"]) for name, limit in results["limits"].items() if limit["values"]}
    pattern = next(p for p in results["patterns"] if p["id"] == cell["pattern"])
    engine = next((e for e in results["engines"] if e["name"] == cell["engine"]), {})
    stored, files = (median([r[name] for r in cell["repetitions"]]) for name in ("stored_bytes", "stored_files"))

    def value(name):
        if name not in limits:
            raise _Missing(name)
        return limits[name]

    try:
        if metric == "append":
            return _append(results, pattern, engine, cell, value, stored, files)
        if metric == "get":
            return cell["bytes"] / value("page_cache_read_64k") + files / value("file_read")
        return stored / value("unlink_bytes") + files / value("file_removal") or None
    except _Missing:
        return None


def _append(results, pattern, engine, cell, value, stored, files):
    parameters, total = pattern["parameters"], cell["bytes"]
    cores = results["machine"]["cores"]
    if is_durable(engine, cell):
        # Writers that run at once can share a sync.
        return math.ceil(cell["appends"] / cell["batch"]) * value("fdatasync") / cell["processes"]

    def write(size):
        """What an engine keeps in memory alone is not written; where each key has a file, each has to be made."""
        return size / value("page_cache_write_1m") + files / value("file_creation") if stored else 0

    if parameters["numeric"]:
        return total / value("memcpy") + write(total)
    if parameters["text"] and engine.get("codec"):
        return total / value(f"compress_{engine['codec']}") + write(stored)
    scatter = total / value(f"scatter_{_nearest_scatter(parameters['entry_bytes'])}")
    if pattern["id"] == "P8":
        client, server = total / value("zmq_1m"), scatter + write(total)
        return max(client, server) if cores > 1 else client + server
    return scatter / min(cell["processes"], cores) + write(total)


def is_durable(engine, cell):
    return cell["state"] == "durable" or engine.get("level") == "sync"


def _nearest_scatter(entry_bytes):
    return min(SCATTER_SIZES, key=lambda size: abs(math.log(size / entry_bytes)))
