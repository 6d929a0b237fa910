"""Peers that mean harm or are broken: each is answered or cut off, and everybody else is served as before."""
import random
import struct
import unittest

import raw_client as raw
from raw_client import RawClient
from serving import ServerTest


class ForeignBytes(ServerTest):
    def test_garbage_on_the_port_harms_nobody(self):
        server = self.serve()
        generator = random.Random(1)
        greeting = raw.GREETING + raw.ready()
        pieces = [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 100, b"\xff" * 100, greeting[:30], b""]
        pieces += [generator.randbytes(generator.randrange(1, 3000)) for _ in range(50)]
        pieces += [greeting + generator.randbytes(200) for _ in range(50)]
        for endpoint in server.endpoints:
            for piece in pieces:
                with raw.connect(endpoint) as stream:
                    stream.sendall(piece)
        self.check_well(server)

    def test_another_version_of_zmtp_harms_nobody(self):
        server = self.serve()
        for version in (0, 1, 2, 4, 255):
            with raw.connect(server.tcp()) as stream:
                stream.sendall(raw.GREETING[:10] + bytes([version]) + raw.GREETING[11:] + raw.ready())
        self.check_well(server)

    def test_an_unknown_mechanism_is_cut_off(self):
        server = self.serve()
        with raw.connect(server.tcp()) as stream:
            stream.sendall(raw.GREETING.replace(b"NULL", b"FOO\0") + raw.ready())
            raw.read_until_closed(stream)
        self.check_well(server)

    def test_a_frame_that_is_too_long_is_cut_off(self):
        server = self.serve()
        for announced in ((4 << 20) + 5000, 1 << 40, (1 << 63) - 1):
            client = server.client()
            client.send_raw(struct.pack(">BQ", 2, announced) + b"x" * 1000)
            raw.read_until_closed(client.stream)
            client.close()
        self.check_well(server)


