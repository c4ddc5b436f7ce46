#!/usr/bin/env python3
"""Rust cells beside other kernels' cells, in one run: ours, evcxr_jupyter 0.22 where it is installed, and ipykernel.

Each figure is the median of what a client of the kernel sees: the seconds from sending a cell to its idle, so that compiling
counts. The kernels take turns, one is alive at a time, and the same client talks to all. The ratio is evcxr_jupyter's figure by
ours: above 1, ours is the smaller. Beside each figure that has a bound stands whether it is kept.

- Three kinds of session, after one that does not count: a cell sent at once; a Polars cell sent at once; and one that waits
  until the kernel has settled, for all the rest. Warm cells follow two of the same kind, and differ by a number.
- Memory is the sum of proportional set sizes (PSS) over the kernel's process tree; memory files count in full. Another kernel
  that is alive shares pages with it, and makes it seem smaller.
- A frame of 1 GB is loaded into our kernel by a magic, five times; its cost is what a cell that names it takes beyond the
  same cell with a frame of ten rows. The other kernels' frames are in the process that runs their cells: nothing to compare.
- Polars' crates take evcxr_jupyter a quarter of an hour: `--prepare` builds them once and keeps their folder (EVCXR_TMPDIR), as
  sessions then reuse it. That is its best case: its own `:cache` also copies what it holds, each session. Without the folder,
  or after a change of toolchain, its Polars figures are missing.

Run it with the tests' Python:  ~/.cache/ironsage/venv/bin/python tests/peers/cells.py
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import polars

from kernels import OURS, Kernel, installed, median, ready

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ironsage" / "evcxr-polars"

LINES = 200_000
ROWS = 100_000  # of the frame that a session shares with its cells
BIG = 125_000_000  # of the frame of 1 GB: one column of f64

# The features that these cells need: as few as possible, to evcxr_jupyter's advantage.
DEPENDENCY = ':dep polars = { version = "=0.55.2", default-features = false, features = ["lazy", "fmt_no_tty"] }\n'

# NUMBER is another one each time, so that no compiler finds its last answer again.
RUST = {
    "first": "let one = 1;",
    "let": "let value = NUMBER;",
    "last": "value + NUMBER",
    "polars": 'use polars::prelude::*;\nlet first = df!("a" => [1, 2, 3]).unwrap();\nfirst.height()',
    "height": "shared.height() + NUMBER",
    "group": 'let grouped = shared.clone().lazy().group_by([col("key")]).agg([col("value").sum() * lit(NUMBER)])'
    ".collect().unwrap();",
    "lines": 'for line in 0..LINES { println!("line {line}"); }',
    "sleep": 'println!("asleep");\nstd::thread::sleep(std::time::Duration::from_secs(4));',
    "text": 'let text = String::from("text");',
    # A float's sum has an order that no compiler may change: each step waits for the one before.
    "loop": "{\n    let (began, mut total) = (std::time::Instant::now(), 0.0_f64);\n"
    "    for step in 0..100_000_000_u64 { total = total * 0.999 + step as f64; }\n"
    '    println!("{} {total}", began.elapsed().as_secs_f64());\n}',
}
PYTHON = {
    "first": "one = 1",
    "let": "value = NUMBER",
    "last": "value + NUMBER",
    "polars": 'import polars as pl\nfirst = pl.DataFrame({"a": [1, 2, 3]})\nfirst.height',
    "height": "shared.height + NUMBER",
    "group": 'grouped = shared.lazy().group_by("key").agg(pl.col("value").sum() * NUMBER).collect()',
    "lines": 'for line in range(LINES): print(f"line {line}")',
    "sleep": 'import time\nprint("asleep", flush=True)\ntime.sleep(4)',
    "text": 'text = "text"',
    "loop": "import time\nbegan, total = time.perf_counter(), 0.0\n"
    "for step in range(100_000_000): total = total * 0.999 + step\n"
    "print(time.perf_counter() - began, total)",
    "share": f'shared = pl.DataFrame({{"key": [row % 100 for row in range({ROWS})], '
    f'"value": [float(row) for row in range({ROWS})]}})',
}


@dataclass
class Peer:
    """A kernel and its cells."""

    name: str
    title: str
    cells: dict
    # What its process finds in the environment beyond what all find.
    environment: dict = field(default_factory=dict)
    # Where evcxr_jupyter's Polars is built.
    folder: Path | None = None

    def start(self, environment):
        return Kernel(self.name, {**environment, **self.environment})

    def code(self, key, number=0):
        """The text of a cell; nothing where this kernel has no such cell."""
        code = self.cells.get(key)
        return code and code.replace("NUMBER", str(number)).replace("LINES", str(LINES))

    def before_polars(self):
        """evcxr forgets a lock file's versions when it starts; newer ones would be a new build."""
        if self.folder:
            shutil.copyfile(self.folder / "prepared.lock", self.folder / "Cargo.lock")


