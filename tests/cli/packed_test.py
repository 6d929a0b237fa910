"""accrete load and cat --as msgpack: rows become maps, and items become JSON."""
import base64
import json
import struct
import unittest

from accrete_cli import CliTest

FLIGHTS = b'origin,"delay, minutes",note\nSEA,1,"a ""b""\nc"\nPDX,-2.5,\nSEA,x,\xc3\xa9\n'


class Packed(CliTest):
    def items(self, *keys):
        lines = self.ok("cat", self.data, "--as", "msgpack", *keys).decode().splitlines()
        return [json.loads(line) for line in lines]

    def items_of(self, *values):
        """What cat prints of values; the dataset is emptied first."""
        self.ok("drop", self.data)
        for value in values:
            self.ok("put", self.data, "k", stdin=value)
        return [row["item"] for row in self.items()]


class Load(Packed):
    def load(self, content, *args):
        self.create()
        self.ok("load", self.data, "--as", "msgpack", *args, stdin=content)
        return [(row["key"], row["item"]) for row in self.items()]

    def test_rows_become_maps_of_strings_by_the_names_of_columns(self):
        self.assertEqual(
            self.load(FLIGHTS, "--by", "origin"),
            [
                ("PDX", {"origin": "PDX", "delay, minutes": "-2.5", "note": ""}),
                ("SEA", {"origin": "SEA", "delay, minutes": "1", "note": 'a "b"\nc'}),
                ("SEA", {"origin": "SEA", "delay, minutes": "x", "note": "é"}),
            ],
        )
        self.assertTrue(self.ok("get", self.data, "PDX").startswith(b"\x83\xa6origin\xa3PDX\xaedelay, minutes"))

    def test_without_a_header_the_numbers_of_columns_are_integers(self):
        self.assertEqual(
            self.load(b"a\tb\nc\td\te\n", "--no-header", "--by", "2,1", "--delimiter", "\\t"),
            [("b,a", {"1": "a", "2": "b"}), ("d,c", {"1": "c", "2": "d", "3": "e"})],
        )
        self.assertEqual(self.ok("get", self.data, "b,a"), b"\x82\x01\xa1a\x02\xa1b")

    def test_objects_of_json_keep_their_types(self):
        rows = [
            {"k": "a", "i": -1, "u": 2**64 - 1, "f": 0.5, "b": True, "n": None, "l": [1, [], {}], "o": {"é": "\n\0"}},
            {"k": "a", "i": -(2**63), "long": "x" * 70000, "many": list(range(70000))},
        ]
        content = b"\n".join(json.dumps(row).encode() for row in rows)
        self.assertEqual(self.load(content, "--jsonl", "--by", "k"), [("a", row) for row in rows])

    def test_what_no_map_can_hold_is_malformed(self):
        self.create()
        for content, problem, args in (
            (b"a,b\n1,2\n3\n", ":3: the row has 1 column, but the header has 2", ["--by", "a"]),
            (b"a,b\n1,2\n3,4,5\n", ":3: the row has 3 columns, but the header has 2", ["--by", "a"]),
            (b"a,b,b\n1,2,3\n", ":1: there are several columns 'b'", ["--by", "a"]),
            (b"a\n", ":1: the row has 1 column, but column 2 is needed", ["--by", "2,1", "--no-header"]),
            (b'{"a":1}\n{"a":1,"b":18446744073709551616}', ":2: a number of the line does not", ["--jsonl", "--by", "a"]),
            (b'{"a":1}\n{"a":01}', ":2: the line is not valid JSON", ["--jsonl", "--by", "a"]),
            (b'{"a":1,"b":' + b"[" * 64 + b"]" * 64 + b"}", ":1: the row cannot be an item of MessagePack: arrays and "
             "maps lie in each other deeper than 64", ["--jsonl", "--by", "a"]),
            (b'{"a":1,"user":2,"user":3}', ":1: its field 'user' stands there twice", ["--jsonl", "--by", "a"]),
            (b'{"a":1,"b":[0,{"c":{"x y":1,"z":0,"x\\u0020y":2}}]}', "'x y' stands there twice", ["--jsonl", "--by", "a"]),
            (b"a,\xffb\n1,2\n", ":1: the name of a column is not UTF-8: '\\xffb'", ["--by", "a"]),
            (b"a,b\n1,2\n3," + b"x" * (2**26 + 1), ":3: the row cannot be an item of MessagePack: ", ["--by", "a"]),
        ):
            self.assertIn(problem, self.fails(4, "load", self.data, "--as", "msgpack", *args, stdin=content))
        self.ok("load", self.data, "--as", "msgpack", "--by", "a", "--on-error", "skip", stdin=b"a,b\n5\n6,7\n")
        self.assertEqual(self.items("6")[0]["item"], {"a": "6", "b": "7"})

    def test_a_row_too_large_for_an_item_is_passed_over_and_what_follows_is_read(self):
        self.create()
        row = b'{"k":"a","v":"' + b"x" * (2**26 + 1) + b'"}\n'
        for content, args in ((b"k,v\na,1\na," + b"x" * (2**26 + 1) + b"\na,2\n", []),
                              (b'{"k":"a","v":"1"}\n' + row + b'{"k":"a","v":"2"}\n', ["--jsonl"])):
            self.ok("load", self.data, "--as", "msgpack", "--by", "k", "--on-error", "skip", *args, stdin=content)
        self.assertEqual([row["item"]["v"] for row in self.items("a")], ["1", "2", "1", "2"])

    def test_json_of_names_that_repeat_in_other_objects_is_loaded(self):
        row = {"a": 1, "b": {"a": 2, "b": [{"a": 3}, {"a": 4}]}}
        self.assertEqual(self.load(json.dumps(row).encode(), "--jsonl", "--by", "a"), [("1", row)])

    def test_bytes_that_are_not_utf_8_become_binaries(self):
        long = b"\xff" * 300
        self.assertEqual(
            self.load(b"k,v\na,\xff\na,\xc3\xa9\na," + long + b"\n", "--by", "k"),
            [("a", {"k": "a", "v": v}) for v in ({"$base64": "/w=="}, "é", {"$base64": base64.b64encode(long).decode()})],
        )
        self.assertIn(b"\xa1v\xc4\x01\xff", self.ok("get", self.data, "a"))

    def test_the_form_is_a_part_of_what_an_id_names(self):
        self.create()
        for args in ([], ["--as", "msgpack"], ["--as", "msgpack"]):
            self.ok("load", self.data, "--by", "k", "--id", "one", *args, stdin=b"k\nx\n")
        self.assertEqual(self.ok("get", self.data, "x"), b"x\n\x81\xa1k\xa1x")

    def test_pairs_have_no_other_form(self):
        self.create()
        self.fails(2, "load", self.data, "--pairs", "|", "--as", "msgpack")
        self.fails(2, "load", self.data, "--by", "k", "--as", "xml")


