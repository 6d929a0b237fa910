"""Prints what the tests of a suite need, as targets of Ninja, a line each: targets_of.py BUILD_DIRECTORY SUITE"""

import json
import os
import sys

build, suite = sys.argv[1:]


def introspected(what):
    with open(f"{build}/meson-info/intro-{what}.json", encoding="utf-8") as info:
        return json.load(info)


wanted = {target for test in introspected("tests") if any(name.endswith(f":{suite}") for name in test["suite"])
          for target in test["depends"]}
for target in introspected("targets"):
    if target["id"] in wanted:
        print("\n".join(os.path.relpath(name, os.path.realpath(build)) for name in target["filename"]))