@dataclass(frozen=True)
class Row:
    """One figure: what it is, how it is written, and what is wanted of it."""

    key: str
    label: str
    write: callable
    # The most that ours may be, and how many times evcxr_jupyter's must be ours.
    most: float | None = None
    times: float | None = None


def seconds(value):
    return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def megabytes(value):
    return f"{value / 1e6:.0f} MB"


def factor(value):
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


TABLE = [
    Row("ready", "start to ready", seconds, times=15),
    Row("first at once", "first cell, sent at once: from start", seconds),
    Row("first", "first cell, kernel settled", seconds),
    Row("let", "warm: let of an integer", seconds),
    Row("last", "warm: last expression", seconds),
    Row("polars at once", "first Polars cell, sent at once: from start", seconds, most=6),
    Row("polars", "first Polars cell, evaluator up", seconds, most=2),
    Row("let beside Polars", "warm, after Polars: let of an integer", seconds),
    Row("last beside Polars", "warm, after Polars: last expression", seconds),
    Row("height", "warm: frame.height()", seconds),
    Row("group", "warm: unannotated let of a group-by", seconds, most=0.8, times=3),
    Row("lines", "200 000 printed lines", seconds, times=10),
    Row("completion", "completion while a cell sleeps 4 s", seconds, most=0.5),
    Row("loop", "loop of 10⁸ steps: itself", seconds, times=1 / 1.2),
    Row("loop cell", "loop of 10⁸ steps: its cell", seconds),
    Row("idle memory", "memory, idle", megabytes),
    Row("first memory", "memory after the first cell", megabytes),
    Row("polars memory", "memory after a Polars cell", megabytes, times=2),
]


class Figures:
    """All that was measured, by figure and kernel, and what a reader should know about it."""

    def __init__(self):
        self.values = {}
        self.notes = []
        # Figures that ours should have and has not.
        self.missing = 0

    def add(self, key, peer, value):
        self.values.setdefault((key, peer.name), []).append(value)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def cell(self, key, peer, kernel, number=0, keep=True):
        """Runs a cell and keeps its seconds; one that fails has none, and a note says why."""
        code = peer.code(key, number)
        reply = kernel.run(code)
        if reply.error is None:
            if keep:
                self.add(key, peer, reply.seconds)
            return reply
        self.missing += peer.name == OURS
        self.note(f"{peer.title} fails at `{code.splitlines()[-1]}`: {' '.join(reply.error.split())[:200]}")
        return None

    def median(self, key, name):
        return median(self.values.get((key, name)))

    def print(self, peers):
        others = [peer for peer in peers if peer.name != OURS]
        print(f"{'':<45}{'Ironsage':>12}{'':>3}" + "".join(f"{peer.title:>15}" for peer in others) + f"{'ratio':>9}   wanted")
        for row in TABLE:
            ours, theirs = self.median(row.key, OURS), self.median(row.key, "rust")
            written = [self.median(row.key, peer.name) for peer in others]
            ratio = theirs / ours if ours and theirs else None
            print(
                f"{row.label:<45}{'–' if ours is None else row.write(ours):>12}{'':>3}"
                + "".join(f"{'–' if value is None else row.write(value):>15}" for value in written)
                + f"{'–' if ratio is None else factor(ratio):>9}   {wanted(row, ours, ratio)}".rstrip()
            )


