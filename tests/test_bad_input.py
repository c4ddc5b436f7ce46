"""Bad input: each gives one error that says what, where and what to type instead, and the kernel goes on.

The words that must appear are those a person needs to mend it: the name that is wrong, and where there is one, the right one.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

RAGGED = "a,b,c\n1,2,3\n4,5\n6,7,8,9\n"


@pytest.fixture(scope="module")
def prepared(kernel):
    """A kernel with a bucket, a frame and a model, so that only the thing under test is wrong."""
    kernel.ok("%s3 mb shells\n%s3 cp data/abalone.csv s3://shells/raw/")
    kernel.ok("%load s3://shells/raw/abalone.csv -o abalone\n%split abalone 80 20 --seed 7 -o train,test")
    kernel.ok("%train linear-learner train --label rings --drop sex --seed 7 -o age epochs=2")
    (kernel.folder / "ragged.csv").write_text(RAGGED)
    return kernel


# The cell, the words its error must hold, and the words a hint must hold (None: whatever hint there is).
CASES = {
    "no such bucket": ("%load s3://shell/raw/abalone.csv -o x", ["shell"], "shells"),
    "no such key": ("%load s3://shells/raw/abalon.csv -o x", ["raw/abalon.csv", "shells"], None),
    "no such file": ("%load data/abalon.csv -o x", ["data/abalon.csv"], None),
    "no such frame": ("%show abalon", ["abalon"], "abalone"),
    "no such frame in SQL": ("%%sql -o x\nSELECT * FROM abalon", ["abalon"], None),
    "no such column": ("%plot scatter abalone shell_weigth rings", ["shell_weigth", "abalone"], "shell_weight"),
    "no such column in SQL": ("%%sql -o x\nSELECT hight FROM abalone", ["hight"], None),
    "no such column as label": ("%train linear-learner train --label ring -o m", ["ring"], "rings"),
    "no such magic": ("%laod data/abalone.csv", ["laod"], "load"),
    "no such flag": ("%load data/abalone.csv --ouput x", ["--ouput"], "--out"),
    "no such hyperparameter": ("%train linear-learner train --label rings -o m epoch=3", ["epoch"], "epochs"),
    "a hyperparameter out of range": ("%train linear-learner train --label rings -o m epochs=0", ["epochs", "0"], None),
    "no such algorithm": ("%train linear-leaner train --label rings -o m", ["linear-leaner"], "linear-learner"),
    "no such model": ("%deploy aeg --name shell-age", ["aeg"], "age"),
    "no such endpoint": ("%invoke shell-aeg test -o g", ["shell-aeg"], None),
    "no such subcommand": ("%s3 lss", ["lss"], "ls"),
    "a bad bucket name": ("%s3 mb Shells_1", ["Shells_1"], None),
    "a bad endpoint name": ("%deploy age --name shell_age", ["shell_age"], None),
    "a keyword as a name": ("%load data/abalone.csv -o fn", ["fn"], None),
    "ragged rows": ("%load ragged.csv -o x", ["ragged.csv"], None),
    "text among the features": (
        "%train linear-learner train --label rings --seed 7 -o m epochs=1", ["sex"], "one_hot"),
    "a label with text, as a number": (
        "%train linear-learner train --label sex -o m predictor_type=regressor epochs=1", ["sex"], None),
    "a label of many classes": (
        "%train linear-learner train --label sex -o m", ["sex", "multiclass_classifier", "not built"], "--label"),
    "a bad step in a recipe": ("%%prep p\nfil @numeric median", ["fil"], "fill"),
    "no such place to save": ("%save abalone nowhere/here/abalone.csv", ["nowhere/here"], None),
    "a full disk": ("%save abalone /dev/full", ["/dev/full"], None),
    "SQL that reads a file round our own targets": (
        "%%sql -o x\nSELECT * FROM read_csv('/etc/passwd')", ["read_csv"], None),
    "a body that is not SQL": ("%%sql -o x\nSELEC * FROM abalone", ["SELEC"], None),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_says_what_and_how_to_mend_it(prepared, case):
    code, words, hint = CASES[case]
    reply = prepared.fails(code)
    text = reply.text
    assert reply.content["ename"].isidentifier() and reply.content["ename"] not in ("InternalError", "Error"), reply.content
    for word in words:
        assert word in text, f"the error does not name {word!r}:\n{text}"
    assert "hint" in text.lower(), f"the error does not say how to mend it:\n{text}"
    if hint:
        assert hint in text.lower().split("hint", 1)[1], f"the hint does not name {hint!r}:\n{text}"
    for dump in ("panicked", "unwrap", "RUST_BACKTRACE", "Error {", "Some(", "Err("):
        assert dump not in text, f"a dump of the insides:\n{text}"
    assert "abalone" in prepared.ok("%who").text


def service(program, environment, *words):
    return subprocess.run(
        [program, "local", *words], env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )


def address(program, environment):
    """The port and process id of the service, as `status` prints them."""
    text = service(program, environment, "status").stdout
    found = re.search(r"127\.0\.0\.1:(\d+) \(process (\d+)", text)
    assert found, text
    return int(found[1]), int(found[2])


@pytest.fixture
def home(private, program):
    environment = private()
    yield environment
    service(program, environment, "stop")


def test_a_port_in_use(home, program, start_kernel):
    """The port that the service was told to take is somebody else's: the error names it, and the kernel goes on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        kernel = start_kernel({**home, "IRONSAGE_LOCAL_PORT": str(port)})
        text = kernel.fails("%s3 mb shells", timeout=60).text
        assert str(port) in text and "hint" in text.lower(), text
        kernel.ok("%who")
    kernel.ok("%s3 mb shells")
    assert address(program, home)[0] == port
    kernel.stop()


