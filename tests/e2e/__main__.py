"""Runs the tests beside this file, several groups at a time: most of their time is waiting.

    python3 tests/e2e [FILTER...] [--without FILTER] [--jobs N] [--counts FILE] [--bin FOLDER] [--tests FOLDER]

A filter is part of "file.Class.test". A group (one class) runs in a process of its own, so that it has its own ports and
cannot be disturbed by what another one left behind; its output is printed when it has ended.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))  # where the harness is
GROUP_SECONDS = 300  # a group that hangs is ended, and counts as failed


def all_tests(folder):
    sys.path.insert(0, HERE)  # a folder of other tests has our harness too
    found = []

    def walk(suite):
        for item in suite:
            walk(item) if isinstance(item, unittest.TestSuite) else found.append(item)

    walk(unittest.TestLoader().discover(folder, pattern="test_*.py", top_level_dir=folder))
    return found


def run_group(folder, tests, environment):
    """Passed, failed, and the output."""
    command = [sys.executable, "-m", "unittest", "-v", *tests]
    began = time.monotonic()
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=GROUP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            output = process.communicate()[0] + f"\nthe group did not end in {GROUP_SECONDS} s\n"
    ran, wrong = re.search(r"^Ran (\d+) tests? in", output, re.M), 0
    for _, number in re.findall(r"(\w[\w ]*)=(\d+)", output.rstrip().rsplit("\n", 1)[-1]):
        wrong += int(number)  # failures, errors, and skipped ones have not passed either
    passed = max(0, int(ran.group(1)) - wrong) if ran else 0
    return passed, len(tests) - passed, output, time.monotonic() - began


def main():
    os.environ.setdefault("PILOTLIGHT_WORKERS", "2")  # so that slots pass between threads, on a small machine too
    parser = argparse.ArgumentParser(prog="tests/e2e", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("filters", nargs="*")
    parser.add_argument("--without", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--counts")
    parser.add_argument("--bin", help="where pilotlight and sd-simulator are (build/release/bin)")
    parser.add_argument("--tests", default=HERE, help="another folder of tests, as tests/browser")
    options = parser.parse_args()
    folder = os.path.abspath(options.tests)

    groups, broken = {}, 0
    for test in all_tests(folder):
        name = test.id()
        if name.startswith("unittest.loader."):
            print(getattr(test, "_exception", name))
            broken += 1
            continue
        if options.filters and not any(f.lower() in name.lower() for f in options.filters):
            continue
        if any(f.lower() in name.lower() for f in options.without):
            continue
        groups.setdefault(name.rsplit(".", 1)[0], []).append(name)

    environment = {**os.environ, "PYTHONPATH": HERE}
    if options.bin:
        environment["PILOTLIGHT_BIN"] = os.path.abspath(options.bin)
    passed, failed, wrong = 0, broken, []
    # The longest first, as they say themselves: a group named "Slow..." begins at once.
    order = sorted(groups, key=lambda group: not group.rsplit(".", 1)[1].startswith("Slow"))
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        running = {pool.submit(run_group, folder, groups[g], environment): g for g in order}
        for done in concurrent.futures.as_completed(running):
            good, bad, output, seconds = done.result()
            passed, failed = passed + good, failed + bad
            if bad:
                wrong.append(running[done])
            print(f"--- {running[done]}: {good} passed, {bad} failed, {seconds:.1f} s\n{output}", flush=True)
    if wrong:
        print("failed: " + " ".join(wrong))
    if options.counts:
        with open(options.counts, "w", encoding="utf-8") as file:
            file.write(f"{passed} {failed}\n")
    else:
        print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
