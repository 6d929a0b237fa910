"""Writes streams of Arrow IPC message by message, also such as no library writes, and takes them apart."""
import struct

# Of the unions Header and Type of bindings/python/native/table/arrow_ipc.fbs, which has the numbers of fields, too.
SCHEMA, DICTIONARY, BATCH = 1, 2, 3
NULL, INT, FLOAT, UTF8, DECIMAL, TIME, TIMESTAMP, STRUCT, FIXED_BINARY, FIXED_LIST, MAP = 1, 2, 3, 5, 7, 9, 10, 13, 15, 16, 17
END = b"\xff\xff\xff\xff" + bytes(4)


class Structs(list):
    """A vector of pairs of 64-bit ints."""

    is_aligned = True


class Flatbuffer:
    """A FlatBuffer of a table: {number of a field: value}. A value is (format of the struct module, number), a str, bytes as
    a string, Structs, a table or a list of tables. What is one object lies there once."""

    def __init__(self, root):
        self.bytes = bytearray(4)
        self._waiting = [(0, root)]
        places = {}
        while self._waiting:
            at, value = self._waiting.pop(0)
            if places.get(id(value), 0) <= at:
                places[id(value)] = self._write(value)
            struct.pack_into("<I", self.bytes, at, places[id(value)] - at)
        self._align(8)

    def _align(self, size, rest=0):
        self.bytes += bytes((rest - len(self.bytes)) % size)

    def _write(self, value):
        if isinstance(value, dict):
            return self._write_table(value)
        if isinstance(value, Structs):
            self._align(8, 4 if value.is_aligned else 0)
            return self._write_counted(len(value), b"".join(struct.pack("<qq", *pair) for pair in value))
        self._align(4)
        if isinstance(value, list):
            begin = self._write_counted(len(value), bytes(4 * len(value)))
            self._waiting += [(begin + 4 + 4 * i, table) for i, table in enumerate(value)]
            return begin
        text = value if isinstance(value, bytes) else value.encode()
        return self._write_counted(len(text), text + b"\0")

    def _write_counted(self, count, content):
        begin = len(self.bytes)
        self.bytes += struct.pack("<I", count) + content
        return begin

    def _write_table(self, table):
        """Each field has 8 bytes."""
        self._align(2)
        slots = {number: 8 + 8 * i for i, number in enumerate(table)}
        count = max(table, default=-1) + 1
        vtable = len(self.bytes)
        self.bytes += struct.pack(f"<HH{count}H", 4 + 2 * count, 8 + 8 * len(table), *(slots.get(i, 0) for i in range(count)))
        self._align(8)
        begin = len(self.bytes)
        self.bytes += struct.pack("<i4x", begin - vtable) + bytes(8 * len(table))
        for number, value in table.items():
            if isinstance(value, tuple):
                struct.pack_into("<" + value[0], self.bytes, begin + slots[number], value[1])
            else:
                self._waiting.append((begin + slots[number], value))
        return begin


def message(kind, header, body=b""):
    table = {0: ("h", 4), 1: ("B", kind), 3: ("q", len(body))}
    metadata = Flatbuffer(table if header is None else {**table, 2: header}).bytes
    return b"\xff\xff\xff\xff" + struct.pack("<I", len(metadata)) + metadata + body


def field(name, kind, parameters=None, children=(), dictionary=None):
    made = {0: name, 2: ("B", kind), 3: parameters or {}, 5: list(children)}
    return made if dictionary is None else {**made, 4: {0: ("q", dictionary), 1: {0: ("i", 8), 1: ("B", 1)}}}


INT64 = {0: ("i", 64), 1: ("B", 1)}


def schema(*fields, metadata=()):
    return message(SCHEMA, {1: list(fields), 2: list(metadata)})


def batch(length, nodes, buffers=(), body=b""):
    """A RecordBatch, and the body that its message has."""
    return {0: ("q", length), 1: Structs(nodes), 2: Structs(buffers)}, body


def rows(length, nodes, buffers=(), body=b""):
    return message(BATCH, *batch(length, nodes, buffers, body))


def dictionary(id, length, nodes, buffers=(), body=b""):
    data, body = batch(length, nodes, buffers, body)
    return message(DICTIONARY, {0: ("q", id), 1: data}, body)


def ints(*values):
    return rows(len(values), [(len(values), 0)], [(0, 0), (0, 8 * len(values))], struct.pack(f"<{len(values)}q", *values))


def ints(*values):
    """A batch of one column."""
    return rows(len(values), [(len(values), 0)], [(0, 0), (0, 8 * len(values))], struct.pack(f"<{len(values)}q", *values))


def messages(stream):
    """The messages of a stream, and its end. Needs pyarrow."""
    from pyarrow import ipc

    while size := int.from_bytes(stream[4:8], "little"):
        body = ipc.read_message(stream).body
        whole = 8 + size + (body.size if body else 0)
        yield stream[:whole]
        stream = stream[whole:]
    yield stream
