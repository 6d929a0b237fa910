"""The parser of delimited text against Python's csv module, on texts of which both mean the same."""
import csv
import io
import random
import unittest

from accrete_cli import CliTest


def python_rows(text):
    """[(bytes, fields)] of the rows, or None where Python takes the text for malformed."""
    lines = text.splitlines(keepends=True)
    reader = csv.reader(iter(lines), strict=True)
    rows = []
    begin = 0
    try:
        for fields in reader:
            rows.append(("".join(lines[begin : reader.line_num]), fields))
            begin = reader.line_num
    except csv.Error:
        return None
    return rows


def random_text(source):
    """Text of quotes, delimiters and endings in any order. A CR is always half an ending: a lone one ends a row for
    Python only."""
    pieces = ["a", "b", "c", ",", ",", '"', '"', '""', "\n", "\r\n"]
    return "".join(source.choice(pieces) for _ in range(source.randrange(60)))


def written_text(source):
    """What Python writes of random fields."""
    out = io.StringIO()
    for _ in range(source.randrange(1, 20)):
        fields = ["".join(source.choice('ab,"\n') for _ in range(source.randrange(6))) for _ in range(2)]
        style = source.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
        csv.writer(out, quoting=style, lineterminator=source.choice(["\n", "\r\n"])).writerow(fields)
    return out.getvalue()


class AgainstPython(CliTest):
    def setUp(self):
        super().setUp()
        self.create()
        self.wanted = {}
        self.unchecked = []

    def load(self, text, rows):
        """The rows go after those of the texts before."""
        ending = "\n"
        for row, fields in rows:
            if not row.endswith("\n"):
                row += ending
            ending = "\r\n" if row.endswith("\r\n") else "\n"
            if fields:
                key = (fields[0] or "none").encode()
                self.wanted[key] = self.wanted.get(key, b"") + row.encode()
        self.ok("load", self.data, "--no-header", "--by", "1", "--empty-key", "none", stdin=text.encode())
        self.unchecked.append(text)
        if len(self.unchecked) == 10:
            self.check()

    def check(self):
        self.assertEqual(self.values(), self.wanted, self.unchecked)
        self.unchecked = []

    def test_any_text_that_python_takes_makes_the_same_rows(self):
        source = random.Random(1)
        agreed = 0
        while agreed < 150:
            text = random_text(source)
            rows = python_rows(text)
            if rows is None or text.endswith("\r"):
                continue
            self.load(text, rows)
            agreed += 1
        self.check()

    def test_what_python_writes_is_read_back(self):
        source = random.Random(2)
        for _ in range(100):
            text = written_text(source)
            rows = python_rows(text)
            self.assertIsNotNone(rows)
            self.load(text, rows)
        self.check()


if __name__ == "__main__":
    unittest.main()
