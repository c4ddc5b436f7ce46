"""What lives on when a kernel or the service dies, and what must not.

Outside CI an endpoint outlives the kernel that made it, however that kernel ended; nothing else of the kernel's does. A
home named by IRONSAGE_HOME ends with its kernel, so these tests have the default home, in a private XDG_DATA_HOME. Every
process that a test starts, and all that they start in turn, carries a mark in its environment: what lives is counted by it.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions
import pytest

from conftest import KERNEL

MARK = "IRONSAGE_TEST_MARK"
SETUP = """\
%load data/abalone.csv -o abalone
%split abalone 80 20 --seed 7 -o train,test
%train linear-learner train --label rings --drop sex --seed 7 -o age epochs=2
%deploy age --name lives-on
"""
ROW = {"length": 0.5, "diameter": 0.4, "height": 0.13, "whole_weight": 0.6, "shucked_weight": 0.25,
       "viscera_weight": 0.12, "shell_weight": 0.18}


def marked(mark):
    """The command lines of all living processes that carry the mark, or whose parent does, by process id."""
    environments, parents, commands = {}, {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                environment = (entry / "environ").read_bytes().split(b"\0")
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:  # it ended meanwhile
                continue
            if state != "Z":
                pid = int(entry.name)
                environments[pid], parents[pid], commands[pid] = environment, int(parent), command
    found = {pid for pid, environment in environments.items() if f"{MARK}={mark}".encode() in environment}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: commands[pid] for pid in found}


def of_the_service(command):
    return bool(re.search(r"\bironsage (local run|serve)\b", command))


def until(condition, seconds=15):
    """Waits until the condition holds and gives its value; a state, not a time, is waited for."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


