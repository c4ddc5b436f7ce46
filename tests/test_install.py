"""install.sh as a person uses it, with the build that is there: into a folder of its own, twice, and away again."""

import json
import os
import subprocess
import sys

import pytest

from conftest import KERNEL, ROOT, target_folder


def install(*arguments, **environment):
    """Runs the script. This Python, which has JupyterLab, is the active environment."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target_folder()), "VIRTUAL_ENV": sys.prefix, **environment}
    return subprocess.run(
        [ROOT / "install.sh", *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280
    )


def test_help_and_a_wrong_option():
    assert "--uninstall" in install("--help").stdout
    wrong = install("--frefix")
    assert wrong.returncode != 0 and "--frefix" in wrong.stderr and "--help" in wrong.stderr


@pytest.mark.parametrize("tool, words", [
    ("rustc", ["Rust 1.95", "rustup.rs"]),
    ("cc", ["C compiler", "install"]),
    ("python3", ["Python 3.10", "install"]),
])
def test_a_missing_tool_is_named_with_what_installs_it(tmp_path, tool, words):
    """A PATH with everything but the one."""
    for folder in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in os.scandir(folder) if os.path.isdir(folder) else ():
            if program.name != tool:
                (tmp_path / program.name).unlink(missing_ok=True)
                (tmp_path / program.name).symlink_to(program.path)
    run = install("--no-quickstart", PATH=str(tmp_path), VIRTUAL_ENV="", JUPYTER_PATH="")
    assert run.returncode != 0
    for word in words:
        assert word in run.stderr, run.stderr


def test_twice_and_away_again(tmp_path):
    """A folder with a blank in its name, in which another kernel is installed already."""
    prefix = tmp_path / "a place"
    kernels = prefix / "share" / "jupyter" / "kernels"
    (kernels / "other").mkdir(parents=True)
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    prelude = os.path.join(data, "ironsage", "prelude")
    for _ in range(2):
        run = install("--prefix", str(prefix), "--no-quickstart")
        assert run.returncode == 0, run.stdout + run.stderr
    assert "is up to date" in run.stdout
    assert "jupyterlab" in run.stdout and "quickstart.ipynb" in run.stdout
    spec = json.loads((kernels / KERNEL / "kernel.json").read_text())
    assert spec["display_name"] == "Rust (Ironsage)" and spec["language"] == "rust"
    assert {"logo-32x32.png", "logo-64x64.png", "logo-svg.svg"} <= {file.name for file in (kernels / KERNEL).iterdir()}
    run = install("--prefix", str(prefix), "--uninstall")
    assert run.returncode == 0 and "kept: your buckets and models" in run.stdout
    assert (kernels / "other").is_dir() and not (kernels / KERNEL).exists() and not (prefix / "bin" / "ironsage").exists()
    assert os.path.isdir(prelude)
    assert install("--prefix", str(prefix), "--uninstall").returncode == 0
