"""The far end of `%%python`: runs the cells that Ironsage sends, in one namespace that stays.

Requests come and records go as lines of JSON over one socket, which is the standard input that this process was started
with. What cells print is sent as records too, so that texts, displays and the end of a cell keep their order; what
subprocesses and C libraries write to the descriptors 1 and 2 is read by Ironsage from there. Python 3.8 or newer.
"""

import ast
import base64
import builtins
import codecs
import contextlib
import fcntl
import io
import json
import keyword
import linecache
import os
import signal
import socket
import sys
import termios
import threading
import time
import traceback
import types
import warnings

SELF = os.getpid()
PAUSE = 0.05  # seconds between two sendings of what is printed
LARGE = 1 << 16  # characters that are sent without a pause
STARTS = {"os.system", "os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"}  # audit events


class Refused(Exception):
    """What was asked for can't be done; the text says why, and the hint what to type instead."""

    def __init__(self, message, hint=None):
        super().__init__(message)
        self.hint = hint


class Channel:
    """The socket. An interrupt waits while a record is on its way, so that none is cut."""

    def __init__(self):
        self.socket = socket.socket(fileno=os.dup(0))
        self.lines = self.socket.makefile("r", encoding="utf-8", newline="\n")
        self.lock = threading.RLock()
        self.printed = []
        self.begun = {}  # by thread: when its line began, and the texts; `print` writes the end of a line by itself
        self.size = 0
        self.sent_at = 0.0
        self.waiting = threading.Event()
        self.running = False
        self.sending = False
        self.interrupted = False

    def interrupt(self, _signal, _frame):
        if self.sending:
            self.interrupted = True
        elif self.running:
            raise KeyboardInterrupt

    def send(self, **record):
        with self.whole():
            self._send_printed(*self.begun)
            self._send(record)

    def flush(self):
        with self.whole():
            self._send_printed(threading.get_ident())

    @contextlib.contextmanager
    def whole(self):
        main = threading.current_thread() is threading.main_thread()
        with self.lock:
            self.sending = self.sending or main
            try:
                yield
            finally:
                self.sending = self.sending and not main
        if main and self.interrupted:
            self.interrupted = False
            if self.running:
                raise KeyboardInterrupt

    def _send(self, record):
        if os.getpid() != SELF:
            return  # A forked process: the socket is not its own.
        self.socket.sendall(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def print(self, stream, text):
        """Keeps the text. Whole lines are sent at once where nothing was sent for a while, and all is sent soon."""
        thread, now = threading.get_ident(), time.monotonic()
        with self.lock:
            self.begun.setdefault(thread, (now, []))[1].append((stream, text))
            self.size += len(text)
            if text.endswith("\n") or self.size >= LARGE:
                self._take(thread)
            if not self.printed or (self.size < LARGE and now - self.sent_at < PAUSE):
                self.waiting.set()
                return
        with self.whole():
            self._send_printed()

    def _take(self, thread):
        """Ends the line that the thread has begun: until then, no text of another stands in it."""
        _, texts = self.begun.pop(thread, (0, []))
        self.printed += texts

    def before_start(self, event, _arguments):
        """An audit hook. What a subprocess writes goes another way: what was printed before must have been read there."""
        if event in STARTS and os.getpid() == SELF:
            with self.whole():
                self._send_printed(*self.begun)
            until = time.monotonic() + PAUSE
            while any(fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4))) and time.monotonic() < until:
                time.sleep(0.0005)

    def _send_printed(self, *threads):
        """Sends whole lines, and what these threads have begun."""
        for thread in threads:
            self._take(thread)
        printed, self.printed, self.size = self.printed, [], 0
        self.sent_at = time.monotonic()
        if not self.begun:
            self.waiting.clear()
        while printed:
            stream = printed[0][0]
            count = next((at for at, (other, _) in enumerate(printed) if other != stream), len(printed))
            text = "".join(text for _, text in printed[:count])
            self._send({"kind": "text", "stream": stream, "text": text})
            del printed[:count]

    def flush_soon(self):
        """The body of a thread: sends what was printed while `print` did not."""
        while True:
            self.waiting.wait()
            time.sleep(PAUSE)
            with self.whole():
                old = time.monotonic() - PAUSE
                self._send_printed(*[thread for thread, (since, _) in self.begun.items() if since <= old])


