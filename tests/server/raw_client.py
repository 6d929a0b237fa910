"""A client made of plain sockets, which can say what no library would: ZMTP 3.0 with the NULL mechanism, and the wire
protocol of lib/net/protocol.hpp written down a second time."""
import ctypes
import ctypes.util
import socket
import struct
import uuid

MAGIC = 0x52434341
VERSION = 8
CHECKSUM_END = 16
HEADER_SIZE = 24
HELLO, APPEND, GET, GET_RANGE, SIZE, LIST, ERASE, DROP = range(1, 9)
FLUSH, SYNC, STATS, WRITER, PING, MORE, BYE, REMOVALS, LOCATE, SERVER_STATS = range(9, 19)
ATTRIBUTE, ATTRIBUTES, SET_ATTRIBUTE = range(19, 22)
WELCOME, ACK, REFUSED, PART, FAILED, RESET = range(0x41, 0x47)
FIRST_PARTS = 8
PART_BYTES = 256 << 10

hash64 = ctypes.CDLL(ctypes.util.find_library("xxhash")).XXH3_64bits_withSeed
hash64.restype = ctypes.c_uint64
hash64.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


def connect(endpoint):
    """A connected stream socket, on which nothing was said yet."""
    scheme, address = endpoint.split("://", 1)
    if scheme == "ipc":
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(address)
        return stream
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)))


def read_until_closed(stream):
    """Waits until the other side closes the connection."""
    try:
        while stream.recv(65536):
            pass
    except ConnectionResetError:
        pass


def frame(body, more=False, command=False):
    flags = (1 if more else 0) | (4 if command else 0)
    if len(body) < 256:
        return struct.pack("BB", flags, len(body)) + body
    return struct.pack(">BQ", flags | 2, len(body)) + body


def ready():
    def field(name, value):
        return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value

    return frame(b"\x05READY" + field(b"Socket-Type", b"DEALER") + field(b"Identity", b""), command=True)


def message(kind, body=b"", request=0, version=VERSION, magic=MAGIC):
    front = struct.pack("<IBBH", magic, version, kind, 0)
    return front + checksum(front, struct.pack("<Q", request) + body)


def checksum(front, rest):
    """Followed by the bytes that it is of."""
    return struct.pack("<Q", hash64(rest, len(rest), *struct.unpack("<Q", front))) + rest


def sized(text):
    return struct.pack("<H", len(text)) + text


def entries(pairs):
    coded = [struct.pack("<HI", len(key), len(value)) + key + value for key, value in pairs]
    return struct.pack("<I", len(coded)) + b"".join(coded)


def append_body(sequence, pairs, expect_size=None):
    flags = 0 if expect_size is None else 2
    options = bytes([flags]) + (b"" if expect_size is None else struct.pack("<Q", expect_size))
    return struct.pack("<Q", sequence) + options + entries(pairs)


def set_attribute_body(flags, name, *values):
    return bytes([flags]) + sized(name) + b"".join(struct.pack("<I", len(value)) + value for value in values)


def append(sequence, pairs, expect_size=None):
    return message(APPEND, append_body(sequence, pairs, expect_size))


class Closed(Exception):
    """The other side has closed the connection."""


class Failed(Exception):
    def __init__(self, body):
        self.type, self.retryable, self.code, size = struct.unpack_from("<BBII", body)
        self.text = body[10:].decode()
        assert len(body) == 10 + size
        super().__init__(self.text)


class Reply:
    def __init__(self, raw):
        magic, version, self.kind, zero = struct.unpack_from("<IBBH", raw)
        assert (magic, version, zero) == (MAGIC, VERSION, 0)
        assert raw[8:] == checksum(raw[:8], raw[CHECKSUM_END:])
        (self.request,) = struct.unpack_from("<Q", raw, CHECKSUM_END)
        self.body = raw[HEADER_SIZE:]


