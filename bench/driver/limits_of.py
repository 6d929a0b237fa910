"""Which limit of the machine applies to a cell: the least time in which the bare primitives could do the same. The
template of the report tells the formulas in words."""

import math
from statistics import median

SCATTER_SIZES = (100, 1024, 65536)


def limit_seconds(results, cell, metric):
    """None where no limit applies or it was not measured."""
    if not cell["repetitions"]:
        return None
    limits = {name: median(limit["values"]) for name, limit in results["limits"].items()}
    stored, files = (median(one[name] for one in cell["repetitions"]) for name in ("stored_bytes", "stored_files"))
    try:
        if metric == "append":
            return append_seconds(results, cell, limits, stored, files)
        if metric == "get":
            return cell["bytes"] / limits["page_cache_read_64k"] + files / limits["file_read"]
        return stored / limits["unlink_bytes"] + files / limits["file_removal"] or None
    except KeyError:  # of a limit
        return None


def append_seconds(results, cell, limits, stored, files):
    parameters = next(pattern["parameters"] for pattern in results["patterns"] if pattern["id"] == cell["pattern"])
    engine = next(engine for engine in results["engines"] if engine["name"] == cell["engine"])
    total, cores = cell["bytes"], results["machine"]["cores"]
    if is_durable(engine, cell):
        # Writers that run at once can share a sync.
        return math.ceil(cell["appends"] / cell["batch"]) * limits["fdatasync"] / cell["processes"]

    def write(size):
        """What an engine keeps in memory alone is not written; where each key has a file, each has to be made."""
        return size / limits["page_cache_write_1m"] + files / limits["file_creation"] if stored else 0

    if parameters["numeric"]:
        return total / limits["memcpy"] + write(total)
    if parameters["text"] and engine["codec"]:
        return total / limits[f"compress_{engine['codec']}"] + write(stored)
    nearest = min(SCATTER_SIZES, key=lambda size: abs(math.log(size / parameters["entry_bytes"])))
    scatter = total / limits[f"scatter_{nearest}"]
    if cell["pattern"] == "P8":
        client, server = total / limits["zmq_1m"], scatter + write(total)
        return max(client, server) if cores > 1 else client + server
    return scatter / min(cell["processes"], cores) + write(total)


def is_durable(engine, cell):
    return cell["state"] == "durable" or engine["level"] == "sync"
