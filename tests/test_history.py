"""What was typed: found in later sessions by tail, range and search, while a secret and a result are never written down.

The database itself is tested where it is written. Here are whole kernels, one after the other and at once, on one home.
"""

import os
import subprocess
import threading
from pathlib import Path

import pytest

# The cells of the first session, at their lines.
FIRST = ["%param shells=3", "%env X_TOKEN=hush", '"resu".to_owned() + "lt"', "%param shells=3", "%param other=4"]


def history(kernel, kind, output=False, **options):
    """The entries as tuples."""
    reply = kernel.client.history(hist_access_type=kind, output=output, reply=True, timeout=30, **options)
    assert reply["content"]["status"] == "ok", reply["content"]
    return [tuple(entry) for entry in reply["content"]["history"]]


@pytest.fixture(scope="module")
def home(private):
    return private()


@pytest.fixture(scope="module")
def before(start_kernel, home):
    """The first session, and what its own history said at its end."""
    kernel = start_kernel(home)
    for code in FIRST:
        kernel.ok(code)
    own = history(kernel, "range", session=0, start=1, output=True)
    kernel.stop()
    return own


@pytest.fixture(scope="module")
def later(start_kernel, home, before):
    """The second session, with one cell so far."""
    kernel = start_kernel(home)
    kernel.ok("%param mine=5")
    yield kernel
    kernel.stop()


def test_a_session_has_its_results_and_secrets(before):
    assert [(session, line, text) for session, line, (text, _) in before] == [
        (1, at + 1, text) for at, text in enumerate(FIRST)]
    assert before[2][2][1] == '"result"'


def test_the_tail_goes_back_into_earlier_sessions(later):
    assert history(later, "tail", n=3) == [(1, 4, FIRST[3]), (1, 5, FIRST[4]), (2, 1, "%param mine=5")]
    assert history(later, "tail", n=1, output=True) == [(2, 1, ["%param mine=5", None])]


def test_a_range_of_the_last_session(later):
    assert history(later, "range", session=-1, start=3, stop=5) == [(1, 3, FIRST[2]), (1, 4, FIRST[3])]
    # The same by its number. Its results went with it.
    assert history(later, "range", session=1, start=3, stop=4, output=True) == [(1, 3, [FIRST[2], None])]
    assert history(later, "range", session=0, start=1) == [(2, 1, "%param mine=5")]
    assert history(later, "range", session=-7, start=1) == []


def test_a_search_over_all_sessions(later):
    params = [(1, 1, FIRST[0]), (1, 4, FIRST[3]), (1, 5, FIRST[4]), (2, 1, "%param mine=5")]
    assert history(later, "search", pattern="%param *") == params
    assert history(later, "search", pattern="%param *", unique=True) == params[1:]
    assert history(later, "search", pattern="%param *", n=2) == params[2:]
    assert history(later, "search", pattern="%param ??????=[34]") == params[:2]
    assert history(later, "search", pattern="param") == [], "a pattern is of the whole cell"


def test_a_secret_and_a_result_are_nowhere(later, home):
    assert history(later, "search", pattern="*X_TOKEN*") == []
    assert [line for _, line, _ in history(later, "range", session=-1, start=1)] == [1, 3, 4, 5]
    files = [file for file in Path(home["IRONSAGE_HOME"]).rglob("*") if file.is_file()]
    written = {file: file.read_bytes() for file in files}
    assert any(FIRST[0].encode() in content for content in written.values()), "what was typed is in no file"
    for words in (b"hush", b"X_TOKEN", b'"result"'):
        assert not [file for file, content in written.items() if words in content], words


def test_nobody_else_reads_it(later, home):
    files = list(Path(home["IRONSAGE_HOME"]).glob("history.sqlite*"))
    assert files and {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}, files


def test_two_kernels_write_at_once(start_kernel, private):
    """Each keeps its own session whole, and the next finds both."""
    environment = private()
    kernels = [start_kernel(environment), start_kernel(environment)]
    cells = [[f"%param of_{name}={count}" for count in range(40)] for name in "ab"]

    def type_all(kernel, own):
        for code in own:
            kernel.ok(code)

    threads = [threading.Thread(target=type_all, args=each) for each in zip(kernels, cells)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own = [history(kernel, "range", session=0, start=1) for kernel in kernels]
    assert [[text for _, _, text in entries] for entries in own] == cells
    assert sorted({session for entries in own for session, _, _ in entries}) == [1, 2]
    for kernel in kernels:
        kernel.stop()
    third = start_kernel(environment)
    assert sorted(history(third, "tail", n=100)) == sorted(own[0] + own[1])
    third.stop()


def test_a_home_that_is_read_only(start_kernel, private, tmp_path):
    """Cells run, and the session has its own history."""
    home = tmp_path / "home"
    home.mkdir()
    root = os.geteuid() == 0
    if root:  # whom no mode stops
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", home], capture_output=True, text=True)
        if mounted.returncode != 0:
            pytest.skip(f"this machine mounts nothing: {mounted.stderr.strip()}")
    else:
        home.chmod(0o555)
    try:
        with pytest.raises(OSError):
            (home / "probe").touch()
        kernel = start_kernel({**private(), "IRONSAGE_HOME": str(home)})
        kernel.ok("%param mine=5")
        assert kernel.ok("mine + 1").text == "6"
        assert history(kernel, "tail", n=5, output=True) == [(1, 1, ["%param mine=5", None]), (1, 2, ["mine + 1", "6"])]
        assert history(kernel, "search", pattern="mine*") == [(1, 2, "mine + 1")]
        kernel.stop()
    finally:
        if root:
            subprocess.run(["umount", "-l", home], check=False)
        else:
            home.chmod(0o755)