class ForeignMessages(ServerTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.client = self.server.client()
        self.addCleanup(self.client.close)

    def fails(self, kind, body, says):
        with self.assertRaisesRegex(raw.Failed, says):
            self.client.ask(kind, body)

    def still_answers(self):
        self.assertEqual(self.client.ask(raw.PING), b"")
        self.check_well(self.server)

    def test_a_message_of_several_frames_or_none_is_passed_over(self):
        for frames in ([b""], [b"", b""], [b"a", b"b", b"c"], [raw.message(raw.PING, request=7), b"more"]):
            for index, body in enumerate(frames):
                self.client.send_raw(raw.frame(body, more=index + 1 < len(frames)))
        self.still_answers()

    def is_reset(self, client, says):
        reply = client.receive_answer()
        self.assertEqual((reply.kind, reply.request), (raw.RESET, 0))
        self.assertRegex(raw.Failed(reply.body).text, says)

    def test_another_version_of_the_protocol_is_answered_with_both(self):
        self.client.send(raw.message(raw.PING, request=99, version=9))
        self.is_reset(self.client, f"version 9 .* version {raw.VERSION}")
        self.client.send(raw.message(raw.PING, request=98, magic=1))
        self.is_reset(self.client, "mark")
        self.still_answers()

    def test_a_damaged_message_is_not_taken_and_asks_the_client_to_connect_anew(self):
        whole = raw.append(1, [(b"key", b"value")])
        for at in range(8, len(whole)):
            damaged = bytearray(whole)
            damaged[at] ^= 1
            self.client.send(bytes(damaged))
            self.is_reset(self.client, "checksum")
        self.client.send(whole[:20] + whole[30:])
        self.is_reset(self.client, "checksum")
        self.assertEqual(self.client.get(b"key"), [b""])
        self.still_answers()

    def test_each_of_many_damaged_messages_at_once_is_answered(self):
        damaged = bytearray(raw.append(1, [(b"key", b"value")]))
        damaged[-1] ^= 1
        count = 1000
        self.client.send_raw(raw.frame(bytes(damaged)) * count)
        for _ in range(count):
            self.is_reset(self.client, "checksum")
        self.still_answers()

    def test_each_of_many_messages_of_a_stranger_at_once_is_answered(self):
        count = 1000
        with RawClient(self.server.tcp(), hello=False) as stranger:
            stranger.send_raw(b"".join(raw.frame(raw.message(raw.PING, request=request)) for request in range(1, count + 1)))
            answers = [stranger.receive() for _ in range(count)]
        self.assertEqual({answer.kind for answer in answers}, {raw.RESET})
        self.assertEqual({answer.request for answer in answers}, set(range(1, count + 1)))
        self.assertRegex(raw.Failed(answers[0].body).text, "say hello first")
        self.still_answers()

    def test_unknown_operations_are_answered(self):
        known = set(range(raw.HELLO, raw.SET_ATTRIBUTE + 1))
        for kind in set(range(256)) - known:
            self.fails(kind, b"", ".")
        self.still_answers()

    def test_bodies_cut_at_every_length_are_answered(self):
        key = raw.sized(b"key")
        whole = {
            raw.GET: struct.pack("<I", 2) + key + key,
            raw.GET_RANGE: struct.pack("<QQ", 0, 1) + key,
            raw.SIZE: key,
            raw.LIST: struct.pack("<QB", 10, 1) + key + key,
            raw.ERASE: key,
            raw.WRITER: bytes(16),
            raw.MORE: bytes(12),
            raw.ATTRIBUTE: raw.sized(b"name"),
            raw.SET_ATTRIBUTE: raw.set_attribute_body(5, b"name", b"value", b"expected"),
        }
        for kind, body in whole.items():
            for size in range(len(body)):
                self.fails(kind, body[:size], ".")
            self.fails(kind, body + b"\0", ".")
        self.still_answers()

    def test_appends_cut_at_every_length_are_answered_and_not_applied(self):
        whole = raw.append_body(1, [(b"key", b"value"), (b"other", b"bytes")], expect_size=3)
        for size in range(len(whole)):
            self.client.send(raw.message(raw.APPEND, whole[:size]))
            reply = self.client.receive_answer()
            self.assertEqual((reply.kind, reply.request), (raw.FAILED, 0))
        message = raw.message(raw.APPEND, whole)
        for size in range(len(message)):
            self.client.send(message[:size])
            self.is_reset(self.client, ".")
        self.assertEqual(self.client.get(b"key"), [b""])
        self.still_answers()

    def test_counts_that_lie_are_answered(self):
        many = struct.pack("<I", 0xFFFFFFFF)
        self.fails(raw.GET, many, ".")
        self.fails(raw.GET, many + raw.sized(b"a"), ".")
        self.fails(raw.GET_RANGE, bytes(16) + struct.pack("<H", 65535) + b"a", ".")
        self.fails(raw.ERASE, raw.sized(b""), "key")
        self.fails(raw.ERASE, raw.sized(b"k" * 1025), "key")
        for coded in (many, many + b"\x01\x00\x01\x00\x00\x00ab", struct.pack("<IHI", 1, 1, 0xFFFFFFFF) + b"a"):
            self.client.send(raw.message(raw.APPEND, struct.pack("<QB", 1, 0) + coded))
            self.assertEqual(self.client.receive_answer().kind, raw.FAILED)
        self.still_answers()

    def test_attributes_that_make_no_sense_are_refused_and_not_set(self):
        self.fails(raw.SET_ATTRIBUTE, raw.set_attribute_body(9, b"name", b"value"), "unknown flags 9")
        self.fails(raw.SET_ATTRIBUTE, raw.set_attribute_body(7, b"name", b"value", b"expected"), "leave one out")
        self.fails(raw.SET_ATTRIBUTE, raw.set_attribute_body(1, b"name", b"v" * 262145), "262144 at most")
        for name in (b"", b"a/b", b"n" * 65):
            self.fails(raw.SET_ATTRIBUTE, raw.set_attribute_body(1, name, b"value"), "no name of an attribute")
            self.fails(raw.ATTRIBUTE, raw.sized(name), "no name of an attribute")
        self.assertEqual(self.client.ask(raw.ATTRIBUTES), struct.pack("<I", 0))
        self.assertEqual(self.client.ask(raw.SET_ATTRIBUTE, raw.set_attribute_body(3, b"name", b"value")), b"\1")
        self.assertEqual(self.client.ask(raw.SET_ATTRIBUTE, raw.set_attribute_body(3, b"name", b"other")), b"\0")
        self.assertEqual(self.client.ask(raw.ATTRIBUTE, raw.sized(b"name")), b"\1value")
        self.still_answers()

    def test_random_bodies_are_answered(self):
        generator = random.Random(2)
        kinds = [kind for kind in range(raw.APPEND, raw.SET_ATTRIBUTE + 1) if kind != raw.BYE]
        for _ in range(2000):
            body = generator.randbytes(generator.randrange(40))
            self.client.send(raw.message(generator.choice(kinds), body, request=1 << 40))
        self.check_well(self.server)

    def test_who_has_not_said_hello_is_told_to(self):
        with RawClient(self.server.tcp(), hello=False) as stranger:
            for kind in (raw.PING, raw.FLUSH, raw.STATS, raw.DROP):
                with self.assertRaisesRegex(raw.Failed, "say hello first"):
                    stranger.ask(kind)
            stranger.send(raw.append(1, [(b"stranger", b"1")]))
            self.is_reset(stranger, "say hello first")
            stranger.say_hello()
            self.assertEqual(stranger.get(b"stranger"), [b""])
        self.still_answers()

    def test_the_log_is_not_flooded(self):
        for _ in range(5000):
            self.client.send(b"nonsense")
            self.is_reset(self.client, ".")
        self.assertIn("malformed", self.server.logged())
        self.assertLess(len(self.server.logged()), 20000)
        self.still_answers()


class Crowds(ServerTest):
    def test_two_hundred_clients_are_served_at_once(self):
        server = self.serve()
        clients = [RawClient(random.choice(server.endpoints)) for _ in range(200)]
        for client in clients:
            for _ in range(5):
                client.append([(b"shared", b"x"), (client.session, b"mine")])
        for client in clients:
            client.wait_for_ack()
        self.assertEqual(clients[0].clients(), 200)
        self.assertEqual(len(clients[0].get(b"shared")[0]), 1000)
        for client in clients:
            self.assertEqual(client.get(client.session), [b"mine" * 5])
            client.close()
        self.check_well(server)

    def test_one_client_too_many_is_refused_until_another_leaves(self):
        server = self.serve("--max-clients", "3")
        clients = [server.client() for _ in range(3)]
        with server.client(hello=False) as late:
            with self.assertRaisesRegex(raw.Failed, "--max-clients"):
                late.say_hello()
            clients[0].close()
            while True:
                try:
                    late.say_hello()
                    break
                except raw.Failed as failure:  # ZeroMQ has not seen yet that the other has gone
                    self.assertIn("--max-clients", failure.text)
            self.assertEqual(late.clients(), 3)
            self.assertGreaterEqual(late.server_stats()[1], 1)
            for client in clients[1:]:
                self.assertEqual(client.ask(raw.PING), b"")
                client.close()
        self.check_well(server)

    def test_a_client_that_never_reads_takes_no_memory_and_stops_nobody(self):
        server = self.serve()
        with server.client() as writer:
            writer.append_mebibytes(b"large", 8)
        before = server.resident_bytes()
        deaf = [server.client() for _ in range(4)]
        for client in deaf:
            for _ in range(500):
                client.start(raw.GET, struct.pack("<I", 1) + raw.sized(b"large"))
        with server.client() as client:
            self.assertEqual(client.ask(raw.PING), b"")
            self.assertEqual(client.get(b"none"), [b""])
            client.append([(b"k", b"v")])
            client.wait_for_ack()
        # 16 MiB of replies, and for each client what ZeroMQ takes before it says that it is full
        self.assertLess(server.resident_bytes() - before, (16 + 4 * 20 + 40) << 20)
        for client in deaf:
            client.close()
        self.check_well(server)

    def test_gets_of_many_absent_keys_are_refused_before_they_take_the_memory(self):
        server = self.serve()
        count = 100_000
        body = struct.pack("<I", count) + b"".join(raw.sized(b"%06d" % number) for number in range(count))
        before = server.resident_bytes()
        clients = [server.client() for _ in range(4)]
        for client in clients:
            request = client.start(raw.GET, body)
            with self.assertRaisesRegex(raw.Failed, "fewer keys"):
                client.receive_reply_to(request)
        self.assertLess(server.resident_bytes() - before, 24 << 20)  # messages, and the views into them
        for client in clients:
            self.assertEqual(client.get(*[b"%06d" % number for number in range(1000)]), [b""] * 1000)
            client.close()
        self.check_well(server)

    def test_a_client_that_dies_in_the_middle_of_a_message_leaves_no_part_of_it(self):
        server = self.serve()
        for size in (1, 2, 10, 40, 1000):
            client = server.client()
            client.append([(b"whole", b"1")])
            client.send_raw(raw.frame(raw.append(2, [(b"torn", b"x" * 5000)]))[:size])
            client.wait_for_ack()
            client.close()
        with server.client() as client:
            self.assertEqual(client.get(b"whole", b"torn"), [b"11111", b""])
        self.check_well(server)


if __name__ == "__main__":
    unittest.main()
