"""Notebooks without a front end, as schedulers and CI run them.

A run must end well when the notebook did and must fail, with a message that can be read, when a cell failed. Tools disagree
on what a failed cell is: some look at the reply, some at the outputs, so ours has to send both.
"""

import re
import subprocess

import nbclient
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from conftest import KERNEL, NOTEBOOKS

# How each tool is called on a notebook; its exit status says whether the cells were fine.
TOOLS = {
    "nbconvert": "jupyter nbconvert --to notebook --execute --output out.ipynb case.ipynb",
    "jupyter execute": "jupyter execute case.ipynb",
    "papermill": "papermill --no-progress-bar case.ipynb out.ipynb",
    "nbmake": "pytest -p no:cacheprovider -p no:nbval --nbmake case.ipynb",
    "nbval": "pytest -p no:cacheprovider -p no:nbmake --nbval-lax case.ipynb",
}

# spec: a failing cell with both an error output and an error reply fails everywhere; a cell that is allowed to fail,
# by its tag, passes everywhere but in papermill, which has no such tag.
ALLOWED = {"nbconvert": 0, "jupyter execute": 0, "papermill": 1, "nbmake": 0, "nbval": 0}


def write(folder, *sources, tags=()):
    """A notebook of ours with these cells, the last one tagged."""
    cells = [new_code_cell(source) for source in sources]
    cells[-1].metadata["tags"] = list(tags)
    spec = {"kernelspec": {"name": KERNEL, "display_name": "Rust (Ironsage)", "language": "rust"}}
    nbformat.write(new_notebook(cells=cells, metadata=spec), folder / "case.ipynb")


def call(command, folder, environment):
    return subprocess.run(
        command.split(), cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=280
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_a_failing_magic_fails_the_run(tool, private, tmp_path):
    write(tmp_path, "%show nowhere")
    run = call(TOOLS[tool], tmp_path, private())
    output = run.stdout + run.stderr
    assert run.returncode == 1, output
    assert "nowhere" in output, f"{tool} does not say what is wrong:\n{output}"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_good_notebook_passes(tool, private, tmp_path):
    write(tmp_path, "%who")
    run = call(TOOLS[tool], tmp_path, private())
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("tool", TOOLS)
def test_a_cell_that_may_fail(tool, private, tmp_path):
    write(tmp_path, "%show nowhere", tags=["raises-exception"])
    run = call(TOOLS[tool], tmp_path, private())
    assert run.returncode == ALLOWED[tool], run.stdout + run.stderr


@pytest.mark.parametrize(
    "code, says",
    [
        ("%show nowhere", "nowhere"),
        ("!exit 3", "3"),
        ("let x: u32 = true;", "mismatched types"),
        ('panic!("over and out");', "over and out"),
        ('"x".parse::<i32>()?;', "invalid digit"),
        ("let v: Vec<i32> = vec![]; v[7]", "index out of bounds"),
    ],
    ids=["magic", "shell", "compile error", "panic", "question mark", "index"],
)
def test_every_kind_of_failure_is_an_error(kernel, code, says):
    reply = kernel.fails(code)
    assert says in reply.text, reply.text
    assert kernel.ok("%who")


def test_cells_after_a_failure_do_not_run(kernel, tmp_path):
    """Run All sends every cell at once: the queue behind a failure is given up."""
    mark = tmp_path / "ran"
    first = kernel.client.execute("!sleep 0.3; exit 1", stop_on_error=True)
    second = kernel.client.execute(f"!touch {mark}", stop_on_error=True)
    replies = {}
    while len(replies) < 2:
        message = kernel.client.get_shell_msg(timeout=30)
        replies[message["parent_header"]["msg_id"]] = message["content"]["status"]
    assert replies == {first: "error", second: "aborted"}
    assert not mark.exists()
    kernel.ok("%who")


def ends_well(notebook):
    """The end that each run of the quickstart must come to: no error, one table of guesses, no endpoint left."""
    cells = {cell["id"]: cell for cell in notebook.cells if cell.cell_type == "code"}
    texts = {}
    for name, cell in cells.items():
        assert cell.outputs, f"the cell {name} shows nothing"
        for output in cell.outputs:
            assert output.output_type != "error", f"{name}: {output}"
        texts[name] = "\n".join(
            output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs
        )
    assert "4,177 rows" in texts["load"]
    assert "4,173 rows" in texts["clean"]
    assert re.search(r"2,921.*626.*626", texts["split"])
    assert "626 predictions" in texts["invoke"]
    for name in ("scatter", "residuals", "evaluate-old"):
        assert any("image/png" in output.get("data", {}) for output in cells[name].outputs), f"{name} has no picture"
    return texts


def results(texts):
    """The numbers that must be the same in every run: the seed fixes them."""
    return re.findall(r"\d+\.\d{2,}", texts["evaluate-age"] + texts["evaluate-old"])


def test_the_quickstart_runs_twice_to_the_same_end(private):
    """nbclient, twice in one home, as someone who presses Run All again: what exists is met, not made twice."""
    environment, ends = private(), []
    for _ in range(2):
        notebook = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4)
        client = nbclient.NotebookClient(
            notebook, timeout=240, kernel_name=KERNEL, resources={"metadata": {"path": str(NOTEBOOKS)}}
        )
        client.execute(env=environment)
        ends.append(ends_well(notebook))
    assert "already there" in ends[1]["bucket"] and "already there" not in ends[0]["bucket"]
    assert results(ends[0]) and results(ends[0]) == results(ends[1])


def test_the_gallery_draws_every_kind_of_plot(kernel, private):
    notebook = nbformat.read(NOTEBOOKS / "gallery.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name=KERNEL, resources={"metadata": {"path": str(NOTEBOOKS)}}
    )
    client.execute(env=private())
    drawn = set()
    for cell in notebook.cells:
        forms = {form for output in cell.get("outputs", []) for form in output.get("data", {})}
        for kind in re.findall(r"^%plot (\w+)", cell.source, re.MULTILINE):
            assert "image/png" in forms, cell.source
            assert ("application/vnd.vegalite.v5+json" in forms) == ("--interactive" in cell.source), cell.source
            drawn.add(kind)
    refused = kernel.fails("%plot nonsense x")
    kinds = re.search(r"one of: (.*) and (\d+) more", refused.text)
    assert len(drawn) == len(kinds[1].split(", ")) + int(kinds[2]), f"{drawn} are not all of: {refused.text}"


def test_nbconvert_runs_the_quickstart(private, tmp_path):
    run = call(f"jupyter nbconvert --to html --execute --output-dir {tmp_path} quickstart.ipynb", NOTEBOOKS, private())
    assert run.returncode == 0, run.stdout + run.stderr
    page = (tmp_path / "quickstart.html").read_text()
    assert page.count("data:image/png;base64,") >= 3
    assert "626 predictions" in page


def test_jupyter_execute_runs_the_quickstart(private, tmp_path):
    run = call(f"jupyter execute --output={tmp_path / 'done'} quickstart.ipynb", NOTEBOOKS, private())
    assert run.returncode == 0, run.stdout + run.stderr
    ends_well(nbformat.read(tmp_path / "done.ipynb", as_version=4))
