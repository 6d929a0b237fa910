"""Counts the results in a testlog.json of Meson: prints "PASSED FAILED SKIPPED", then a line with the name of each test
that failed."""

import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}

try:
    with open(sys.argv[1], encoding="utf-8") as log:
        results = [json.loads(line) for line in log if line.strip()]
except FileNotFoundError:
    sys.exit(f"count_tests: no test has run; there is no {sys.argv[1]}")
failed = [test["name"] for test in results if test["result"] not in PASSED | {"SKIP"}]
passed = sum(test["result"] in PASSED for test in results)
print(passed, len(failed), len(results) - passed - len(failed))
for name in failed:
    print(name)
