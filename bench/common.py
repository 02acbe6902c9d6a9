"""What the benches share: the tests' harness, tables, and targets that fail the run when they are missed."""
import argparse
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "e2e"))
import harness  # noqa: E402  (found through the line above)

LOAD = os.path.join(harness.BIN, "pilotlight-load")


def arguments(description, **more):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    for name, options in more.items():
        parser.add_argument("--" + name.replace("_", "-"), **options)
    return parser.parse_args()


def table(rows):
    """Rows of texts and numbers, the first one being the names; numbers to the right."""
    texts = [[cell if isinstance(cell, str) else f"{cell:.4g}" if abs(cell) < 100 else f"{cell:.1f}" for cell in row]
             for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    for row in texts:
        print("  ".join([row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]))
    print(flush=True)


def quantile(values, share):
    """The value that `share` of the sorted values do not exceed."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


class Targets:
    """Collects what was promised and what came; ends the program accordingly."""

    def __init__(self, path):
        self.path, self.figures, self.missed = path, {}, []

    def at_most(self, what, value, limit, unit=""):
        good = value <= limit  # false for NaN, too
        print(f"{'ok    ' if good else 'MISSED'} {what}: {value:.4g} {unit}, at most {limit:.4g} {unit}")
        if not good:
            self.missed.append(what)

    def at_least(self, what, value, limit, unit=""):
        good = value >= limit
        print(f"{'ok    ' if good else 'MISSED'} {what}: {value:.4g} {unit}, at least {limit:.4g} {unit}")
        if not good:
            self.missed.append(what)

    def true(self, what, good):
        print(f"{'ok    ' if good else 'MISSED'} {what}")
        if not good:
            self.missed.append(what)

    def end(self):
        if self.path:
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump({**self.figures, "missed": self.missed}, file, indent=1)
        sys.exit(1 if self.missed else 0)


def load(port, *options, seconds=120):
    """One run of pilotlight-load, to its end."""
    done = subprocess.run([LOAD, "--port", str(port), *map(str, options)], capture_output=True, text=True,
                          timeout=seconds, check=False)
    if not done.stdout.strip():
        raise AssertionError(f"pilotlight-load: {done}")
    return json.loads(done.stdout)
