"""What a run says about each cell: a line that ends up in a log as well as on a terminal."""

PATTERN_WIDTH = 4
NAME_WIDTH = 28


class Progress:
    def __init__(self, stream, count):
        self.stream = stream
        self.count = count
        self.done = 0
        self.seconds = {}  # {cell: of each of its repetitions}
        self.on_terminal = stream.isatty()

    def say(self, text):
        self._write(text + "\n")

    def skip(self):
        self.done += 1

    def begin(self, cell):
        if self.on_terminal:
            self._write(f"{self._head(cell, self.done + 1)}… {self._remaining()}")

    def end(self, cell, outcome, seconds):
        self.done += 1
        self.seconds.setdefault(cell, []).append(seconds)
        if outcome.failed:
            text = f"failed: {outcome.failed}"
        elif outcome.unavailable:
            text = f"n/a: {outcome.unavailable}"
        else:
            append = outcome.result["seconds"]["append"]
            text = f"{rate(outcome.result['appends'] / append if append else 0):>7} appends/s   ({append:.1f} s)"
        self._write(self._head(cell, self.done) + text + "\n")

    def _head(self, cell, number):
        width = len(str(self.count))
        return f"[{number:>{width}}/{self.count}]  {cell.pattern:<{PATTERN_WIDTH}}{name_of(cell):<{NAME_WIDTH}}"

    def _remaining(self):
        """As if what is left took as long as what is done, on the average."""
        measured = [second for seconds in self.seconds.values() for second in seconds]
        if not measured:
            return ""
        minutes = sum(measured) / len(measured) * (self.count - self.done) / 60
        return f"about {minutes:.0f} min left" if minutes >= 1 else "less than a minute left"

    def _write(self, text):
        self.stream.write("\r\033[K" + text if self.on_terminal else text)
        self.stream.flush()


def name_of(cell):
    """The engine, and what tells the cell from others of the engine on the same pattern."""
    if cell.pattern == "P9":
        return f"{cell.engine}, batch {cell.batch:,}"
    if cell.pattern == "P8":
        return f"{cell.engine}, {cell.processes} client{'s' if cell.processes > 1 else ''}"
    return cell.engine


def rate(number):
    for factor, unit in ((1e6, " M"), (1e3, " k")):
        if number >= factor:
            return f"{number / factor:.3g}{unit}"
    return f"{number:.3g}"
