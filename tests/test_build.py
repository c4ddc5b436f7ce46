"""Every way of building compiles each registry crate once.

Cargo unifies features over what it builds: a member built by itself can ask for fewer features of a shared crate than the
workspace does, and Polars would be compiled again, for half an hour. Features are pinned so that this cannot happen. Here
each member is built by itself after the whole, and the first crate that cargo begins to compile again ends the test.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import tomllib

import pytest

from conftest import ROOT, target_folder

FOLDERS = [ROOT / folder for folder in tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]]
MEMBERS = [tomllib.loads((folder / "Cargo.toml").read_text())["package"]["name"] for folder in FOLDERS]
# A member has a path in cargo's line, a registry crate has none.
COMPILING = re.compile(r"^\s+Compiling (\S+) v(\S+)$")


def cargo(*arguments):
    """Runs cargo and gives its standard output's lines; fails at the first registry crate that it begins to compile."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target_folder()), "CARGO_TERM_COLOR": "never"}
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            ["cargo", *arguments], cwd=ROOT, env=environment,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )
        said = []
        for line in process.stderr:
            said.append(line)
            if again := COMPILING.match(line.rstrip()):
                os.killpg(process.pid, signal.SIGINT)
                process.wait(30)
                pytest.fail(f"cargo {' '.join(map(str, arguments))} compiles {again[1]} {again[2]} again")
        assert process.wait() == 0, "".join(said)
        output.seek(0)
        return output.readlines()


def build(*arguments):
    """Builds and gives the registry crates that this way of building uses, all of which must be fresh."""
    crates = set()
    for message in map(json.loads, cargo("build", "--release", "--locked", "--message-format=json", *arguments)):
        if message["reason"] == "compiler-artifact" and message["package_id"].startswith("registry+"):
            assert message["fresh"], message["package_id"]
            crates.add((message["package_id"], tuple(message["features"])))
    return crates


@pytest.fixture(scope="module")
def whole():
    """The workspace is built, as ./tests/run has left it."""
    crates = build("--workspace")
    assert len(crates) > 300, f"only {len(crates)} registry crates: is this the whole workspace?"
    return crates


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_by_itself_compiles_no_registry_crate(whole, member):
    assert build("-p", member) <= whole


def test_installing_compiles_no_registry_crate(whole, tmp_path):
    """`cargo install` resolves as `-p` does, and must not compile anything else."""
    cargo("install", "--path", "kernel", "--locked", "--offline", "--root", tmp_path)
    assert (tmp_path / "bin" / "ironsage").exists()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_a_page_points_to_is_there(page):
    """Links, and paths in backticks: with a slash, and without anything to put in its place."""
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    paths = re.findall(r"`([\w.-]+/[\w./-]*)`", text)
    assert links or paths, "it points to nothing"
    missing = [link for link in links if not (ROOT / link).exists()]
    # `tests/it/main.rs` is a crate's.
    missing += [path for path in paths if not any((folder / path).exists() for folder in (ROOT, *FOLDERS))]
    assert not missing, missing
