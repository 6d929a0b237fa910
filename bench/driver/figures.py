"""How numbers are written in the report: three significant digits, and units that keep them short."""


def three(value):
    """1234567 -> 1,230,000; 0.012345 -> 0.0123."""
    if value is None:
        return "—"
    if value == 0:
        return "0"
    digits = 2 - int(f"{abs(value):.2e}".split("e")[1])
    return f"{round(value, digits):,.{max(digits, 0)}f}"


def scaled(value, unit, steps=((1e9, "G"), (1e6, "M"), (1e3, "k"))):
    """2.5e9, "B" -> 2.50 GB."""
    for size, prefix in steps:
        if abs(value) >= size:
            return f"{three(value / size)} {prefix}{unit}"
    return f"{three(value)} {unit}"


def data_size(value):
    return scaled(value, "B")


def duration(seconds):
    if seconds == 0:
        return "0 s"
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(seconds) >= size:
            return f"{three(seconds / size)} {unit}"
    return f"{three(seconds / 1e-9)} ns"


def percent(fraction):
    return "—" if fraction is None else f"{three(100 * fraction)} %"


def ratio(value):
    return "—" if value is None else f"{three(value)} ×"


def limit_value(value, unit):
    """The value of a limit in the unit that bench_limits names."""
    if unit == "bytes/s":
        return scaled(value, "B/s")
    if unit == "s":
        return duration(value)
    return scaled(value, "/s")
