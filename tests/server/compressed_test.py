"""A served dataset with a codec: what its clients see, and what stays behind."""
import json
import os
import signal
import unittest

import raw_client as raw
from serving import ServerTest

MEBIBYTE = 1 << 20
FRAMES = 300  # of a MiB: more than the whole memory of the server


class Compressed(ServerTest):
    def setUp(self):
        super().setUp()
        self.run_program("destroy", self.data)
        self.run_program("create", self.data, "--codec", "stored")

    def test_clients_see_the_bytes_that_were_appended(self):
        server = self.serve()
        for dataset in self.data, server.endpoints[0], server.tcp():
            with self.subTest(dataset=dataset):
                self.run_program("put", dataset, "k", "value;")
        for dataset in self.data, server.endpoints[0], server.tcp():
            with self.subTest(dataset=dataset):
                self.assertEqual(self.run_program("get", dataset, "k"), b"value;" * 3)
                self.assertEqual(self.run_program("cat", dataset), b"k|value;value;value;\n")
                self.assertEqual(json.loads(self.run_program("keys", "--json", dataset)), [{"key": "k", "size": 18}])
                stat = json.loads(self.run_program("stat", "--json", dataset))
                self.assertEqual((stat["keys"], stat["bytes"]), (1, 18))
                self.assertEqual(stat.get("codec"), "stored" if dataset == self.data else None)
        self.run_program("stop", self.data)
        self.assertEqual(server.wait(), 0)
        self.assertEqual(self.run_program("get", self.data, "k"), b"value;" * 3)
        self.assertEqual(self.run_program("verify", self.data), b"ok: 1 key, 18 bytes\n")

    def test_what_the_buffer_gathered_stands_in_one_frame(self):
        server = self.serve()
        for _ in range(3):
            self.run_program("put", self.data, "k", "value;")
        self.assertIn(b"\nbuffered 18 B of these", self.run_program("stat", self.data))
        self.run_program("stop", self.data)
        self.assertEqual(server.wait(), 0)
        self.assertIn(b"\nstored   42 B (233.3 % of the bytes)\n", self.run_program("stat", self.data))

    def test_what_a_killed_server_had_acknowledged_is_compressed_by_who_comes_next(self):
        server = self.serve()
        self.run_program("put", self.data, "k", "value;")
        server.end(signal.SIGKILL)
        self.assertEqual(self.run_program("get", self.data, "k"), b"value;")
        self.assertEqual(os.path.getsize(os.path.join(self.data, "k")), 24 + 6)
        self.assertEqual(self.run_program("verify", self.data), b"ok: 1 key, 6 bytes\n")

    def test_damage_reaches_the_client_as_what_it_is(self):
        self.run_program("put", self.data, "k", "value")
        with open(os.path.join(self.data, "k"), "r+b") as file:
            file.seek(24)
            file.write(b"X")
        server = self.serve()
        self.assertEqual(
            self.run_program("get", self.data, "k", code=4),
            "accrete: cannot decode the value of 'k': the frame at byte 0 of its encoding is damaged: its checksum does "
            "not match; restore it from a copy, or have 'accrete verify --repair' cut the damage out\n",
        )
        self.check_well(server)

    def test_a_value_that_decodes_to_more_than_the_server_keeps_for_replies_takes_no_memory(self):
        self.run_program("destroy", self.data)
        codecs = self.run_program("create", "--help").decode()
        codec = next((name for name in ("zstd", "bz2", "zlib", "lz4") if f" {name}," in codecs), None)
        if not codec:
            self.skipTest("this build compresses nothing so far")
        self.run_program("create", self.data, "--codec", codec)
        self.run_program("put", self.data, "k", stdin=bytes(MEBIBYTE))
        with open(os.path.join(self.data, "k"), "r+b") as file:
            frame = file.read()
            file.write(frame * (FRAMES - 1))
        server = self.serve()
        with server.client() as client:
            self.assertEqual(client.get(b"missing"), [b""])
            before = server.resident_bytes()
            with self.assertRaisesRegex(raw.Failed, "read it in pieces with get_range"):
                client.get(b"k")
            with self.assertRaisesRegex(raw.Failed, "read it in pieces with get_range"):
                client.get_range(b"k", 1, (1 << 64) - 1)
            self.assertEqual(client.get_range(b"k", FRAMES // 2 * MEBIBYTE - 1, 2), b"\0\0")
        self.assertLess(server.resident_bytes(), before + len(frame) * FRAMES + 8 * MEBIBYTE)
        self.assertEqual(self.run_program("get", self.data, "k"), bytes(FRAMES * MEBIBYTE))
        self.check_well(server)


if __name__ == "__main__":
    unittest.main()
