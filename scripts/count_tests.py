"""count_tests.py LOG SHOWN: counts the results in LOG, a testlog.json of Meson.

Prints "PASSED FAILED SKIPPED", then a line with the name of each test that failed. Appends to SHOWN the end of what each
of these has printed."""

import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}


def end_of(test):
    """Of a fault campaign, one line of the other stream can be as long as a page, and there are thousands."""
    for stream, count in (("stdout", 30), ("stderr", 10)):
        for line in test.get(stream, "").rstrip().splitlines()[-count:]:
            yield f"  {line[:300]}\n"


log, shown = sys.argv[1:]
try:
    with open(log, encoding="utf-8") as lines:
        results = [json.loads(line) for line in lines if line.strip()]
except FileNotFoundError:
    sys.exit(f"count_tests: no test has run; there is no {log}")
failed = [test for test in results if test["result"] not in PASSED | {"SKIP"}]
passed = sum(test["result"] in PASSED for test in results)
print(passed, len(failed), len(results) - passed - len(failed))
with open(shown, "a", encoding="utf-8") as out:
    for test in failed:
        print(test["name"])
        out.write(f"{test['name']}: {test['result']} after {test['duration']:.0f} s\n")
        out.writelines(end_of(test))