def verdict(kept):
    return "met" if kept else "FALLS SHORT"


def wanted(row, ours, ratio):
    """The bounds of a figure, and whether they are kept where it was measured."""
    bounds = []
    if row.most is not None:
        bounds.append((f"≤ {row.most:g} s", ours is not None, ours is not None and ours <= row.most))
    if row.times is not None:
        bounds.append((f"ratio ≥ {factor(row.times)}", ratio is not None, ratio is not None and ratio >= row.times))
    return ", ".join(f"{bound}: {verdict(kept) if known else 'not measured'}" for bound, known, kept in bounds)


def at_once(peer, environment, key, figures):
    """A person who runs the first cell without waiting: from the kernel's start to the cell's idle."""
    with peer.start(environment) as kernel:
        figures.add("ready", peer, kernel.started)
        if key == "polars":
            peer.before_polars()
        if figures.cell(key, peer, kernel, keep=False):
            figures.add(f"{key} at once", peer, time.perf_counter() - kernel.began)


def session(peer, environment, trips, figures):
    """All that is measured in a kernel that was given time to settle."""
    with peer.start(environment) as kernel:
        figures.add("ready", peer, kernel.started)
        kernel.settle()
        figures.add("idle memory", peer, kernel.memory())
        figures.cell("first", peer, kernel)
        figures.add("first memory", peer, kernel.memory())
        warm(["let", "last"], peer, kernel, trips, figures)
        shared = False
        if peer.code("polars"):
            peer.before_polars()
            figures.cell("polars", peer, kernel)
            figures.add("polars memory", peer, kernel.memory())
            warm(["let", "last"], peer, kernel, trips, figures, " beside Polars")
            shared = figures.cell("share", peer, kernel, keep=False) is not None
        if shared:
            warm(["height", "group"], peer, kernel, trips, figures)
            complete(peer, kernel, "shared.gro", "group_by", figures)
        else:
            complete(peer, kernel, "text.", "capitalize" if peer.cells is PYTHON else "push_str", figures)
        if reply := figures.cell("lines", peer, kernel):
            arrived = reply.text.count("\n")
            if arrived != LINES:
                figures.note(f"{peer.title}: {arrived} of {LINES} lines arrived")
        if reply := figures.cell("loop", peer, kernel, keep=False):
            figures.add("loop cell", peer, reply.seconds)
            figures.add("loop", peer, float(reply.text.split()[0]))


def warm(keys, peer, kernel, trips, figures, beside=""):
    """Cells of the same kinds again and again; the first two of each kind don't count."""
    for key in keys:
        for number in range(trips + 2):
            reply = figures.cell(key, peer, kernel, 1000 * len(beside) + number, keep=False)
            if reply is None:
                break
            if number >= 2:
                figures.add(key + beside, peer, reply.seconds)


def complete(peer, kernel, text, name, figures):
    """Completion behind a cell that runs, and whether it knew the name that a person would look for."""
    figures.cell("text", peer, kernel, keep=False)
    took, matches = kernel.complete_while(peer.code("sleep"), text)
    figures.add("completion", peer, took)
    found = "is among" if any(match.split("(")[0].endswith(name) for match in matches) else "is NOT among"
    figures.note(f"{peer.title}, completion of `{text}` behind a sleeping cell: `{name}` {found} {len(matches)} matches")


def copying():
    """The seconds to copy 1 GB: into new memory and into memory in use, by numpy, and into a new memory file."""
    source = numpy.ones(BIG)
    times = {"into new memory": [], "into memory in use": [], "into a new memory file": []}
    for _ in range(3):
        target = numpy.empty_like(source)
        for kind in ("into new memory", "into memory in use"):
            began = time.perf_counter()
            numpy.copyto(target, source)
            times[kind].append(time.perf_counter() - began)
        del target
        with open(os.memfd_create("copy"), "wb", buffering=0) as file:
            began = time.perf_counter()
            for piece in numpy.split(source, 1000):
                file.write(piece)
            times["into a new memory file"].append(time.perf_counter() - began)
    return {kind: median(values) for kind, values in times.items()}


