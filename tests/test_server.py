"""Much output through Jupyter's own server, whose limits for a notebook are left as they come: 1000 messages and 1 MB a second.

What a cell prints beyond three seconds' worth of either the server drops, with a note in its place. So the kernel keeps the
number of messages small, and has a cell wait that prints more bytes.
"""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import uuid

import pytest
import websocket

TOKEN = "of-this-test"
HEADERS = {"Authorization": f"token {TOKEN}"}
EXCEEDED = "rate exceeded"


@pytest.fixture(scope="module")
def server(private, tmp_path_factory):
    """The address of a server with default limits."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
             "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"],
            env=private(), stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )
    try:
        for _ in range(300):
            assert process.poll() is None, f"the server ended:\n{log.read_text()}"
            try:
                urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/api/status", headers=HEADERS), timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail(f"the server did not answer:\n{log.read_text()}")
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="module")
def kernel_id(server):
    """A notebook's kernel."""
    notebook = {"path": "some.ipynb", "name": "some.ipynb", "type": "notebook", "kernel": {"name": "ironsage"}}
    request = urllib.request.Request(
        f"http://{server}/api/sessions", data=json.dumps(notebook).encode(), headers=HEADERS, method="POST")
    return json.load(urllib.request.urlopen(request, timeout=30))["kernel"]["id"]


@pytest.fixture(scope="module")
def line(server, kernel_id):
    """The kernel's websocket, as a notebook opens it. Rust has started, so that a cell's output has its full speed."""
    line = websocket.create_connection(f"ws://{server}/api/kernels/{kernel_id}/channels", header=HEADERS, timeout=60)
    assert run(line, "1 + 1")[0] == "ok"
    yield line
    line.close()


def run(line, code):
    """Runs a cell: its status, and the texts of its streams by their names."""
    message = uuid.uuid4().hex
    header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": "test", "date": "", "version": "5.4"}
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False,
               "stop_on_error": False}
    line.send(json.dumps({"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content,
                          "buffers": []}))
    status, idle, texts = None, False, {"stdout": [], "stderr": []}
    while status is None or not idle:
        event = json.loads(line.recv())
        if event["parent_header"].get("msg_id") != message:
            continue
        content = event["content"]
        if event["msg_type"] == "stream":
            texts[content["name"]].append(content["text"])
        elif event["msg_type"] == "status":
            idle = content["execution_state"] == "idle"
        elif event["msg_type"] == "execute_reply":
            status = content["status"]
    return status, {name: "".join(parts) for name, parts in texts.items()}


def test_a_hundred_thousand_lines_pass(line):
    status, seen = run(line, 'for line in 0..100_000 { println!("{line}"); }')
    assert (status, seen["stderr"]) == ("ok", "")
    assert seen["stdout"] == "".join(f"{number}\n" for number in range(100_000))


def test_many_small_outputs_pass(line):
    """Lines one by one, on both streams: of as many messages the server would drop some."""
    code = """for line in 0..2_000 {
        println!("{line}");
        eprintln!("{line}");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }"""
    status, seen = run(line, code)
    lines = "".join(f"{number}\n" for number in range(2_000))
    assert status == "ok" and EXCEEDED not in seen["stderr"], seen["stderr"][-2000:]
    assert seen == {"stdout": lines, "stderr": lines}


def test_megabytes_are_paced_and_not_dropped(line):
    """More than three seconds' worth: the cell takes longer, and all of it comes."""
    status, seen = run(line, 'for line in 0..40_000 { println!("{line:099}"); }')
    assert (status, seen["stderr"]) == ("ok", "")
    assert seen["stdout"] == "".join(f"{number:099}\n" for number in range(40_000))


def test_stop_ends_the_wait(line, kernel_id, server):
    """What a stopped cell has printed need not get through."""
    began = time.monotonic()
    stop = urllib.request.Request(f"http://{server}/api/kernels/{kernel_id}/interrupt", data=b"", headers=HEADERS, method="POST")
    timers = [threading.Timer(delay, urllib.request.urlopen, [stop]) for delay in (1.0, 1.5)]
    for timer in timers:
        timer.start()
    status, _ = run(line, 'loop { println!("{:0999}", 1); }')
    assert status == "error" and time.monotonic() - began < 8
    assert run(line, 'println!("after");')[0] == "ok"
