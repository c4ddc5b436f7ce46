#!/usr/bin/env python3
"""Start and round trip of kernels, side by side in one run: ours, ipykernel, and evcxr_jupyter where it is installed.

Start is from the kernel process's start to its kernel_info_reply: what a person waits for before the first cell. The round
trip is that of a cell which asks what there is: `%who` in ours and in ipykernel, `:vars` in evcxr. The kernels take turns,
so that whatever else the machine does falls on all of them. Medians and the ratios to ours are printed.

    IRONSAGE_HOME is private; run it with the tests' Python:  ~/.cache/ironsage/venv/bin/python tests/peers/start.py
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

# Kernel name, what a person calls it, and the cell that asks what there is.
PEERS = [("ironsage", "Ironsage", "%who"), ("python3", "ipykernel", "%who"), ("rust", "evcxr_jupyter", ":vars")]


def ready(name):
    """Whether this kernel is installed."""
    try:
        KernelSpecManager().get_kernel_spec(name)
        return True
    except NoSuchKernel:
        return False


def info_reply(client, timeout=60):
    """Waits for the answer to one question: ZeroMQ keeps it until the kernel has bound its socket."""
    end = time.perf_counter() + timeout
    message = client.kernel_info()
    while time.perf_counter() < end:
        try:
            reply = client.get_shell_msg(timeout=0.5)
        except Empty:
            continue
        if reply["parent_header"].get("msg_id") == message:
            return
    raise TimeoutError("no kernel_info_reply")


def run(client, code, timeout=60):
    """The seconds from sending a cell to its idle."""
    began = time.perf_counter()
    message = client.execute(code)
    while True:
        event = client.get_iopub_msg(timeout=timeout)
        if event["parent_header"].get("msg_id") == message and event["msg_type"] == "status":
            if event["content"]["execution_state"] == "idle":
                break
    seconds = time.perf_counter() - began
    while client.get_shell_msg(timeout=timeout)["parent_header"].get("msg_id") != message:
        pass
    return seconds


def measure(name, code, trips, environment):
    """One start, and so many round trips."""
    manager = KernelManager(kernel_name=name)
    began = time.perf_counter()
    manager.start_kernel(env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    try:
        client.start_channels()
        info_reply(client)
        started = time.perf_counter() - began
        client.wait_for_ready(timeout=60)
        times = [run(client, code) for _ in range(trips + 2)][2:]
        return started, times
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--starts", type=int, default=5, help="how often each kernel is started")
    arguments.add_argument("--trips", type=int, default=20, help="round trips a start")
    arguments = arguments.parse_args()
    program = os.environ.get("IRONSAGE_PROGRAM") or shutil.which("ironsage")
    with tempfile.TemporaryDirectory(prefix="ironsage-peers-") as folder:
        if program:
            subprocess.run([program, "install", "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
            shared = Path(folder) / "share" / "jupyter"
            os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(shared), os.environ.get("JUPYTER_PATH")]))
        environment = {**os.environ, "IRONSAGE_HOME": str(Path(folder) / "home")}
        peers = [peer for peer in PEERS if ready(peer[0])]
        starts = {name: [] for name, _, _ in peers}
        trips = {name: [] for name, _, _ in peers}
        for _ in range(arguments.starts):
            for name, _, code in peers:
                started, times = measure(name, code, arguments.trips, environment)
                starts[name].append(started)
                trips[name].extend(times)
    if "ironsage" not in starts:
        sys.exit("Ironsage is not installed: put it on PATH, or set IRONSAGE_PROGRAM")
    ours = statistics.median(starts["ironsage"]), statistics.median(trips["ironsage"])
    print(f"{'kernel':<16}{'start':>10}{'ratio':>8}{'round trip':>14}{'ratio':>8}   (medians of {arguments.starts} starts)")
    for name, title, code in peers:
        start, trip = statistics.median(starts[name]), statistics.median(trips[name])
        print(f"{title:<16}{start:>8.3f} s{start / ours[0]:>8.1f}{trip * 1000:>11.1f} ms{trip / ours[1]:>8.1f}   {code}")
    for _, title, _ in [peer for peer in PEERS if peer not in peers]:
        print(f"{title:<16}not installed")


if __name__ == "__main__":
    main()