def test_the_kept_port_is_taken_meanwhile(home, program, start_kernel):
    """The service keeps its port from start to start; when another program has it, data and work are not lost."""
    kernel = start_kernel(home)
    kernel.ok("%s3 mb shells")
    port, _ = address(program, home)
    service(program, home, "stop")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        reply = kernel.run("%s3 ls", timeout=60)
        if reply.status == "error":
            assert str(port) in reply.text and "hint" in reply.text.lower(), reply.text
        else:
            assert "shells" in reply.text
    assert "shells" in kernel.ok("%s3 ls", timeout=60).text
    kernel.stop()


def test_stale_files_of_a_dead_service(home, program, start_kernel):
    """A service that was killed leaves its files; the next one must not believe them."""
    kernel = start_kernel(home)
    kernel.ok("%s3 mb shells")
    _, pid = address(program, home)
    os.kill(pid, signal.SIGKILL)
    assert "shells" in kernel.ok("%s3 ls", timeout=60).text
    assert address(program, home)[1] != pid
    kernel.stop()


def test_files_of_a_service_that_are_damaged(home, program, start_kernel):
    """Half a file, as a full disk leaves it, in the place of the service's own."""
    kernel = start_kernel(home)
    kernel.ok("%s3 mb shells")
    _, pid = address(program, home)
    os.kill(pid, signal.SIGKILL)
    [file] = Path(home["IRONSAGE_HOME"]).rglob("service.json")
    file.write_text('{"port": 1')
    assert "shells" in kernel.ok("%s3 ls", timeout=60).text
    kernel.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_store_on_a_full_disk(private, program, start_kernel, tmp_path):
    """A disk of 24 MiB: the upload that does not fit is refused by name, the kernel goes on, and what fits still goes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"this machine mounts nothing: {mounted.stderr.strip()}")
    try:
        environment = {**private(), "IRONSAGE_HOME": str(disk / "home")}
        kernel = start_kernel(environment)
        (kernel.folder / "large.bin").write_bytes(os.urandom(40 << 20))
        kernel.ok("%s3 mb shells\n%s3 cp data/abalone.csv s3://shells/first/", timeout=60)
        text = kernel.fails("%s3 cp large.bin s3://shells/large/", timeout=120).text
        assert "large" in text and ("disk" in text.lower() or "space" in text.lower()), text
        kernel.ok("%s3 cp data/abalone.csv s3://shells/second/", timeout=60)
        listed = kernel.ok("%s3 ls s3://shells/").text
        assert "first" in listed and "second" in listed and "large" not in listed, listed
        kernel.stop()
        service(program, environment, "stop")
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
        shutil.rmtree(disk, ignore_errors=True)