@pytest.fixture
def outside_ci(private, program, tmp_path):
    """An environment as a person has it: no CI, and the default home, though in a private folder."""
    environment = {**private(), "XDG_DATA_HOME": str(tmp_path / "data"), MARK: uuid.uuid4().hex}
    # What Rust cells are compiled against lies in the user's data folder too, and is the user's own here.
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    (tmp_path / "data" / "ironsage").mkdir(parents=True)
    (tmp_path / "data" / "ironsage" / "prelude").symlink_to(data / "ironsage" / "prelude")
    for name in ("CI", "IRONSAGE_HOME", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        environment.pop(name, None)
    yield environment
    subprocess.run([program, "local", "stop"], env=environment, capture_output=True, timeout=30)
    left = until(lambda: not marked(environment[MARK]), 10) or marked(environment[MARK])
    for pid in left if isinstance(left, dict) else ():
        os.kill(pid, signal.SIGKILL)
    assert left is True, f"`ironsage local stop` left these behind: {left}"


def aws(program, environment, service, **options):
    """boto3, unmodified, pointed at the local service by what `ironsage local env` prints."""
    text = subprocess.run(
        [program, "local", "env"], env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    values = dict(re.findall(r"(AWS_\w+)=(\S+)", text))
    return boto3.client(
        service,
        endpoint_url=values["AWS_ENDPOINT_URL"], region_name=values["AWS_REGION"],
        aws_access_key_id=values["AWS_ACCESS_KEY_ID"], aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
        config=botocore.config.Config(retries={"total_max_attempts": 1}, **options),
    )


def answers(program, environment):
    runtime = aws(program, environment, "sagemaker-runtime")
    reply = runtime.invoke_endpoint(
        EndpointName="lives-on", ContentType="application/json", Accept="application/json",
        Body=json.dumps({"instances": [ROW]}),
    )
    score = json.loads(reply["Body"].read())["predictions"][0]["score"]
    return 0 < score < 40


def kill_process(kernel):
    os.kill(kernel.pid, signal.SIGKILL)


def kill_group(kernel):
    """What Jupyter does when a kernel does not answer: the whole process group, at once."""
    kernel.manager.shutdown_kernel(now=True)


def shut_down(kernel):
    """What Jupyter does first: a request on the control channel."""
    kernel.manager.shutdown_kernel(now=False)


LOOP = "loop { std::thread::sleep(std::time::Duration::from_millis(20)); }"
PIPELINE = "!sleep 600 | cat"


@pytest.mark.parametrize("end, busy", [
    (kill_process, LOOP), (kill_group, LOOP), (shut_down, LOOP), (kill_process, PIPELINE), (shut_down, PIPELINE)])
def test_the_endpoint_outlives_the_kernel_and_nothing_else_does(end, busy, outside_ci, program, start_kernel):
    kernel = start_kernel(outside_ci)
    kernel.ok(SETUP)
    # Rust variables, and a cell that is still running: their process must go with the kernel.
    kernel.ok("let kept = 1;")
    kernel.client.execute(busy)
    assert busy is LOOP or until(lambda: any("sleep 600" in command for command in marked(outside_ci[MARK]).values()))
    before = marked(outside_ci[MARK])
    assert len([pid for pid, command in before.items() if not of_the_service(command)]) >= 2, before
    assert len([pid for pid, command in before.items() if of_the_service(command)]) >= 2, before

    end(kernel)

    gone = until(lambda: all(of_the_service(command) for command in marked(outside_ci[MARK]).values()))
    left = marked(outside_ci[MARK])
    assert gone, f"these outlived the kernel: {[c for c in left.values() if not of_the_service(c)]}"
    assert {pid for pid, command in before.items() if of_the_service(command)} <= left.keys(), "the service did not live on"
    assert answers(program, outside_ci)

    again = start_kernel(outside_ci)
    listed = again.ok("%endpoint ls").text
    assert "lives-on" in listed and "InService" in listed, listed
    again.ok("%undeploy lives-on")
    again.stop()


def test_a_home_of_its_own_ends_with_its_kernel(private, start_kernel):
    environment = {**private(), MARK: uuid.uuid4().hex}
    kernel = start_kernel(environment)
    kernel.ok(SETUP)
    assert [command for command in marked(environment[MARK]).values() if of_the_service(command)]
    kill_process(kernel)
    assert until(lambda: not marked(environment[MARK])), marked(environment[MARK])


def test_a_kernel_ends_when_jupyter_was_killed(private):
    """Nobody says shutdown: the kernel sees that its parent has gone, and takes its service along."""
    environment = {**private(), MARK: uuid.uuid4().hex}
    jupyter = f"""if True:
        import time
        from jupyter_client.manager import start_new_kernel
        manager, client = start_new_kernel(kernel_name={KERNEL!r})
        client.execute_interactive("%s3 mb shells")
        print("up", flush=True)
        time.sleep(600)
    """
    process = subprocess.Popen([sys.executable, "-c", jupyter], env=environment, stdout=subprocess.PIPE, text=True)
    assert any(line.endswith("up\n") for line in process.stdout)
    assert len(marked(environment[MARK])) >= 3
    process.kill()
    process.wait()
    assert until(lambda: not marked(environment[MARK])), marked(environment[MARK])


class Slowly:
    """A body that is read bit by bit and tells when half of it has gone."""

    def __init__(self, size, seconds):
        self.size, self.seconds, self.at, self.half = size, seconds, 0, threading.Event()

    def __len__(self):
        return self.size

    def tell(self):
        return self.at

    def seek(self, offset, whence=0):
        self.at = offset if whence == 0 else self.size + offset if whence == 2 else self.at + offset
        return self.at

    def read(self, amount=-1):
        amount = min(self.size - self.at, amount if amount > 0 else self.size, 1 << 18)
        self.at += amount
        if self.at > self.size // 2:
            self.half.set()
            time.sleep(self.seconds * amount / self.size)
        return b"\x5a" * amount


def test_killing_the_service_during_an_upload_leaves_no_half_object(outside_ci, program):
    """kill -9 at three moments: what was acknowledged is there, whole; what was not is not there, not even in part."""
    subprocess.run([program, "local", "start"], env=outside_ci, check=True, capture_output=True, timeout=60)
    plain = {"request_checksum_calculation": "when_required", "s3": {"payload_signing_enabled": False}}
    s3 = aws(program, outside_ci, "s3", **plain)
    s3.create_bucket(Bucket="uploads")
    acknowledged = {}
    for attempt in range(3):
        for index in range(5):
            key, body = f"small/{attempt}-{index}", os.urandom(50_000 + index)
            s3.put_object(Bucket="uploads", Key=key, Body=body)
            acknowledged[key] = hashlib.sha256(body).hexdigest()
        body, outcome = Slowly(24 << 20, seconds=3.0), []

        def upload():
            try:
                s3.put_object(Bucket="uploads", Key=f"large/{attempt}", Body=body)
                outcome.append("acknowledged")
            except botocore.exceptions.BotoCoreError as error:
                outcome.append(error)

        thread = threading.Thread(target=upload)
        thread.start()
        assert body.half.wait(30), f"the upload never got half way: {outcome}"
        services = [pid for pid, command in marked(outside_ci[MARK]).items() if "local run" in command]
        assert services, marked(outside_ci[MARK])
        for pid in services:
            os.kill(pid, signal.SIGKILL)
        thread.join(60)
        assert outcome and outcome != ["acknowledged"], "the service was killed too late to test anything"

        s3 = aws(program, outside_ci, "s3", **plain)
        listed = {entry["Key"] for entry in s3.list_objects_v2(Bucket="uploads")["Contents"]}
        assert listed == acknowledged.keys()
        for key, digest in acknowledged.items():
            stored = s3.get_object(Bucket="uploads", Key=key)["Body"].read()
            assert hashlib.sha256(stored).hexdigest() == digest, key
    store = Path(outside_ci["XDG_DATA_HOME"]) / "ironsage" / "service"
    size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    assert size < 12 << 20, f"{size} bytes are kept for 15 small objects: the halves were not swept away"