def gigabyte(peer, environment, folder, trips):
    """What a frame of 1 GB costs cells, beyond a frame of ten rows; printed with what bounds it."""
    copies = copying()
    fresh = copies["into new memory"]
    for name, rows in (("big", BIG), ("tiny", 10)):
        frame = polars.DataFrame({"value": numpy.arange(rows, dtype=float)})
        frame.write_parquet(folder / f"{name}.parquet", compression="uncompressed")
        del frame
    # Polars' engine sums, optimised as it is; `f64()?.sum()` would be compiled into the cell, at the cell's own level.
    total = 'NAME.clone().lazy().select([col("value").sum() * lit(NUMBER)]).collect().unwrap().height()'
    kinds = {
        "named for the first time": "NAME.height() + NUMBER",
        "summed for the first time": total,
        "named again": "NAME.height() * 2 + NUMBER",
        "summed again": f"{total} * 2",
        "consumed": "drop(NAME); NUMBER",
        "named after a cell consumed it": "NAME.height() * 3 + NUMBER",
    }
    beyond = {kind: [] for kind in kinds}
    memory = []
    with peer.start(environment) as kernel:

        def ok(code):
            reply = kernel.run(code)
            if reply.error:
                sys.exit(f"{peer.title} fails at `{code}`: {reply.error}")
            return reply.seconds

        ok(peer.code("polars"))
        kernel.settle()
        memory.append(("before", kernel.memory()))
        for number in range(trips + 1):
            for name in ("tiny", "big"):
                ok(f"%load {folder / name}.parquet -q -o {name}")
            if number == 0:
                memory.append(("loaded", kernel.memory()))
            for kind, code in kinds.items():
                tiny, big = (ok(code.replace("NAME", name).replace("NUMBER", str(number))) for name in ("tiny", "big"))
                if number > 0:
                    beyond[kind].append(big - tiny)
                elif kind in ("named for the first time", "summed for the first time"):
                    memory.append((kind, kernel.memory()))
            if number == 0:
                memory.append(("named after a cell consumed it", kernel.memory()))
    speed = BIG * 8 / 1e9
    print("\nA frame of 1 GB in Ironsage, beyond the same cell with ten rows (medians):")
    for kind, values in beyond.items():
        value, bound = median(values), ""
        if kind == "named for the first time":
            bound = f"   ≤ one copy, {fresh:.3f} s: {verdict(value <= fresh)}"
        elif kind.startswith("named"):
            bound = f"   ≤ 0.050 s: {verdict(value <= 0.05)}"
        if kind != "consumed":
            print(f"  {kind:<34}{seconds(value):>10}{bound}")
    written = (f"{value:.3f} s {kind} ({speed / value:.1f} GB/s)" for kind, value in copies.items())
    print("  One copy in this run: " + ", ".join(written))
    print("  Memory: " + ", ".join(f"{when} {megabytes(value)}" for when, value in memory))


def floor(folder):
    """What no cell can be faster than: rustc and the linker on a library with nothing in it."""
    (folder / "empty.rs").write_text("")
    command = ["rustc", "--edition=2024", "--crate-type=cdylib", "-Cprefer-dynamic", "-o", folder / "empty.so"]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([*command, folder / "empty.rs"], check=True)
        times.append(time.perf_counter() - began)
    return median(times)


def toolchain():
    """What a prepared folder was built with and for."""
    return DEPENDENCY + subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout


