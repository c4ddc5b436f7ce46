"""A kernel that is there at once: start and round trip beside ipykernel's, taken in turns in one run.

The targets (0.3 s to kernel_info_reply, 15 ms for %who: medians) are of an idle machine; on a busy one the bound is a peer
that is measured at the same time. `tests/peers/start.py` prints all figures.
"""

import statistics

from conftest import KERNEL
from start import measure


def test_the_kernel_is_there_at_once(private):
    starts, trips = {KERNEL: [], "python3": []}, {KERNEL: [], "python3": []}
    for _ in range(5):
        for name in starts:
            start, times = measure(name, "%who", 10, private())
            starts[name].append(start)
            trips[name].extend(times)
    start = {name: statistics.median(values) for name, values in starts.items()}
    trip = {name: statistics.median(values) for name, values in trips.items()}
    print(f"start {start}, round trip {trip}")
    assert start[KERNEL] <= max(0.3, start["python3"] / 3)
    assert trip[KERNEL] < max(0.015, 1.5 * trip["python3"])