class Printer(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of the cells."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, channel, name, descriptor):
        self.channel, self.stream, self.descriptor = channel, name, descriptor
        self.buffer = Raw(self)

    def writable(self):
        return True

    def fileno(self):
        return self.descriptor

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if os.getpid() != SELF:
            # A forked process: the socket is not its own.
            os.write(self.descriptor, text.encode("utf-8", "replace"))
        elif text:
            self.channel.print(self.stream, text)
        return len(text)

    def flush(self):
        if os.getpid() == SELF:
            self.channel.flush()


class Raw(io.RawIOBase):
    """`sys.stdout.buffer`: bytes on their way to being text."""

    def __init__(self, printer):
        self.printer = printer
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        self.printer.write(self.decoder.decode(data))
        return len(data)


# What is shown


def forms(value):
    """The forms of a value, by MIME type: what Jupyter's own Python shows."""
    data = {"text/plain": repr(value)}
    figure = getattr(sys.modules.get("matplotlib.figure"), "Figure", ())
    if isinstance(value, figure):
        return {**data, "image/png": picture(value)}
    for method, mime in [("_repr_html_", "text/html"), ("_repr_svg_", "image/svg+xml"), ("_repr_png_", "image/png")]:
        found = None if isinstance(value, type) else getattr(value, method, None)
        form = found() if callable(found) else None
        if isinstance(form, bytes):
            form = base64.b64encode(form).decode("ascii")
        if isinstance(form, str):
            data[mime] = form
    return data


def picture(figure):
    content = io.BytesIO()
    figure.savefig(content, format="png", bbox_inches="tight")
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot:
        pyplot.close(figure)
    return base64.b64encode(content.getvalue()).decode("ascii")


def show_figures(channel):
    """The figures that the cell has left open, as Jupyter's inline mode has it."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums() if pyplot else ():
        channel.send(kind="display", data=forms(pyplot.figure(number)))


def close_figures():
    """Those of a cell that failed are not the next one's."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot:
        pyplot.close("all")


# Frames


def installed(name):
    try:
        return __import__(name, fromlist=["_"])
    except ModuleNotFoundError:
        return None


def wanted(name, why):
    module = installed(name)
    if module is None:
        raise Refused(f"{why}, and {name} is not installed in {sys.executable}", pip(name))
    return module


def pip(*names):
    return f"`!{sys.executable} -m pip install {' '.join(names)}`"


def frame_in(path, library):
    """A frame of the session, from the Arrow file at `path`."""
    if library == "polars" or (library is None and installed("polars")):
        return wanted("polars", "--as polars was asked for").read_ipc(path)
    if library is None and not (installed("pandas") and installed("pyarrow")):
        message = f"neither polars nor pandas with pyarrow is installed in {sys.executable}, to read a frame with"
        raise Refused(message, pip("polars"))
    pyarrow = wanted("pyarrow", "a frame for pandas or pyarrow comes as Arrow")
    with installed("pyarrow.ipc").open_file(pyarrow.memory_map(path)) as file:
        table = file.read_all()
    if library == "pyarrow":
        return table
    wanted("pandas", "--as pandas was asked for")
    return table.to_pandas()


def frame_out(name, value, path):
    """Writes what the cell has bound to `name` as an Arrow file."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    try:
        polars, pandas = sys.modules.get("polars"), sys.modules.get("pandas")
        if polars and isinstance(value, polars.LazyFrame):
            value = value.collect()
        if polars and isinstance(value, polars.Series):
            value = value.to_frame()
        if polars and isinstance(value, polars.DataFrame):
            with open(path, "wb") as file:
                value.write_ipc(file)
            return
        if pandas and isinstance(value, pandas.Series):
            value = value.to_frame()
        if pandas and isinstance(value, pandas.DataFrame):
            # An index with a name is a column to the person who made it.
            value = value.reset_index() if any(level is not None for level in value.index.names) else value
            value = value.set_axis([str(column) for column in value.columns], axis=1)
            pyarrow = wanted("pyarrow", f"`{name}` is a pandas frame, which goes as Arrow")
            write_arrow(pyarrow.Table.from_pandas(value, preserve_index=False), path)
        elif isinstance(value, dict) or hasattr(value, "__arrow_c_stream__"):
            polars, pyarrow = installed("polars"), installed("pyarrow")
            if polars:
                with open(path, "wb") as file:
                    polars.DataFrame(value).write_ipc(file)
            elif pyarrow:
                write_arrow(pyarrow.table(value), path)
            else:
                message = f"`{name}` goes as Arrow, and neither polars nor pyarrow is installed in {sys.executable}"
                raise Refused(message, pip("polars"))
        else:
            raise Refused(
                f"`{name}` is a {kind}, not a frame",
                "bind a Polars or pandas frame, a pyarrow table or a dict of lists to it",
            )
    except (Refused, KeyboardInterrupt):
        raise
    except BaseException as error:  # Polars' panics are no Exception.
        raise Refused(f"`{name}`, a {kind}, can't be handed over as Arrow: {error}") from error


def write_arrow(table, path):
    pyarrow = installed("pyarrow")
    with pyarrow.OSFile(path, "wb") as file, installed("pyarrow.ipc").new_file(file, table.schema) as writer:
        writer.write_table(table)


# Cells


class Surroundings:
    """The folder and the environment of the session. What a cell itself has changed stays until the session changes it."""

    def __init__(self):
        self.folder = None
        self.before = {}
        self.given = {}

    def take(self, folder, environment):
        if folder != self.folder:
            os.chdir(folder)
            self.folder = folder
        for name in [name for name in self.given if name not in environment]:
            del self.given[name]
            self.put(name, self.before.pop(name))
        for name, value in environment.items():
            if name not in self.given:
                self.before[name] = os.environ.get(name)
            if self.given.get(name, self) != value:
                self.given[name] = value
                self.put(name, value)

    @staticmethod
    def put(name, value):
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def run(code, file, names, channel):
    """Runs a cell and shows the value of its last expression, unless it ends with a semicolon."""
    tree = ast.parse(code, file)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, file, "exec"), names)
    if last is None:
        return
    value = eval(compile(ast.Expression(last.value), file, "eval"), names)
    if value is not None and not code.rstrip().endswith(";"):
        names["_"] = value
        channel.send(kind="display", data=forms(value))


def raised(error, file, code):
    """An exception as a person wants to see it: what, in which line of the cell, and the way there."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename != file:
        frames = frames.tb_next
    told = traceback.TracebackException(type(error), error, frames)
    lines = "".join(told.format_exception_only()).strip().splitlines()
    # Of a syntax error, the place comes first.
    what = lines[-1] if isinstance(error, SyntaxError) else lines[0]
    line, hint = frames.tb_lineno if frames else None, None
    if isinstance(error, SyntaxError) and error.filename == file:
        line = error.lineno
        text = (code.splitlines() + [""] * (line or 1))[(line or 1) - 1].lstrip()
        if text.startswith(("%", "!")):
            hint = "the body of `%%python` is plain Python; `%` and `!` lines go in a cell of their own"
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = f"{pip(error.name.split('.')[0])} installs it where this Python looks (a package may have another name)"
    where = f"line {line}: " if line else ""
    return {"why": "raised", "message": f"{where}{what}\n{''.join(told.format()).rstrip()}", "hint": hint, "line": line}


def perform(request, channel, surroundings, names):
    """Runs one request; gives what failed, or None."""
    code, file = request["code"], f"<python cell {request['cell']}>"
    linecache.cache[file] = (len(code), None, code.splitlines(True), file)
    try:
        channel.running = True
        channel.send(kind="begun", cell=request["cell"])
        surroundings.take(request["folder"], request["environment"])
        for name in [each["name"] for each in request["inputs"]] + [each["name"] for each in request["outputs"]]:
            if keyword.iskeyword(name):
                raise Refused(f"`{name}` is a keyword of Python, so no variable can have that name")
        received = {}
        for each in request["inputs"]:
            received[each["name"]] = frame_in(each["path"], request["library"]) if each.get("path") else each["value"]
        names.update(received)
        try:
            run(code, file, names, channel)
        except SystemExit as error:
            if error.code not in (None, 0):
                raise
        show_figures(channel)
        for each in request["outputs"]:
            if each["name"] not in names:
                message = f"the cell ran, and there is no `{each['name']}` to bind"
                raise Refused(message, f"`{each['name']} = …` in the cell, or another name after `-o`")
            frame_out(each["name"], names[each["name"]], each["path"])
    except Refused as error:
        return {"why": "refused", "message": str(error), "hint": error.hint}
    except KeyboardInterrupt as error:
        return {**raised(error, file, code), "why": "stopped"}
    except SystemExit as error:
        return {"why": "raised", "message": f"SystemExit: {error.code}", "hint": None}
    except BaseException as error:
        return raised(error, file, code)
    finally:
        channel.running = False
    return None


def no_input(prompt="", *_):
    raise RuntimeError("nobody can be asked from a %%python cell: write the value into the cell instead of input()")


def main():
    channel = Channel()
    signal.signal(signal.SIGINT, channel.interrupt)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = Printer(channel, "stdout", 1), Printer(channel, "stderr", 2)
    threading.Thread(target=channel.flush_soon, name="ironsage-output", daemon=True).start()
    sys.addaudithook(channel.before_start)
    builtins.input = no_input
    # Figures are shown at the end of their cell; `show()` has nothing left to do.
    warnings.filterwarnings("ignore", message=".*is non-interactive, and thus cannot be shown")
    # A `__main__` of the cells' own, as pickle wants it.
    user = types.ModuleType("__main__")
    user.__builtins__ = builtins
    user.display = lambda *values: [channel.send(kind="display", data=forms(value)) for value in values] and None
    sys.modules["_ironsage"], sys.modules["__main__"] = sys.modules["__main__"], user
    sys.argv = [""]
    surroundings = Surroundings()
    channel.send(kind="ready", version=".".join(map(str, sys.version_info[:3])), executable=sys.executable)
    for line in channel.lines:
        request = json.loads(line)
        failure = None
        try:
            failure = perform(request, channel, surroundings, user.__dict__)
        except KeyboardInterrupt:
            channel.running = False
            failure = {"why": "stopped", "message": "stopped", "hint": None}
        if os.getpid() != SELF:
            os._exit(1)  # What a cell forked must not go on as another of us.
        if failure:
            close_figures()
        channel.send(kind="done", cell=request["cell"], failure=failure)


main()
