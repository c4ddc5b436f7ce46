"""Reads the logs of one ./tests/run and prints the ten slowest tests and one line of counts.

The counts add up libtest's result lines, pytest's report, and one each for formatting and lints; with --long also one each
for the long tests, for each of the two comparisons with other kernels, and for the benchmarks. A run that executed no test,
or whose runner failed without saying which test, is a failure: a suite must not be able to pass by not running.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

RESULT = re.compile(
    r"^test result: \w+\. (?P<passed>\d+) passed; (?P<failed>\d+) failed; (?P<ignored>\d+) ignored;.*finished in (?P<seconds>[\d.]+)s"
)
RUNNING = re.compile(r"^\s+(?:Running (?P<kind>\S+ \S+|\S+) \((?P<binary>[^)]+)\)|Doc-tests (?P<doc>\S+))")


class Counts:
    """What passed, failed and was skipped, and how long each test or test binary took."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.times = []

    def status(self, logs, name):
        """The exit status of one check, or 1 where it never ran."""
        file = logs / f"{name}.status"
        return int(file.read_text()) if file.exists() else 1

    def check(self, logs, name):
        """A check that is one test by itself."""
        if self.status(logs, name) == 0:
            self.passed += 1
        else:
            self.failed += 1

    def crates(self, logs):
        """The crates' own tests. Stable libtest times a whole binary, so a binary is what is listed."""
        crate, subject, passed, failed = "?", "?", 0, 0
        for line in (logs / "crates.log").read_text(errors="replace").splitlines():
            line = re.sub(r"\x1b\[[0-9;]*m", "", line)
            if running := RUNNING.match(line):
                if running["doc"]:
                    subject = f"{running['doc']}, documentation"
                elif running["kind"].startswith("unittests"):
                    crate = subject = Path(running["binary"]).name.rsplit("-", 1)[0]
                else:  # an integration test; cargo runs it after its crate's unit tests
                    subject = f"{crate}, {running['kind']}"
            elif result := RESULT.match(line):
                passed += int(result["passed"])
                failed += int(result["failed"])
                self.skipped += int(result["ignored"])
                self.times.append((float(result["seconds"]), f"cargo test: {subject}, {result['passed']} tests"))
        self.add(passed, failed, self.status(logs, "crates"))

    def pytest(self, logs):
        """Everything in this folder."""
        passed = failed = 0
        report = logs / "pytest.xml"
        if report.exists():
            for case in ElementTree.parse(report).iter("testcase"):
                file = case.get("classname", "").removeprefix("tests.")
                self.times.append((float(case.get("time", 0)), f"pytest: {file}::{case.get('name')}"))
                if case.find("failure") is not None or case.find("error") is not None:
                    failed += 1
                elif case.find("skipped") is not None:
                    self.skipped += 1
                else:
                    passed += 1
        self.add(passed, failed, self.status(logs, "pytest"))

    def add(self, passed, failed, status):
        """Adds a suite; one that failed without a failed test, or ran none, counts as one failure."""
        self.passed += passed
        self.failed += failed if failed or (status == 0 and passed) else 1


def main():
    logs = Path(sys.argv[1])
    counts = Counts()
    counts.check(logs, "formatting")
    counts.check(logs, "lints")
    for name in ("long", "peers", "cells", "data", "benchmarks"):
        if (logs / f"{name}.status").exists():
            counts.check(logs, name)
    counts.crates(logs)
    counts.pytest(logs)
    print("the ten slowest:")
    for seconds, name in sorted(counts.times, reverse=True)[:10]:
        print(f"  {seconds:7.1f} s  {name}")
    skipped = f", {counts.skipped} skipped" if counts.skipped else ""
    print(f"{counts.passed} passed, {counts.failed} failed{skipped}")
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
