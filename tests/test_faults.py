"""Faults: what a cell, a front end or the machine does to a kernel, and what must be left of it.

A fault in a cell is one Jupyter error of that cell, what waited behind it is not run, the next cell works, and a frame
that a magic loaded is still there: Rust runs in a process of its own. A fault outside a cell is nothing to the kernel.
"""

import os
import random
import resource
import shutil
import signal
import socket
import tempfile
import time
import uuid
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient

from conftest import Reply
from test_life import MARK, marked, until

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
# What both ends of a ZeroMQ connection say first: version 3.0, no encryption.
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


def ready(channel):
    """What they say next: which kind of socket this is."""
    kind = {"hb": b"REQ", "iopub": b"SUB"}.get(channel, b"DEALER")
    body = b"\x05READY\x0bSocket-Type\x00\x00\x00" + bytes([len(kind)]) + kind
    return b"\x04" + bytes([len(body)]) + body


@pytest.fixture(scope="module")
def loaded(start_kernel, private):
    """A kernel with a frame, which every fault must leave. A backtrace would cost seconds where memory has run out."""
    environment = private()
    environment.pop("RUST_BACKTRACE", None)
    kernel = start_kernel(environment)
    kernel.ok("%load data/abalone.csv -q -o abalone")
    yield kernel
    kernel.stop()


@pytest.fixture(scope="module")
def second(start_kernel):
    """Another notebook's kernel, for the test that needs two at once."""
    kernel = start_kernel()
    yield kernel
    kernel.stop()


def send(kernel, *cells):
    """Sends cells as Run All does: at once, and a failure gives up what waits behind it."""
    return [kernel.client.execute(code, stop_on_error=True) for code in cells]


def replies(kernel, messages, timeout=60, answered=True):
    """What these cells came to, in their order; `answered` unless another front end sent them."""
    found = {message: Reply("", {}) for message in messages}
    busy, began = set(messages), time.perf_counter()
    while busy:
        event = kernel.client.get_iopub_msg(timeout=timeout)
        message = event["parent_header"].get("msg_id")
        if message not in found:
            continue
        if event["msg_type"] == "status":
            if event["content"]["execution_state"] == "idle":
                busy.discard(message)
                found[message].seconds = time.perf_counter() - began
        elif event["msg_type"] != "execute_input":
            found[message].outputs.append(event)
    while answered and not all(reply.status for reply in found.values()):
        answer = kernel.client.get_shell_msg(timeout=timeout)
        if reply := found.get(answer["parent_header"].get("msg_id")):
            reply.status, reply.content = answer["content"]["status"], answer["content"]
    return [found[message] for message in messages]


def streamed(reply, name):
    return "".join(
        output["content"]["text"]
        for output in reply.outputs
        if output["msg_type"] == "stream" and output["content"]["name"] == name
    )


def one_error(reply, ename):
    """The cell failed in full: one error among its outputs, and the same in its reply."""
    assert reply.status == "error" and len(reply.errors) == 1, reply
    for key in ("ename", "evalue", "traceback"):
        assert reply.content[key] and reply.content[key] == reply.errors[0][key], reply.content
    assert reply.content["ename"] == ename, reply.content
    return reply.content["evalue"]


def works(kernel):
    """Rust cells run, and see the frame."""
    assert kernel.ok("abalone.height()").text == "4177"


def stop(kernel):
    kernel.manager.interrupt_kernel()


def below(process):
    """The command lines of all processes that this one has started, by their ids."""
    parents, commands = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:  # it ended meanwhile
                continue
            if state != "Z":
                parents[int(entry.name)], commands[int(entry.name)] = int(parent), command
    found = {process}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: commands[pid] for pid in found - {process} if pid in commands}


def folder_of(kernel_pid):
    """Where Rust cells of a kernel are compiled."""
    return Path(tempfile.gettempdir()) / f"ironsage-cells-{kernel_pid}"


# ---- the process that runs cells ends -------------------------------------------------------------------------------

