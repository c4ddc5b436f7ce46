"""The quickstart in JupyterLab, in a real browser, as a person sees it.

Playwright drives the system's Chromium. Two things are waited for by state and never by time: Lab's kernel indicator says
idle before a kernel is attached, so we ask the notebook's session itself; and cells are done when their prompts are numbers.
The screenshot lies where IRONSAGE_SCREENSHOTS says, or in pytest's temporary folder.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from conftest import NOTEBOOKS

# The notebook that is open: its kernel is connected and idle.
READY = """() => {
  const panel = window.jupyterapp?.shell.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return !!kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle'
    && panel.content.widgets.length > 10;
}"""

# Every code cell has run (its count is a number) and nothing is running.
FINISHED = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const code = panel.content.widgets.filter(cell => cell.model.type === 'code');
  const failed = code.some(cell => {
    const outputs = cell.model.outputs;
    for (let i = 0; i < outputs.length; i++) if (outputs.get(i).type === 'error') return true;
    return false;
  });
  return failed || (code.every(cell => cell.model.executionCount) && panel.sessionContext.session.kernel.status === 'idle');
}"""


def browser_program():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.fail("no Chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="module")
def lab(private, tmp_path_factory):
    """JupyterLab on a loopback port, in a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # The question about news would cover a corner, and asking for updates would go to the network.
    settings = folder / "settings"
    notifications = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    notifications.parent.mkdir(parents=True)
    notifications.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    log = (folder / "lab.log").open("w")
    server = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
            "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True",
            f"--ServerApp.root_dir={folder / 'notebooks'}", f"--LabApp.user_settings_dir={settings}",
        ],
        env=private(), stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            assert server.poll() is None, f"JupyterLab ended:\n{(folder / 'lab.log').read_text()}"
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail(f"JupyterLab did not answer:\n{(folder / 'lab.log').read_text()}")
        yield address, folder / "notebooks"
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
        log.close()


@pytest.fixture(scope="module")
def page(lab):
    """A tall page, so that the windowed notebook draws all its cells."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_program(),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 9000})
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        yield page
        browser.close()


def outputs(lab_folder):
    """The saved notebook's outputs by cell name."""
    notebook = json.loads((lab_folder / "quickstart.ipynb").read_text())
    return {cell["id"]: cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"}


@pytest.fixture(scope="module")
def run_all(lab, page):
    """Opens the quickstart and runs all its cells."""
    address, folder = lab
    page.goto(f"{address}/lab/tree/quickstart.ipynb?reset")
    page.wait_for_function(READY, timeout=60_000)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(FINISHED, timeout=240_000)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty", timeout=20_000)
    return page, outputs(folder)


def cell(page, saved, name):
    """The notebook cell of that name, as a locator."""
    index = page.evaluate(
        "name => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(cell => cell.model.id === name)", name
    )
    assert index >= 0, f"no cell {name} in {list(saved)}"
    return page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{index}"]')


def test_all_cells_run(run_all):
    page, saved = run_all
    failed = {name: o for name, os_ in saved.items() for o in os_ if o["output_type"] == "error"}
    assert not failed, failed
    assert all(saved.values()), f"cells without output: {[name for name, o in saved.items() if not o]}"
    assert not page.problems, page.problems


def test_the_frame_is_a_table(run_all):
    page, saved = run_all
    table = cell(page, saved, "load").locator(".jp-OutputArea table")
    assert table.first.is_visible()
    text = table.first.inner_text()
    assert "shell_weight" in text and "f64" in text, text


@pytest.mark.parametrize("name", ["scatter", "residuals", "evaluate-old"])
def test_the_plot_is_drawn(run_all, name):
    page, saved = run_all
    picture = cell(page, saved, name).locator(".jp-OutputArea img").first
    picture.scroll_into_view_if_needed()
    assert picture.is_visible()
    natural, shown = picture.evaluate("image => [image.naturalWidth, image.clientWidth]")
    assert natural >= 2 * shown * 0.9 > 400, f"{natural} pixels shown on {shown}: not drawn, or not at double resolution"


def test_the_prediction_stands_beside_the_truth(run_all):
    page, saved = run_all
    text = cell(page, saved, "invoke").locator(".jp-OutputArea").inner_text()
    assert "626 predictions" in text
    assert "score" in text and "rings" in text


def test_rust_shows_its_frame(run_all):
    page, saved = run_all
    text = cell(page, saved, "worst").locator(".jp-OutputArea").inner_text()
    assert "error" in text and "score" in text, text


def test_tab_completes_magics(run_all):
    """Tab after `%unde` writes the one magic that begins so."""
    page, _ = run_all
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:insert-cell-below')")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:enter-edit-mode')")
    page.keyboard.type("%unde")
    page.keyboard.press("Tab")
    source = "() => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()"
    page.wait_for_function(f"() => ({source})() === '%undeploy' || document.querySelector('.jp-Completer-item')", timeout=10_000)
    if page.evaluate(source) != "%undeploy":
        page.keyboard.press("Enter")
    assert page.evaluate(source) == "%undeploy"
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:delete-cell')")


def test_a_picture_for_people(run_all, tmp_path):
    """Not a comparison: a picture to be looked at. It must at least hold the whole notebook."""
    page, _ = run_all
    folder = Path(os.environ.get("IRONSAGE_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.screenshot(path=folder / "quickstart-all.png")
    page.set_viewport_size({"width": 1280, "height": 1000})
    # The plot and what follows: what people come for.
    page.evaluate("""() => {
      const notebook = window.jupyterapp.shell.currentWidget.content;
      notebook.widgets.find(cell => cell.model.sharedModel.getSource().startsWith('%plot scatter')).node.scrollIntoView();
    }""")
    page.wait_for_timeout(500)
    page.screenshot(path=folder / "quickstart.png")
    assert (folder / "quickstart-all.png").stat().st_size > 50_000
