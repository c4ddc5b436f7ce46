"""What the tests of this folder share: the program under test, private homes, and a kernel to talk to.

No test touches the user's own data: each kernel gets an IRONSAGE_HOME in a temporary folder, and Jupyter's own folders are
private too. The cells of one module share one kernel where they can, because a Rust cell costs seconds and a magic none.
"""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
KERNEL = "ironsage"


def target_folder():
    """Where cargo builds: as ./tests/run has it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return Path(os.environ.get("CARGO_TARGET_DIR", cache / "ironsage" / "target"))


@dataclass
class Reply:
    """What one cell did: its status, its outputs in order, and the error that the reply itself carries."""

    status: str
    content: dict
    outputs: list = field(default_factory=list)
    seconds: float = 0.0

    @property
    def text(self):
        """All that a reader of a saved notebook sees: streams and the text/plain of displays and results."""
        parts = []
        for output in self.outputs:
            kind, content = output["msg_type"], output["content"]
            if kind == "stream":
                parts.append(content["text"])
            elif kind in ("display_data", "execute_result", "update_display_data"):
                parts.append(content["data"].get("text/plain", ""))
            elif kind == "error":
                parts.append("\n".join(content["traceback"]) or content["evalue"])
        return "\n".join(parts)

    @property
    def errors(self):
        return [output["content"] for output in self.outputs if output["msg_type"] == "error"]

    @property
    def mimes(self):
        return {mime for output in self.outputs for mime in output["content"].get("data", {})}


class Kernel:
    """A started kernel and a client of it."""

    def __init__(self, manager, folder):
        self.manager = manager
        self.folder = Path(folder)
        self.client = manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self):
        return self.manager.provisioner.pid

    def run(self, code, timeout=120):
        """Runs one cell and waits for its reply and for idle, whatever the outcome."""
        began = time.perf_counter()
        message = self.client.execute(code, stop_on_error=False)
        outputs, reply, idle = [], None, False
        while not idle:
            left = timeout - (time.perf_counter() - began)
            try:
                event = self.client.get_iopub_msg(timeout=max(left, 0.01))
            except Empty:
                raise TimeoutError(f"no idle within {timeout} s after {code!r}; so far: {outputs}") from None
            if event["parent_header"].get("msg_id") != message:
                continue
            if event["msg_type"] == "status":
                idle = event["content"]["execution_state"] == "idle"
            elif event["msg_type"] != "execute_input":
                outputs.append(event)
        while reply is None:
            answer = self.client.get_shell_msg(timeout=10)
            if answer["parent_header"].get("msg_id") == message:
                reply = answer["content"]
        return Reply(reply["status"], reply, outputs, time.perf_counter() - began)

    def ok(self, code, timeout=120):
        """Runs one cell that must not fail."""
        reply = self.run(code, timeout)
        assert reply.status == "ok", f"this cell failed:\n{code}\n{reply.text}"
        return reply

    def fails(self, code, timeout=120):
        """Runs one cell that must fail, in full: an error among the outputs and the same in the reply."""
        reply = self.run(code, timeout)
        assert reply.status == "error", f"this cell should fail:\n{code}\n{reply.text}"
        assert len(reply.errors) == 1, f"one error output for {code!r}, not {reply.errors}"
        for key in ("ename", "evalue", "traceback"):
            assert reply.content.get(key), f"the reply to {code!r} has no {key}: {reply.content}"
            assert reply.content[key] == reply.errors[0][key]
        return reply

    def stop(self, now=False):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=now)


@pytest.fixture(scope="session")
def program():
    """The program under test."""
    path = Path(os.environ.get("IRONSAGE_PROGRAM", target_folder() / "release" / "ironsage"))
    assert path.exists(), f"{path} is not there: cargo build --release --locked --workspace"
    return path


@pytest.fixture(scope="session")
def jupyter(program, tmp_path_factory):
    """Jupyter's folders for this run, with our kernelspec in them, as an environment for other processes."""
    folder = tmp_path_factory.mktemp("jupyter")
    install = subprocess.run([program, "install", "--prefix", folder], capture_output=True, text=True)
    assert install.returncode == 0, install.stderr
    environment = {
        "JUPYTER_PATH": str(folder / "share" / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        # The tests' own tools come first, so that `jupyter`, `papermill` and `pytest` are the pinned ones.
        "PATH": os.pathsep.join([str(Path(os.sys.executable).parent), os.environ["PATH"]]),
    }
    before = {key: os.environ.get(key) for key in environment}
    os.environ.update(environment)
    yield environment
    for key, value in before.items():
        os.environ.pop(key, None)
        if value is not None:
            os.environ[key] = value


@pytest.fixture(scope="session")
def private(jupyter, tmp_path_factory):
    """Makes environments with an IRONSAGE_HOME of their own, which end what they started."""

    def make(name="home"):
        home = tmp_path_factory.mktemp(name)
        return {**os.environ, **jupyter, "IRONSAGE_HOME": str(home)}

    return make


@pytest.fixture(scope="session")
def start_kernel(private, tmp_path_factory):
    """Starts kernels; each works in a folder of its own with the notebooks' data, and all are gone at the end."""
    kernels = []

    def start(environment=None, folder=None):
        environment = environment or private()
        if folder is None:
            folder = tmp_path_factory.mktemp("work")
            shutil.copytree(NOTEBOOKS / "data", folder / "data")
        manager = KernelManager(kernel_name=KERNEL, kernel_spec_manager=KernelSpecManager())
        manager.start_kernel(cwd=str(folder), env=environment)
        kernel = Kernel(manager, folder)
        kernel.environment = environment
        kernels.append(kernel)
        return kernel

    yield start
    for kernel in kernels:
        if kernel.manager.has_kernel and kernel.manager.is_alive():
            kernel.stop(now=True)


@pytest.fixture(scope="module")
def kernel(start_kernel):
    """One kernel for the tests of a module."""
    kernel = start_kernel()
    yield kernel
    kernel.stop()


@pytest.fixture(scope="session")
def quickstart():
    """The cells of the quickstart by their names, so that tests follow the notebook and not a copy of it."""
    notebook = json.loads((NOTEBOOKS / "quickstart.ipynb").read_text())
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"}