def evcxr(folder, figures):
    """evcxr_jupyter, with Polars where its folder is prepared for this toolchain."""
    share = (
        f'let shared: DataFrame = df!("key" => (0..{ROWS}_i64).map(|row| row % 100).collect::<Vec<_>>(), '
        f'"value" => (0..{ROWS}_i64).map(|row| row as f64).collect::<Vec<_>>()).unwrap();'
    )
    mark = folder / "prepared"
    if mark.exists() and mark.read_text() == toolchain():
        cells = {**RUST, "share": share, "polars": DEPENDENCY + RUST["polars"]}
        return Peer("rust", "evcxr_jupyter", cells, {"EVCXR_TMPDIR": str(folder)}, folder)
    figures.note(f"evcxr_jupyter has no Polars of this toolchain in {folder}: `--prepare` builds it")
    return Peer("rust", "evcxr_jupyter", {key: code for key, code in RUST.items() if key not in ("polars", "height", "group")})


def prepare(folder, environment):
    """Builds evcxr_jupyter's Polars with the versions of our lock file, and marks the folder last."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prepared").unlink(missing_ok=True)
    print(f"Building Polars for evcxr_jupyter in {folder}: a quarter of an hour on a free machine", flush=True)
    began = time.perf_counter()
    with Kernel("rust", {**environment, "EVCXR_TMPDIR": str(folder)}, quiet=False) as kernel:
        shutil.copyfile(ROOT / "Cargo.lock", folder / "Cargo.lock")
        reply = kernel.run(DEPENDENCY + RUST["polars"], timeout=6 * 3600)
    if reply.error:
        sys.exit(f"evcxr_jupyter could not build Polars: {reply.error}")
    shutil.copyfile(folder / "Cargo.lock", folder / "prepared.lock")
    (folder / "prepared").write_text(toolchain())
    print(f"Ready after {(time.perf_counter() - began) / 60:.0f} minutes")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--starts", type=int, default=3, help="sessions of each kind for each kernel")
    arguments.add_argument("--trips", type=int, default=7, help="warm cells of each kind in a session")
    arguments.add_argument("--quick", action="store_true", help="one session of each kind, few cells, no frame of 1 GB")
    arguments.add_argument("--evcxr-polars", type=Path, default=CACHE, metavar="FOLDER", help="what --prepare has built")
    arguments.add_argument("--prepare", type=Path, nargs="?", const=CACHE, metavar="FOLDER", help="build it, and stop")
    arguments = arguments.parse_args()
    starts, trips = (1, 2) if arguments.quick else (arguments.starts, arguments.trips)
    with installed() as environment, tempfile.TemporaryDirectory(prefix="ironsage-peers-data-") as folder:
        folder = Path(folder)
        if arguments.prepare:
            return prepare(arguments.prepare, environment)
        figures = Figures()
        frame = polars.DataFrame({"key": numpy.arange(ROWS) % 100, "value": numpy.arange(ROWS, dtype=float)})
        frame.write_parquet(folder / "shared.parquet")
        ours = Peer(OURS, "Ironsage", {**RUST, "share": f"%load {folder / 'shared.parquet'} -q -o shared"})
        peers = [ours, Peer("python3", "ipykernel", PYTHON)]
        if ready("rust"):
            peers.insert(1, evcxr(arguments.evcxr_polars.resolve(), figures))
        else:
            figures.note("evcxr_jupyter is not installed: cargo install evcxr_jupyter --version 0.22.0 --locked")
        # What is read from disk or still to be built, as our prelude after a change, is so before anything counts.
        for peer in peers:
            with peer.start(environment) as kernel:
                kernel.run(peer.code("first"), timeout=3600)
        for _ in range(starts):
            for peer in peers:
                at_once(peer, environment, "first", figures)
                if peer.code("polars"):
                    at_once(peer, environment, "polars", figures)
                session(peer, environment, trips, figures)
        figures.print(peers)
        print(f"\nmedians of {starts} sessions with {trips} warm cells each; memory is PSS of the process tree")
        print(f"the floor of any cell: rustc and linker on an empty library take {seconds(floor(folder))}")
        for note in figures.notes:
            print(f"- {note}")
        if not arguments.quick:
            gigabyte(ours, environment, folder, trips=5)
        return 1 if figures.missing else 0


if __name__ == "__main__":
    sys.exit(main())