class Cat(Packed):
    def setUp(self):
        super().setUp()
        self.create()

    def test_values_without_items_print_nothing_and_missing_keys_are_named(self):
        self.ok("put", self.data, "empty", "")
        self.assertEqual(self.ok("cat", self.data, "--as", "msgpack"), b"")
        self.assertIn("'gone'", self.fails(1, "cat", self.data, "--as", "msgpack", "gone"))

    def test_keys_that_are_not_utf_8_are_base64(self):
        self.ok("put", self.data, b"\xff", stdin=b"\x01")
        self.assertEqual(self.ok("cat", self.data, "--as", "msgpack"), b'{"key_base64":"/w==","item":1}\n')

    def test_numbers_are_exact(self):
        floats = [struct.pack(">Bd", 0xCB, 0.1), struct.pack(">Bf", 0xCA, 0.1), struct.pack(">Bd", 0xCB, 1e300)]
        self.assertEqual(self.items_of(b"".join(floats)), [0.1, 0.1, 1e300])
        printed = self.ok("cat", self.data, "--as", "msgpack").replace(b'{"key":"k","item":', b"").replace(b"}\n", b" ")
        self.assertEqual(printed, b"0.1 0.1 1e+300 ")
        self.assertEqual(
            self.items_of(b"\x00\x7f\xff\xe0\xcc\xff\xcd\xff\xff\xce\xff\xff\xff\xff\xcf" + b"\xff" * 8),
            [0, 127, -1, -32, 255, 65535, 2**32 - 1, 2**64 - 1],
        )
        self.assertEqual(
            self.items_of(b"\xd0\x80\xd1\x80\x00\xd2\x80\x00\x00\x00\xd3\x80" + bytes(7)), [-128, -(2**15), -(2**31), -(2**63)]
        )

    def test_floats_that_are_whole_stay_floats(self):
        values = (2.0, -0.0, 0.0, 1e22, -3.0, 1e15)
        self.ok("put", self.data, "k", stdin=b"".join(struct.pack(">Bd", 0xCB, value) for value in values))
        self.ok("put", self.data, "k", stdin=struct.pack(">Bf", 0xCA, 7.0))
        printed = self.ok("cat", self.data, "--as", "msgpack").replace(b'{"key":"k","item":', b"").replace(b"}\n", b" ")
        self.assertEqual(printed, b"2.0 -0.0 0.0 1e+22 -3.0 1e+15 7.0 ")

    def test_what_json_cannot_hold_stands_as_an_object(self):
        nan, inf, minus_inf = (struct.pack(">Bd", 0xCB, float(text)) for text in ("nan", "inf", "-inf"))
        self.assertEqual(self.items_of(nan + inf + minus_inf), [{"$float": text} for text in ("nan", "inf", "-inf")])
        self.assertEqual(self.items_of(b"\xc4\x02\x00\xff\xa1\xff"), [{"$base64": "AP8="}, {"$base64": "/w=="}])
        self.assertEqual(self.items_of(b"\xd4\x05\x01\xc7\x00\x80"), [{"$ext": [5, "AQ=="]}, {"$ext": [-128, ""]}])

    def test_times_are_rfc_3339(self):
        times = [
            (struct.pack(">BbI", 0xD6, -1, 10**9), "2001-09-09T01:46:40Z"),
            (struct.pack(">BbQ", 0xD7, -1, 500_000_000 << 34 | 2**32), "2106-02-07T06:28:16.5Z"),
            (struct.pack(">BBbIq", 0xC7, 12, -1, 1, -1), "1969-12-31T23:59:59.000000001Z"),
            (struct.pack(">BBbIq", 0xC7, 12, -1, 100_000_000, 0), "1970-01-01T00:00:00.1Z"),
            (struct.pack(">BBbIq", 0xC7, 12, -1, 0, 253_402_300_799), "9999-12-31T23:59:59Z"),
            (struct.pack(">BBbIq", 0xC7, 12, -1, 0, -62_167_219_200), "0000-01-01T00:00:00Z"),
        ]
        for packed, text in times:
            self.assertEqual(self.items_of(packed), [{"$time": text}])
        for seconds in (2**40, 253_402_300_800, -62_167_219_201):
            body = struct.pack(">Iq", 0, seconds)
            self.assertEqual(self.items_of(b"\xc7\x0c\xff" + body), [{"$ext": [-1, base64.b64encode(body).decode()]}])
        odd = struct.pack(">BbQ", 0xD7, -1, 10**9 << 34)
        self.assertEqual(self.items_of(odd), [{"$ext": [-1, "7msoAAAAAAA="]}])

    def test_keys_of_maps_become_strings(self):
        self.assertEqual(
            self.items_of(b"\x85\x01\xc0\xa1x\xc2\x91\x02\xc3\xc4\x01\xff\x90\xa0\x80"),
            [{"1": None, "x": False, "[2]": True, '{"$base64":"/w=="}': [], "": {}}],
        )

    def test_keys_in_keys_do_not_make_the_text_long(self):
        key_in_key = b"\x81\x91\xa1x\x01"  # {["x"]: 1}
        self.assertEqual(self.items_of(b"\x81" + key_in_key + b"\x02"), [{'{"{\\"$msgpack\\":\\"kaF4\\"}":1}': 2}])
        self.assertEqual(self.items_of(b"\x81\x91\x81\x01\x02\x03"), [{'[{"1":2}]': 3}])
        for first in (b"\x81", b"\x91\x81"):
            value = first * (63 // len(first)) + b"\xa1\"" + b"\x01" * (63 // len(first))
            self.ok("drop", self.data)
            self.ok("put", self.data, "k", stdin=value)
            self.assertLess(len(self.ok("cat", self.data, "--as", "msgpack")), 64 * len(value))

    def test_a_separator_is_for_bytes_and_numbers(self):
        self.assertIn("--separator", self.fails(2, "cat", self.data, "--as", "msgpack", "--separator", ";"))

    def test_damage_ends_it_after_the_items_before(self):
        for value, problem in (
            (b"\x01\xc1", "cannot read item 2 of key 'k': the byte 0xC1 at byte 1"),
            (b"\x01\xdd\xff\xff\xff\xff", "declares 4294967295"),
            (b"\x01\xa2x", "declares 2 bytes, and the value ends at byte 3"),
            (b"\x01" + b"\x91" * 100_000, "deeper than 64"),
        ):
            self.ok("drop", self.data)
            self.ok("put", self.data, "k", stdin=value)
            done = self.run_program("cat", self.data, "--as", "msgpack")
            self.assertEqual((done.returncode, done.stdout), (4, b'{"key":"k","item":1}\n'))
            self.assertIn(problem, done.stderr.decode())

    def test_items_of_many_pieces_are_all_printed(self):
        self.ok("put", self.data, "k", stdin=b"\x93\x01\xa2ab\x03" * 300_000)
        self.assertEqual(self.ok("cat", self.data, "--as", "msgpack"), b'{"key":"k","item":[1,"ab",3]}\n' * 300_000)


if __name__ == "__main__":
    unittest.main()
