import growth


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"{growth.calls_made:,} calls were made to see what they leave behind")
