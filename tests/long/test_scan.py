"""A CSV far larger than memory may be: `%scan`, a filter and an aggregate, within 1 GB of the kernel's own memory.

The file is made of one block of rows, again and again, so that its answer is known; it lies in the user's cache folder and is
removed at the end. IRONSAGE_SCAN_BYTES sets its size, 10 GB by default: 500000000 is a quick trial.

Its own memory is anonymous pages and memory files. Pages of mapped files are told, and not bound: the system drops them when
it needs them. That nothing else hides in them is shown by a second kernel, which may have no more than a bound of its own
(RLIMIT_DATA counts what is private and writable, whether touched or not).
"""

import os
import resource
import shutil
from pathlib import Path

import numpy
import polars
import pytest
from kernels import Peak

BYTES = int(os.environ.get("IRONSAGE_SCAN_BYTES", 10_000_000_000))
BOUND = 1_000_000_000
ROWS = 1_000_000  # of a block

QUERY = """%%sql -q -o answer
SELECT kind, count(*) AS rows, sum(distance) AS distance, avg(delay) AS delay, max(weight) AS weight
FROM trips WHERE delay > 30 AND kind <> 'd' GROUP BY kind ORDER BY kind"""


@pytest.fixture(scope="module")
def trips():
    """The file, the number of blocks in it, and one block as a frame."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ironsage" / "scan"
    cache.mkdir(parents=True, exist_ok=True)
    try:
        free = shutil.disk_usage(cache).free
        if free < BYTES + 2_000_000_000:
            pytest.skip(f"{cache} has {free / 1e9:.0f} GB free, and the file takes {BYTES / 1e9:.1f}")
        random = numpy.random.default_rng(7)
        block = polars.DataFrame({
            "number": numpy.arange(ROWS),
            "kind": numpy.array(list("abcdefgh"))[random.integers(0, 8, ROWS)],
            "delay": random.integers(-20, 100, ROWS),
            "distance": random.integers(50, 5000, ROWS),
            "weight": random.normal(70, 9, ROWS).round(4),
            "note": [f"trip {number:x} by the usual way" for number in random.integers(0, 1 << 40, ROWS)],
        })
        header, _, rows = block.write_csv().encode().partition(b"\n")
        path, count = cache / "trips.csv", -(-BYTES // len(rows))
        with path.open("wb", buffering=0) as file:
            file.write(header + b"\n")
            for _ in range(count):
                file.write(rows)
        del rows
        yield path, count, block
    finally:
        shutil.rmtree(cache)


def expected(block, count):
    kept = block.filter((polars.col("delay") > 30) & (polars.col("kind") != "d"))
    answer = kept.group_by("kind").agg(
        rows=polars.len() * count,
        distance=polars.col("distance").sum() * count,
        delay=polars.col("delay").mean(),
        weight=polars.col("weight").max(),
    )
    return answer.sort("kind")


def answer_of(kernel, path):
    """The scan and the query, and the answer read back."""
    kernel.ok(f"%scan {path} -q -o trips")
    kernel.ok(QUERY, timeout=1200)
    kernel.ok("%save answer answer.parquet")
    return polars.read_parquet(kernel.folder / "answer.parquet")


def same(answer, block, count):
    wanted = expected(block, count)
    assert answer.drop("delay").equals(wanted.drop("delay").cast(dict(answer.drop("delay").schema)))
    assert (answer["delay"] - wanted["delay"]).abs().max() < 1e-6


@pytest.mark.timeout(1800)
def test_a_file_larger_than_memory_is_filtered_and_aggregated_within_a_gigabyte(start_kernel, trips, record_property):
    path, count, block = trips
    kernel = start_kernel()
    with Peak(kernel.pid) as all_pages, Peak(kernel.pid, files=False) as own:
        answer = answer_of(kernel, path)
    kernel.stop()
    same(answer, block, count)
    told = f"{own.most / 1e6:.0f} MB of its own, {all_pages.most / 1e6:.0f} MB with mapped files"
    record_property("memory", told)
    print(f"{path.stat().st_size / 1e9:.1f} GB: {told}")
    assert own.most < BOUND, told


@pytest.mark.timeout(1800)
def test_it_needs_no_more_where_there_is_no_more(start_kernel, trips):
    path, count, block = trips
    kernel = start_kernel()
    # What threads' stacks and allocators' arenas set aside without touching it counts here, too: hence the allowance.
    own = int((Path("/proc") / str(kernel.pid) / "status").read_text().split("VmData:")[1].split()[0]) * 1024
    resource.prlimit(kernel.pid, resource.RLIMIT_DATA, (own + BOUND, own + BOUND))
    answer = answer_of(kernel, path)
    kernel.stop()
    same(answer, block, count)