class RawClient:
    """Says hello at once, unless asked not to."""

    def __init__(self, endpoint, hello=True, session=None, window=1 << 24):
        self.stream = connect(endpoint)
        self.session = session or uuid.uuid4().bytes
        self.last_request = 0
        self.sequence = 0
        self.applied = 0
        self.forgotten = 0
        self.unread = []
        self.send_raw(GREETING + ready())
        self.receive_exactly(len(GREETING))
        self.receive_frame()
        if hello:
            self.say_hello(window)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()

    def send_raw(self, raw):
        self.stream.sendall(raw)

    def send(self, raw):
        self.send_raw(frame(raw))

    def receive_exactly(self, size):
        received = bytearray()
        while len(received) < size:
            piece = self.stream.recv(size - len(received))
            if not piece:
                raise Closed
            received += piece
        return bytes(received)

    def receive_frame(self):
        flags, size = self.receive_exactly(2)
        if flags & 2:
            size = struct.unpack(">Q", bytes([size]) + self.receive_exactly(7))[0]
        return self.receive_exactly(size)

    def receive(self):
        """The next reply. An acknowledgement is taken down on the way."""
        reply = Reply(self.receive_frame())
        if reply.kind == ACK:
            (applied,) = struct.unpack("<Q", reply.body)
            assert applied >= self.applied, "acknowledgements went back"
            self.applied = applied
        return reply

    def receive_answer(self):
        """The next reply that is no acknowledgement, of which the server sends more to a client that is idle."""
        while (reply := self.receive()).kind == ACK:
            pass
        return reply

    def receive_reply_to(self, request):
        while True:
            reply = self.receive()
            if reply.kind in (FAILED, RESET) and reply.request == request:
                raise Failed(reply.body)
            if reply.request == request and reply.kind not in (ACK, REFUSED):
                return reply
            self.unread.append(reply)

    def say_hello(self, window=1 << 24):
        self.last_request += 1
        self.send(message(HELLO, self.session + struct.pack("<QQ", window, self.forgotten), self.last_request))
        body = self.receive_reply_to(self.last_request).body
        self.incarnation = body[:16]
        (self.durability, self.window, self.max_message, self.applied,
         self.forgotten) = struct.unpack("<BQQQQ", body[16:])
        self.sequence = self.applied

    def start(self, kind, body=b""):
        self.last_request += 1
        self.send(message(kind, body, self.last_request))
        return self.last_request

    def ask(self, kind, body=b""):
        request = self.start(kind, body)
        result = b""
        for expected in range(1 << 32):
            part = self.receive_reply_to(request)
            index, last = struct.unpack_from("<IB", part.body)
            assert (part.kind, index) == (PART, expected)
            result += part.body[5:]
            if last:
                return result
            if expected + 1 >= FIRST_PARTS:
                self.send(message(MORE, struct.pack("<QI", request, 1)))
        return result

    def append(self, pairs):
        """Sends a batch and does not wait."""
        self.sequence += 1
        self.send(append(self.sequence, pairs))

    def wait_for_ack(self, sequence=None):
        wanted = self.sequence if sequence is None else sequence
        while self.applied < wanted:
            reply = self.receive()
            assert reply.kind == ACK, reply.kind

    def append_mebibytes(self, key, count):
        """Waits for each, so that the window is kept to."""
        for _ in range(count):
            self.append([(key, b"x" * (1 << 20))])
            self.wait_for_ack()

    def receive_refusal(self):
        while True:
            reply = self.receive()
            if reply.kind == REFUSED:
                return struct.unpack_from("<Q", reply.body)[0], Failed(reply.body[8:])

    def get(self, *keys):
        raw = self.ask(GET, struct.pack("<I", len(keys)) + b"".join(map(sized, keys)))
        (count,) = struct.unpack_from("<I", raw)
        values, at = [], 4
        for _ in range(count):
            (size,) = struct.unpack_from("<Q", raw, at)
            values.append(raw[at + 8 : at + 8 + size])
            at += 8 + size
        assert at == len(raw)
        return values

    def get_range(self, key, offset, size):
        return self.ask(GET_RANGE, struct.pack("<QQ", offset, size) + sized(key))

    def clients(self):
        return self.server_stats()[0]

    def server_stats(self):
        """As ServerStats has them."""
        return struct.unpack("<7Q", self.ask(SERVER_STATS))