# The cell and the words of its error.
ENDS = {
    "segfault": ("unsafe { std::ptr::null_mut::<i32>().write_volatile(1) }", "SIGSEGV"),
    "abort": ("std::process::abort();", "SIGABRT"),
    "exit": ("std::process::exit(3);", "exit status: 3"),
    "recursion": (
        "fn deep(n: u64) -> u64 { let a = [n; 99]; std::hint::black_box(&a);\n"
        "    if n == 0 { 0 } else { deep(n + 1) + a[3] } }\n"
        'println!("{}", deep(1));',
        "its stack overflowed"),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_process_ends(end, loaded):
    """Standard error has what the cell wrote to it, and nothing of what the runtime says at the end: the error says it."""
    code, says = ENDS[end]
    loaded.ok("let doomed = 1;")
    failed, waiting = replies(loaded, send(loaded, f'eprintln!("mine");\n{code}', "!touch ran"))
    told = one_error(failed, "ProcessEnded")
    assert says in told and "doomed" in told.split("hint", 1)[1], told
    assert streamed(failed, "stderr") == "mine\n", failed.text
    assert waiting.status == "aborted" and not (loaded.folder / "ran").exists()
    works(loaded)


def limit_memory(kernel, more):
    """Lets the process that runs cells have this much more than it has."""
    process = int(kernel.ok("std::process::id()").text)
    status = Path(f"/proc/{process}/status").read_text()
    used = int(status.split("VmSize:")[1].split()[0]) << 10
    resource.prlimit(process, resource.RLIMIT_AS, (used + more,) * 2)


def test_memory_runs_out(loaded):
    """Under a limit, as in a container: the request that does not fit ends the process, and the error says it."""
    limit_memory(loaded, 256 << 20)
    failed, waiting = replies(loaded, send(loaded, 'eprintln!("mine");\nlet large = vec![1u8; 1 << 30];', "!touch ran"))
    told = one_error(failed, "ProcessEnded")
    assert "out of memory" in told and str(1 << 30) in told, told
    assert streamed(failed, "stderr") == "mine\n", failed.text
    assert waiting.status == "aborted"
    works(loaded)


def test_the_system_ends_the_process(loaded):
    """As Linux does where memory has run out: SIGKILL, while nothing runs. The next cell says it."""
    os.kill(int(loaded.ok("let doomed = 1; std::process::id()").text), signal.SIGKILL)
    [failed] = replies(loaded, send(loaded, "2 + doomed"))
    told = one_error(failed, "ProcessEnded")
    assert "SIGKILL" in told and "memory" in told and "doomed" in told, told
    works(loaded)


# ---- cells that do odd things and may -------------------------------------------------------------------------------


def test_standard_input_is_empty(loaded):
    """The process is told what to run by its standard input: a cell that reads it must not eat that."""
    assert loaded.ok("let mut line = String::new();\nstd::io::stdin().read_line(&mut line)?").text == "0"
    works(loaded)


def test_a_cell_changes_its_folder(loaded):
    loaded.ok('let before = std::env::current_dir()?; std::env::set_current_dir("/")?;')
    try:
        assert loaded.ok("std::env::current_dir()?").text == '"/"'
        assert "4,177 rows" in loaded.ok("%load data/abalone.csv -o again").text
    finally:
        loaded.ok("std::env::set_current_dir(&before)?;")


THREADS = """{
    let sleep = || std::thread::sleep(std::time::Duration::from_millis(300));
    let started: Vec<_> = (0..10_000).map(|_| std::thread::Builder::new().spawn(sleep)).collect();
    let mut count = 0;
    for thread in started { thread?.join().unwrap(); count += 1; }
    count
}"""


def no_more_threads(reply):
    """The cell failed, and says why: the system refused a thread, or the process ended for want of memory."""
    told = one_error(reply, reply.content["ename"])
    said = {"Error": "Resource temporarily unavailable (os error 11)", "ProcessEnded": "memory"}
    assert said[reply.content["ename"]] in told, told


def test_ten_thousand_threads(loaded):
    """All are joined; or where the machine has not as many, the cell fails and says it. The kernel lives."""
    loaded.ok("let kept = 6;")
    reply = loaded.run(THREADS)
    if reply.status == "ok":
        assert reply.text == "10000"
        assert loaded.ok("kept").text == "6"
    else:
        no_more_threads(reply)
    works(loaded)


def test_more_threads_than_there_may_be(loaded):
    """Under a limit, as in a container."""
    limit_memory(loaded, 512 << 20)
    try:
        no_more_threads(loaded.run(THREADS))
        works(loaded)
    finally:
        loaded.ok("%restart_rust")
    works(loaded)


def test_a_failed_question_mark_names_its_line(loaded):
    """In the cell's own lines, magics and all; and the error is in its place, not on standard error."""
    for code, line in {
        'let first = 1;\nlet n: u32 = "x".parse()?;\nlet last = 2;': 2,
        '%who\nlet first = 1;\n\nlet n: u32 =\n    "x".parse()?;': 5,
        'fn parsed(text: &str) -> Result<u32, std::num::ParseIntError> {\n    text.parse()\n}\nparsed("x")?': 4,
    }.items():
        reply = loaded.fails(code)
        assert f"\n  at line {line}: {code.splitlines()[line - 1].strip()}" in reply.text, reply.text
        assert "invalid digit" in reply.content["evalue"] and not streamed(reply, "stderr"), reply.text
    works(loaded)


def test_a_thread_prints_after_its_cell(loaded):
    """What it prints comes with the next Rust cell, also where a magic has asked Rust for a frame meanwhile."""
    loaded.ok("""let few = abalone.head(Some(2));
    std::thread::spawn(|| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        println!("late");
        eprintln!("late, too");
    });""")
    time.sleep(0.4)
    assert "2 rows" in loaded.ok("%show few").text
    reply = loaded.ok("1 + 1")
    assert (streamed(reply, "stdout"), streamed(reply, "stderr")) == ("late\n", "late, too\n")


def test_two_hundred_thousand_lines(loaded):
    reply = loaded.ok('for line in 0..200_000 { println!("{line}"); }')
    assert streamed(reply, "stdout") == "".join(f"{line}\n" for line in range(200_000))
    assert len(reply.outputs) < 100, f"{len(reply.outputs)} messages: Jupyter's server drops what comes as many"


def test_twenty_megabytes_in_one_display(loaded):
    [shown] = loaded.ok('show(&"x".repeat(20_000_000));').outputs
    assert shown["msg_type"] == "display_data" and len(shown["content"]["data"]["text/plain"]) == 20_000_002


def test_an_error_gives_up_what_waits(loaded):
    """Fifty cells at once, the third fails."""
    began = time.perf_counter()
    cells = replies(loaded, send(loaded, "%who", "%who", "%show nowhere", *["!touch ran"] * 47))
    assert [cell.status for cell in cells] == ["ok"] * 2 + ["error"] + ["aborted"] * 47
    assert time.perf_counter() - began < 5 and not (loaded.folder / "ran").exists()
    loaded.ok("%who")


# ---- stop, whatever the kernel is doing -----------------------------------------------------------------------------


def test_stop_while_the_evaluator_starts(start_kernel, private, tmp_path):
    """The first that it does is to ask rustup for the compiler. Here the answer waits for this test."""
    asked, answer = tmp_path / "rustup", tmp_path / "answer"
    rustup = shutil.which("rustup")
    then = f"exec '{rustup}' \"$@\"" if rustup else "exit 1"
    asked.write_text(f"#!/bin/sh\ntrap '' INT\nuntil [ -e '{answer}' ]; do sleep 0.05; done\n{then}\n")
    asked.chmod(0o755)
    environment = private()
    environment["PATH"] = os.pathsep.join([str(tmp_path), environment["PATH"]])
    kernel = start_kernel(environment)

    def starts():
        return any(str(asked) in command for command in below(kernel.pid).values())

    try:
        assert until(starts), "it never asked"
        [message] = send(kernel, "let early = 1;")
        time.sleep(0.2)
        assert starts() and not folder_of(kernel.pid).exists(), "it has started already"
        stop(kernel)
        [reply] = replies(kernel, [message])
        assert one_error(reply, "Interrupted") and reply.seconds < 1
        assert starts(), "it was the start's end that ended the cell"
    finally:
        answer.touch()
    kernel.fails("early")
    assert kernel.ok("let early = 2; early").text == "2"
    kernel.stop()


def long_cell():
    """Seconds of work for the compiler."""
    body = "let mut m = std::collections::BTreeMap::new(); for s in x { m.insert(s.clone(), 1); } m.into_keys().collect()"
    functions = "".join(f"fn f{n}(x: &[String]) -> Vec<String> {{ {body} }}\n" for n in range(1500))
    return functions + 'println!("{}", ' + " + ".join(f"f{n}(&[]).len()" for n in range(1500)) + ");"


@pytest.mark.parametrize("compiler, begins", [
    # The pass that asks the compiler for the type of a variable, and the compile itself.
    ("--crate-name=ironsage_cell", "let typed = f0(&[]);\n"), ("--crate-name ctx", "")], ids=["types", "compile"])
def test_stop_while_a_cell_compiles(compiler, begins, loaded):
    loaded.ok("let kept = 3;")
    messages = send(loaded, begins + long_cell(), "!touch ran")
    assert until(lambda: any(compiler in command for command in below(loaded.pid).values())), "it was never compiled"
    stop(loaded)
    reply, waiting = replies(loaded, messages)
    assert "all variables are kept" in one_error(reply, "Interrupted")
    assert reply.seconds < 3 and waiting.status == "aborted"
    assert not any("--crate-name" in command for command in below(loaded.pid).values())
    assert loaded.ok("kept").text == "3"


# A build script that says when it has begun, and waits for a word.
WAITS = """fn main() {
    std::fs::write("../begun", "").unwrap();
    for _ in 0..1200 {
        if std::path::Path::new("../go").exists() { return; }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
"""


def test_stop_while_a_crate_is_built(loaded, tmp_path):
    """It ends at once, with all that it started; the same crate can be added again."""
    folder = tmp_path / "slow-shells"
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text('[package]\nname = "slow-shells"\nversion = "0.1.0"\nedition = "2024"\n')
    (folder / "build.rs").write_text(WAITS)
    (folder / "src" / "lib.rs").write_text("pub fn count() -> u32 { 9 }\n")
    add = f':dep slow-shells = {{ path = "{folder}" }}\nlet counted = slow_shells::count();'
    loaded.ok("let kept = 8u32;")
    messages = send(loaded, add, "!touch ran")
    assert until((tmp_path / "begun").exists, 60), "its build script never ran"
    stopped = time.perf_counter()
    stop(loaded)
    reply, waiting = replies(loaded, messages)
    assert time.perf_counter() - stopped < 2
    assert "all variables are kept" in one_error(reply, "Interrupted") and waiting.status == "aborted"
    left = {pid: command for pid, command in below(loaded.pid).items() if "build-script" in command or "cargo" in command}
    assert not left, left
    assert loaded.ok("kept").text == "8"
    (tmp_path / "go").touch()
    loaded.ok(add)
    assert loaded.ok("counted + kept").text == "17"
    works(loaded)


@pytest.mark.parametrize("magic", [
    "!sleep 60",
    "%train linear-learner abalone --label rings --drop sex -o long epochs=100000 early_stopping_patience=100000",
], ids=["shell", "train"])
def test_stop_during_a_magic(magic, loaded):
    [message] = send(loaded, magic)
    time.sleep(0.5)
    stop(loaded)
    [reply] = replies(loaded, [message])
    one_error(reply, "Interrupted")
    assert reply.seconds < 2
    assert not any("sleep" in command for command in below(loaded.pid).values())


def test_stop_while_nothing_runs(loaded):
    loaded.ok("let kept = 4;")
    stop(loaded)
    time.sleep(0.1)
    assert loaded.ok("kept").text == "4"


def test_a_loop_without_end(loaded):
    """The first stop asks, the second ends the process."""
    loaded.ok("let lost = 5;")
    messages = send(loaded, 'println!("running"); loop { std::hint::spin_loop(); }', "!touch ran")
    while (event := loaded.client.get_iopub_msg(timeout=60))["msg_type"] != "stream":
        pass
    assert event["content"]["text"] == "running\n"
    stop(loaded)
    asked = loaded.client.get_iopub_msg(timeout=10)
    while asked["msg_type"] != "stream":
        asked = loaded.client.get_iopub_msg(timeout=10)
    assert "a second stop ends its process" in asked["content"]["text"]
    stop(loaded)
    reply, waiting = replies(loaded, messages)
    assert reply.seconds < 2, f"it lived on for {reply.seconds:.1f} s"
    assert "lost" in one_error(reply, "Interrupted").split("hint", 1)[1]
    assert waiting.status == "aborted"
    works(loaded)


# ---- forgetting on purpose ------------------------------------------------------------------------------------------


def test_rust_is_restarted(loaded):
    """Variables go, items and frames stay, and the cell goes on in the new process."""
    loaded.ok("fn immune() -> u32 { 7 }\nlet gone = std::process::id();")
    before = int(loaded.ok("gone").text)
    reply = loaded.ok("%restart_rust\nlet anew = immune();\nstd::process::id()")
    assert "gone" in reply.text and int(reply.text.splitlines()[-1]) != before, reply.text
    assert loaded.ok("anew").text == "7"
    assert "gone" in loaded.fails("gone").text
    works(loaded)


def test_rust_is_cleared(loaded):
    loaded.ok("fn gone_too() -> u32 { 8 }\nlet gone = 1;")
    reply = loaded.ok("%reset\nlet gone_too = 9;\ngone_too")
    assert "gone" in reply.text and reply.text.splitlines()[-1] == "9", reply.text
    for name in ("gone", "gone_too()"):
        loaded.fails(name)
    works(loaded)


# ---- other programs -------------------------------------------------------------------------------------------------


def test_two_notebooks_at_once(loaded, second):
    """Each compiles in a folder of its own, so neither waits for the other or sees anything of it."""
    second.ok("%load data/abalone.csv -q -o abalone")
    kernels = (loaded, second)
    sent = [send(kernel, f"let mine = {place}u8;", "mine + 1") for place, kernel in enumerate(kernels)]
    results = [[reply.text for reply in replies(kernel, messages)] for kernel, messages in zip(kernels, sent)]
    assert results == [["", "1"], ["", "2"]]
    for kernel in kernels:
        assert (folder_of(kernel.pid) / "evcxr" / "Cargo.toml").exists()
        works(kernel)


def another(kernel, **changes):
    """One more front end of a kernel."""
    client = BlockingKernelClient()
    client.load_connection_info({**kernel.manager.get_connection_info(), **changes})
    client.start_channels()
    return client


def test_a_front_end_goes_away_in_the_midst_of_output(loaded):
    """It holds up neither its cell nor the others who listen."""
    client = another(loaded)
    client.wait_for_ready(timeout=30)
    message = client.execute('for line in 0..1_000_000 { println!("{line} and a few words more, to make it long"); }')
    while client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    client.stop_channels()
    [reply] = replies(loaded, [message], answered=False)
    assert streamed(reply, "stdout").count("\n") == 1_000_000
    works(loaded)


def test_a_message_with_a_wrong_signature(loaded):
    def asks(code, **changes):
        """Whether another front end gets an answer soon."""
        client = another(loaded, **changes)
        try:
            client.execute(code)
            return bool(until(client.shell_channel.msg_ready, 0.5 if changes else 15))
        finally:
            client.stop_channels()

    assert asks("!touch given") and (loaded.folder / "given").exists(), "the way is wrong, whatever the key"
    assert not asks("!touch stolen", key=b"not the key of this kernel")
    loaded.ok("%who")
    assert not (loaded.folder / "stolen").exists()


def call(kernel, channel, said):
    """A connection to one socket of a kernel, on which this was said."""
    info = kernel.manager.get_connection_info()
    line = socket.create_connection((info["ip"], info[f"{channel}_port"]), timeout=10)
    line.sendall(said)
    return line


def beats(kernel):
    """Whether the heartbeat gives a front end that comes now what it was sent."""
    beat = b"\x01\x00\x00\x04beat"  # an empty frame, then this one
    came = b""
    with call(kernel, "hb", GREETING + ready("hb") + beat) as line:
        while not came.endswith(beat) and (more := line.recv(4096)):
            came += more
    return came.endswith(beat)


def comes_to_rest(kernel):
    """What was left behind by others does not keep the kernel's processor busy."""

    def used():
        times = Path(f"/proc/{kernel.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")

    def rests():
        before = used()
        time.sleep(0.3)
        return used() - before < 0.1

    return until(rests)


@pytest.mark.parametrize("channel", CHANNELS)
def test_random_bytes_on_a_socket(channel, loaded):
    """Bytes of no protocol, and bytes behind a good greeting; some hang up, some stay on the line."""
    chance = random.Random(channel)
    beginnings = [b"", b"\xff", b"GET / HTTP/1.1\r\n\r\n", GREETING[:30], GREETING, GREETING + ready(channel)]
    lines = [call(loaded, channel, beginning + chance.randbytes(4096)) for beginning in beginnings * 3]
    # A frame that is never finished.
    lines.append(call(loaded, channel, GREETING + ready(channel) + b"\0\x50half"))
    for line in lines[::2]:
        line.close()
    loaded.ok("%who")
    assert loaded.manager.is_alive() and beats(loaded)
    assert comes_to_rest(loaded), "it is busy with who has hung up"
    for line in lines[1::2]:
        line.close()
    loaded.ok("%who")


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_frame_larger_than_all_memory(channel, loaded):
    """Without any key, 73 bytes announce a frame for which nobody has the memory: that line ends, nothing else."""
    for said in (GREETING, GREETING + ready(channel)):
        with call(loaded, channel, said + b"\x02" + (1 << 50).to_bytes(8, "big")) as line:
            try:
                while line.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    loaded.ok("%who")
    assert loaded.manager.is_alive() and beats(loaded)


def test_a_front_end_listens_without_reading(loaded):
    """Another front end gets all 40 MB at once; when the deaf one reads again, it gets them too."""
    everything = b"\x00\x01\x01"
    with call(loaded, "iopub", GREETING + ready("iopub") + everything) as deaf:
        reply = loaded.ok('for _ in 0..5 { show(&"x".repeat(8_000_000)); }')
        assert [len(shown["content"]["data"]["text/plain"]) for shown in reply.outputs] == [8_000_002] * 5
        assert reply.seconds < 10, f"it had to wait for the one that does not read: {reply.seconds:.1f} s"
        heard = 0
        while heard < 40_000_000:
            came = len(deaf.recv(1 << 20))
            assert came, f"it was disconnected after {heard} bytes"
            heard += came
    loaded.ok("%who")


# ---- the end --------------------------------------------------------------------------------------------------------


def test_nothing_is_left(start_kernel, private):
    """Restarted, killed, shut down: no process and no folder is left, or none when the next kernel has started."""
    environment = {**private(), MARK: uuid.uuid4().hex}

    def started(kernel):
        assert until(lambda: below(kernel.pid) and folder_of(kernel.pid).exists()), "no process for cells"
        return kernel.pid

    kernel = start_kernel(environment)
    first = started(kernel)
    kernel.manager.restart_kernel(now=False)
    kernel.client.wait_for_ready(timeout=60)
    assert not folder_of(first).exists()
    killed = started(kernel)
    assert killed != first and first not in marked(environment[MARK])
    os.kill(killed, signal.SIGKILL)
    assert until(lambda: not marked(environment[MARK])), marked(environment[MARK])
    assert folder_of(killed).exists()
    kernel.stop(now=True)

    last = start_kernel(environment)
    ended = started(last)
    assert until(lambda: not folder_of(killed).exists()), "the folder of a killed kernel is never removed"
    last.stop()
    assert until(lambda: not marked(environment[MARK])), marked(environment[MARK])
    assert not folder_of(ended).exists()
