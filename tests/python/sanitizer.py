"""For pytest in a process that has ASan: what it and UBSan say of the processes that tests start, and what the native
module has leaked, are failures. (In this process itself an error ends it.)

Leaks are looked for before the interpreter ends, which leaves much behind on purpose. Of what is found, that counts which
was allocated within the native module, whose name meson.build has each line of a stack tell."""
import ctypes
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

_process = ctypes.CDLL(None)


def is_there():
    return hasattr(_process, "__lsan_do_recoverable_leak_check")


def _leaks(directory):
    """Of each leak, the lines that say where it was allocated."""
    _process.__sanitizer_set_report_path(os.fsencode(directory / "leaks"))
    _process.__lsan_do_recoverable_leak_check()
    _process.__sanitizer_set_report_path(b"stderr")
    report = "".join(file.read_text(errors="replace") for file in directory.glob("leaks.*"))
    return re.findall(r"^(?:Direct|Indirect) leak of .*?(?=\n\n)", report, re.MULTILINE | re.DOTALL)


class Reports:
    def __init__(self):
        self._directory = Path(tempfile.mkdtemp(prefix="accrete-sanitizer-"))
        self._found = []
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):  # of others: this process has read its own
            os.environ[name] = f"{os.environ.get(name, '')}:log_path={self._directory}/report"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        self._found = [file.read_text(errors="replace") for file in self._directory.glob("report.*")]
        self._found += [record for record in _leaks(self._directory) if "(_native." in record]
        shutil.rmtree(self._directory)
        if self._found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self._found:
            terminalreporter.section("reports of sanitizers")
        for report in self._found:
            terminalreporter.write_line(report)
