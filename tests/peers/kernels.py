"""What the peer scripts share: kernels found, started, asked and watched, each in the same way."""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

OURS = "ironsage"


def ready(name):
    """Whether this kernel is installed."""
    try:
        KernelSpecManager().get_kernel_spec(name)
        return True
    except NoSuchKernel:
        return False


@contextlib.contextmanager
def installed():
    """Puts our kernelspec beside those that Jupyter knows; gives an environment with private homes for the kernels."""
    program = os.environ.get("IRONSAGE_PROGRAM") or shutil.which("ironsage")
    with tempfile.TemporaryDirectory(prefix="ironsage-peers-") as folder:
        if program:
            subprocess.run([program, "install", "--prefix", folder], check=True, stdout=subprocess.DEVNULL)
            shared = Path(folder) / "share" / "jupyter"
            os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(shared), os.environ.get("JUPYTER_PATH")]))
        if not ready(OURS):
            sys.exit("Ironsage is not installed: put it on PATH, or set IRONSAGE_PROGRAM")
        private = {"IRONSAGE_HOME": "home", "EVCXR_CONFIG_DIR": "evcxr", "IPYTHONDIR": "ipython"}
        yield {**os.environ, **{name: str(Path(folder) / value) for name, value in private.items()}}


@dataclass
class Reply:
    """What one cell did: the seconds from sending it to its idle, what it printed or gave, and its error if it failed."""

    seconds: float
    text: str
    error: str | None


class Kernel:
    """A kernel from its start to its end, and a client of it.

    `started` is the seconds from the process's start to its kernel_info_reply, `began` the moment that they count from.
    """

    def __init__(self, name, environment, quiet=True):
        self.manager = KernelManager(kernel_name=name)
        output = subprocess.DEVNULL if quiet else None
        self.began = time.perf_counter()
        self.manager.start_kernel(env=environment, stdout=output, stderr=output)
        self.client = self.manager.client()
        try:
            self.client.start_channels()
            self.info_reply()
            self.started = time.perf_counter() - self.began
            self.subscribed()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def info_reply(self, timeout=60):
        """Waits for the answer to one question: ZeroMQ keeps it until the kernel has bound its socket."""
        self.answer(self.client.kernel_info(), timeout)

    def subscribed(self, timeout=60):
        """Asks until what the kernel publishes arrives; jupyter_client's own wait adds 0.2 s to a first cell."""
        end = time.perf_counter() + timeout
        while time.perf_counter() < end:
            message = self.client.kernel_info()
            with contextlib.suppress(Empty):
                while self.client.get_iopub_msg(timeout=0.2)["parent_header"].get("msg_id") != message:
                    pass
                return
        raise TimeoutError("the kernel publishes nothing")

    def answer(self, message, timeout=60):
        """Waits for the reply to one message."""
        end = time.perf_counter() + timeout
        while time.perf_counter() < end:
            with contextlib.suppress(Empty):
                reply = self.client.get_shell_msg(timeout=0.5)
                if reply["parent_header"].get("msg_id") == message:
                    return reply["content"]
        raise TimeoutError("no reply")

    def published(self, message, timeout):
        """What the kernel publishes of one message, as (kind, content), up to its idle."""
        while True:
            event = self.client.get_iopub_msg(timeout=timeout)
            if event["parent_header"].get("msg_id") == message:
                yield event["msg_type"], event["content"]
                if event["msg_type"] == "status" and event["content"]["execution_state"] == "idle":
                    return

    def run(self, code, timeout=600):
        """Runs one cell to its idle; `timeout` bounds the seconds without a word."""
        texts, error = [], None
        began = time.perf_counter()
        message = self.client.execute(code)
        for kind, content in self.published(message, timeout):
            if kind == "stream":
                texts.append(content["text"])
            elif "data" in content:
                texts.append(content["data"].get("text/plain", ""))
            elif kind == "error" and error is None:
                error = f"{content['ename']}: {content['evalue']}"
        seconds = time.perf_counter() - began
        self.answer(message)
        return Reply(seconds, "".join(texts), error)

    def complete_while(self, code, text):
        """Asks for completions once a cell that runs has printed something: the seconds to the answer, and the names."""
        message = self.client.execute(code)
        published = self.published(message, 60)
        for kind, _ in published:
            if kind == "stream":
                break
        began = time.perf_counter()
        content = self.answer(self.client.complete(text, len(text)))
        seconds = time.perf_counter() - began
        for _ in published:
            pass
        return seconds, content["matches"]

    def tree(self):
        """The kernel's process and all below it."""
        return tree(self.manager.provisioner.pid)

    def memory(self):
        """Bytes of the process tree."""
        return memory(self.tree())

    def settle(self, timeout=30):
        """Waits until the kernel has nothing more to do of its own: a second in which it takes no processor time."""
        end, before = time.perf_counter() + timeout, None
        while time.perf_counter() < end:
            ticks = 0
            for folder in self.tree():
                with contextlib.suppress(OSError):
                    ticks += sum(map(int, (folder / "stat").read_text().rsplit(")", 1)[1].split()[11:15]))
            if before is not None and ticks - before <= 2:
                return
            before = ticks
            time.sleep(1)


def tree(pid):
    """A process and all below it, as their folders in /proc."""
    below = {}
    for folder in Path("/proc").iterdir():
        # A process may end while it is looked at.
        with contextlib.suppress(OSError):
            if folder.name.isdigit():
                parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
                below.setdefault(int(parent), []).append(int(folder.name))
    found = [pid]
    for process in found:
        found.extend(below.get(process, []))
    return [Path("/proc") / str(process) for process in found]


def memory(folders, files=True):
    """Bytes of these processes: proportional set sizes, so that a page that several map counts once.

    Memory files count in full: a frame in one of them takes its memory also while no process has read its pages. Without
    `files`, pages of mapped files are left out: the system takes them back when it needs them, so that they bound nothing.
    """
    counted = ("Pss_Anon", "Pss_File") if files else ("Pss_Anon",)
    own, mapped, kept = 0, 0, {}
    for folder in folders:
        with contextlib.suppress(OSError):
            for line in (folder / "smaps_rollup").read_text().splitlines():
                key, _, value = line.partition(":")
                if key in counted:
                    own += int(value.split()[0]) * 1024
                elif key == "Pss_Shmem":
                    mapped += int(value.split()[0]) * 1024
            for file in (folder / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(file).startswith("/memfd:"):
                        status = file.stat()
                        kept[status.st_ino] = status.st_blocks * 512
    return own + max(mapped, sum(kept.values()))


class Peak:
    """The most memory that a process tree takes while a block runs, looked at twenty times a second, and what it had before."""

    def __init__(self, pid, files=True):
        self.pid, self.files = pid, files
        self.done = threading.Event()
        self.watcher = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.idle = self.most = memory(tree(self.pid), self.files)
        self.watcher.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.watcher.join()
        self.most = max(self.most, memory(tree(self.pid), self.files))

    def watch(self):
        while not self.done.wait(0.05):
            self.most = max(self.most, memory(tree(self.pid), self.files))

    @property
    def above(self):
        """What was taken above idle."""
        return self.most - self.idle


def median(values):
    """The median, or nothing of nothing."""
    return statistics.median(values) if values else None
