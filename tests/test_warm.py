"""A toolchain without a prelude: the first Rust cell has it built from the sources that the executable carries.

The user's data folder is a private one, so nothing is there; cargo's target folder is the tests' own, so that Polars and
the rest are compiled already and only our own crates may have to be.
"""

import json
import shutil
import subprocess
import threading
import uuid
from pathlib import Path

import pytest

from conftest import target_folder
from test_life import MARK, marked, until


@pytest.fixture
def bare(private, tmp_path):
    """An environment in which no prelude is there, but for one of another toolchain."""
    environment = {
        **private(), "XDG_DATA_HOME": str(tmp_path / "data"), "CARGO_TARGET_DIR": str(target_folder()), MARK: uuid.uuid4().hex,
    }
    # Where nobody watches, only the first and the last line are shown.
    environment.pop("CI", None)
    other = preludes(environment) / "0123456789abcdef"
    other.mkdir(parents=True)
    manifest = {"key": other.name, "version": "0.1.0", "rustc": "rustc 1.2.3\nhost: elsewhere", "dylib": "lib.so",
                "externs": {}, "built": ""}
    (other / "manifest.json").write_text(json.dumps(manifest))
    yield environment
    # Half a gigabyte, that pytest would keep.
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


def preludes(environment):
    return Path(environment["XDG_DATA_HOME"]) / "ironsage" / "prelude"


def compilers(environment):
    """What builds on behalf of this environment's kernels: cargo, the compilers, and the shell that watches over them."""
    words = ("--locked", "--crate-name", "read -r line")
    return [command for command in marked(environment[MARK]).values() if any(word in command for word in words)]


def progress(reply):
    """What the one display showed, from first to last."""
    shown = [output for output in reply.outputs if output["msg_type"] in ("display_data", "update_display_data")]
    if shown:
        assert [output["msg_type"] for output in shown].count("display_data") == 1 and shown[0]["msg_type"] == "display_data"
        assert len({output["content"]["transient"]["display_id"] for output in shown}) == 1
    return [output["content"]["data"]["text/plain"] for output in shown]


def doctor(program, environment):
    """The line about the prelude."""
    told = subprocess.run([program, "doctor"], env=environment, capture_output=True, text=True, timeout=60).stdout
    return next(line for line in told.splitlines() if "prelude" in line)


def test_the_first_rust_cell_has_the_prelude_built(bare, program, start_kernel):
    told = doctor(program, bare)
    assert "missing" in told and "ironsage warm" in told
    kernel = start_kernel(bare)
    kernel.ok("%load data/abalone.csv -o abalone")
    assert not compilers(bare), "a notebook without Rust cells builds nothing"

    stopper = threading.Thread(target=lambda: until(lambda: compilers(bare), 60) and kernel.manager.interrupt_kernel())
    stopper.start()
    reply = kernel.fails("abalone.height()", timeout=280)
    stopper.join()
    assert reply.content["ename"] == "Interrupted"
    shown = progress(reply)
    assert "the Rust toolchain has changed: it is rustc 1." in shown[0] and "stopped" in shown[-1], shown
    assert until(lambda: not compilers(bare), 5), compilers(bare)
    assert [entry.name for entry in preludes(bare).iterdir() if not entry.name.startswith(".")] == ["0123456789abcdef"]

    reply = kernel.ok("abalone.height()", timeout=280)
    shown = progress(reply)
    assert "the Rust toolchain has changed" in shown[0] and "ready after" in shown[-1], shown
    assert any(" crates · " in state for state in shown), shown
    result = [output["content"]["data"]["text/plain"] for output in reply.outputs if output["msg_type"] == "execute_result"]
    assert result == ["4177"]
    print(f"from nothing to the first result: {reply.seconds:.0f} s")

    again = start_kernel(bare)
    assert progress(again.ok("1 + 1")) == []
    assert doctor(program, bare).strip().startswith("ok")
    warm = subprocess.run([program, "warm"], env=bare, capture_output=True, text=True, timeout=20)
    assert warm.returncode == 0 and "in place" in warm.stdout, warm.stderr
    assert "Compiling" not in warm.stdout
    assert (preludes(bare) / "0123456789abcdef").is_dir()
