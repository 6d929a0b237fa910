"""Which limit of the machine applies to a cell: the least time in which the bare primitives could do the same.

limit_seconds() is the one place of the formulas; texts.LIMIT_RULES tells them in words.
"""

import math

from driver.figures import data_size, duration, limit_value
from driver.results import median

SCATTER_SIZES = (100, 1024, 65536)


class _Missing(Exception):
    """The results lack a limit that the formula needs."""


def limit_seconds(results, cell, metric):
    """(seconds, the formula with its numbers put in), or None where no limit applies or it was not measured."""
    if not cell["repetitions"]:
        return None
    pattern = next(p for p in results["patterns"] if p["id"] == cell["pattern"])
    engine = next((e for e in results["engines"] if e["name"] == cell["engine"]), {})
    try:
        if metric == "append":
            seconds, formula = _append(results, pattern, engine, cell)
        elif metric == "get":
            seconds, formula = _sum(_moved(results, cell["bytes"], "page_cache_read_64k"),
                                    _files(results, cell, "file_read"))
        else:
            seconds, formula = _sum(_moved(results, _stored(cell), "unlink_bytes"),
                                    _files(results, cell, "file_removal"))
    except _Missing:
        return None
    return (seconds, f"{formula} = {duration(seconds)}") if seconds > 0 else None


def _append(results, pattern, engine, cell):
    parameters, total = pattern["parameters"], cell["bytes"]
    if is_durable(engine, cell):
        return _synced(results, cell)
    if parameters["numeric"]:
        return _sum(_moved(results, total, "memcpy"), _written(results, cell, total))
    if parameters["text"] and engine.get("codec"):
        return _sum(_moved(results, total, f"compress_{engine['codec']}"), _written(results, cell, _stored(cell)))

    scatter = f"scatter_{_nearest_scatter(parameters['entry_bytes'])}"
    cores = results["machine"]["cores"]
    if pattern["id"] == "P8":
        return _beside(_moved(results, total, "zmq_1m"),
                       _sum(_moved(results, total, scatter), _written(results, cell, total)), cores)
    return _sum(_moved(results, total, scatter, among=min(cell["processes"], cores)), _written(results, cell, total))


def is_durable(engine, cell):
    return cell["state"] == "durable" or engine.get("level") == "sync"


def _synced(results, cell):
    """Writers that run at once can share a sync."""
    batches, each = math.ceil(cell["appends"] / cell["batch"]), _value(results, "fdatasync")
    shared = f" / {cell['processes']} processes" if cell["processes"] > 1 else ""
    return batches * each / cell["processes"], f"{batches:,} batches × {duration(each)} (fdatasync){shared}"


def _written(results, cell, total):
    """What an engine keeps in memory alone is not written."""
    if not _stored(cell):
        return 0.0, ""
    return _sum(_moved(results, total, "page_cache_write_1m"), _files(results, cell, "file_creation"))


def _files(results, cell, name):
    """Of an engine with a file for each key they count; of any other they take no time."""
    files, speed = _median(cell, "stored_files"), _value(results, name)
    if not files:
        return 0.0, ""
    return files / speed, f"{files:,.0f} files / {speed:,.0f} a second ({name})"


def _moved(results, total, name, among=1):
    speed = _value(results, name)
    shared = f" / {among} cores" if among > 1 else ""
    return total / speed / among, f"{data_size(total)} / {limit_value(speed, 'bytes/s')} ({name}){shared}"


def _sum(first, second):
    return first[0] + second[0], " + ".join(text for _, text in (first, second) if text)


def _beside(client, server, cores):
    """With two cores the client and the server work at the same time."""
    if cores < 2:
        return _sum(client, server)
    return max(client[0], server[0]), f"max({client[1]}, {server[1]})"


def _value(results, name):
    values = results["limits"].get(name, {}).get("values")
    if not values:
        raise _Missing(name)
    return median(values)


def _stored(cell):
    return _median(cell, "stored_bytes")


def _median(cell, name):
    return median([repetition[name] for repetition in cell["repetitions"]])


def _nearest_scatter(entry_bytes):
    return min(SCATTER_SIZES, key=lambda size: abs(math.log(size / entry_bytes)))
