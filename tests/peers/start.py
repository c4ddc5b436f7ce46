#!/usr/bin/env python3
"""Start and round trip of kernels, side by side in one run: ours, ipykernel, and evcxr_jupyter where it is installed.

Start is from the kernel process's start to its kernel_info_reply: what a person waits for before the first cell. The round
trip is that of a cell which asks what there is: `%who` in ours and in ipykernel, `:vars` in evcxr. The kernels take turns,
so that whatever else the machine does falls on all of them. Medians and the ratios to ours are printed.

    IRONSAGE_HOME is private; run it with the tests' Python:  ~/.cache/ironsage/venv/bin/python tests/peers/start.py
"""

import argparse

from kernels import OURS, Kernel, installed, median, ready

# Kernel name, what a person calls it, and the cell that asks what there is.
PEERS = [(OURS, "Ironsage", "%who"), ("python3", "ipykernel", "%who"), ("rust", "evcxr_jupyter", ":vars")]


def measure(name, code, trips, environment):
    """One start, and so many round trips."""
    with Kernel(name, environment) as kernel:
        return kernel.started, [kernel.run(code).seconds for _ in range(trips + 2)][2:]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--starts", type=int, default=5, help="how often each kernel is started")
    arguments.add_argument("--trips", type=int, default=20, help="round trips a start")
    arguments = arguments.parse_args()
    with installed() as environment:
        peers = [peer for peer in PEERS if ready(peer[0])]
        starts = {name: [] for name, _, _ in peers}
        trips = {name: [] for name, _, _ in peers}
        for _ in range(arguments.starts):
            for name, _, code in peers:
                started, times = measure(name, code, arguments.trips, environment)
                starts[name].append(started)
                trips[name].extend(times)
    ours = median(starts[OURS]), median(trips[OURS])
    print(f"{'kernel':<16}{'start':>10}{'ratio':>8}{'round trip':>14}{'ratio':>8}   (medians of {arguments.starts} starts)")
    for name, title, code in peers:
        start, trip = median(starts[name]), median(trips[name])
        print(f"{title:<16}{start:>8.3f} s{start / ours[0]:>8.1f}{trip * 1000:>11.1f} ms{trip / ours[1]:>8.1f}   {code}")
    for _, title, _ in [peer for peer in PEERS if peer not in peers]:
        print(f"{title:<16}not installed")


if __name__ == "__main__":
    main()
