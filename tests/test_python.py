"""`%%python` in a real kernel: frames both ways, scikit-learn, errors, stops, pictures, and a process that keeps its variables."""

import sys
import threading
import time

import pytest

# Each dtype that frames usually have, made in SQL-free Rust terms by a CSV and casts in Python itself.
DTYPES = """
import datetime as dt, decimal
import polars as pl
all_types = pl.DataFrame({
    "i8": pl.Series([1, None, -3], dtype=pl.Int8), "i64": [1, 2, None], "u32": pl.Series([1, 2, 3], dtype=pl.UInt32),
    "f32": pl.Series([0.5, None, float("nan")], dtype=pl.Float32), "f64": [0.25, None, -1e300], "flag": [True, None, False],
    "text": ["größe", None, ""], "bytes": [b"ab", None, b""],
    "day": [dt.date(2024, 2, 29), None, dt.date(1969, 1, 1)], "time": [dt.time(1, 2, 3), None, dt.time(0)],
    "moment": pl.Series([dt.datetime(2024, 1, 2, 3), None, dt.datetime(1960, 1, 1)], dtype=pl.Datetime("us")),
    "zoned": pl.Series([dt.datetime(2024, 1, 2, 3), None, dt.datetime(1960, 1, 1)]).dt.replace_time_zone("Europe/Berlin"),
    "span": [dt.timedelta(days=1), None, dt.timedelta(microseconds=5)],
    "money": pl.Series([decimal.Decimal("1.25"), None, decimal.Decimal("-3.00")], dtype=pl.Decimal(12, 2)),
    "kind": pl.Series(["a", None, "b"], dtype=pl.Categorical), "level": pl.Series(["low", "high", None], dtype=pl.Enum(["low", "high"])),
    "list": [[1, 2], None, []], "texts": [["a", None], [], None], "pair": [{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}],
    "array": pl.Series([[1.0, 2.0], None, [3.0, 4.0]], dtype=pl.Array(pl.Float64, 2)),
})
"""


@pytest.fixture(scope="module")
def python(kernel):
    """A kernel whose Python runs, with a frame of shells."""
    kernel.ok("%load data/abalone.csv -q -o abalone")
    assert kernel.ok("%%python\nimport sys").text.startswith("Python 3.")
    return kernel


def test_frames_go_and_come_back_with_all_dtypes(python):
    assert "all_types: 3 rows × 20 columns" in python.ok(f"%%python -o all_types\n{DTYPES}").text
    python.ok("%%python\nfirst = all_types; del all_types")
    says = python.ok(
        "%%python -i all_types\nfrom polars.testing import assert_frame_equal\n"
        "assert_frame_equal(first, all_types, check_dtypes=True)\nall_types.schema == first.schema"
    ).text
    assert says == "True"


def test_an_empty_frame_and_many_rows(python):
    python.ok("%%python -o empty,many\nempty = pl.DataFrame(schema={'a': pl.Int64, 'b': pl.String})\n"
              "many = pl.DataFrame({'n': range(300_000), 's': [str(n) for n in range(300_000)]})")
    assert python.ok("%%python -i empty,many\nempty.shape, many.shape, many['n'].sum(), many['s'][-1]").text == (
        "((0, 2), (300000, 2), 44999850000, '299999')")
    assert "300000" in python.ok("%sql SELECT count(*) AS n FROM many WHERE s = CAST(n AS VARCHAR)").text.replace(",", "")


def test_pandas_and_pyarrow(python):
    assert python.ok("%%python -i abalone --as pandas\ntype(abalone).__module__.split('.')[0], abalone.shape").text == "('pandas', (4177, 9))"
    assert python.ok("%%python -i abalone --as pyarrow\ntype(abalone).__name__, abalone.num_rows").text == "('Table', 4177)"
    says = python.ok(
        "%%python -i abalone --as pandas -o by_sex,plain,table,lists,series\nimport pandas as pd, pyarrow as pa\n"
        "by_sex = abalone.groupby('sex')[['rings']].mean()\nplain = pd.DataFrame({'a': [1, None], 0: ['x', None]}, index=[5, 6])\n"
        "table = pa.table({'a': [1, 2]})\nlists = {'a': [1, 2], 'b': ['x', None]}\nseries = pd.Series([1.5, 2.5], name='half')"
    ).text
    # An index with a name is a column.
    assert says == ("by_sex: 3 rows × 2 columns · plain: 2 rows × 2 columns · table: 2 rows × 1 column · "
                    "lists: 2 rows × 2 columns · series: 2 rows × 1 column")
    assert python.ok("%%python -i by_sex,plain --as polars\nby_sex.columns, plain.columns").text == "(['sex', 'rings'], ['a', '0'])"


def test_scikit_learn_in_a_cell(python):
    python.ok("%split abalone 80 20 --seed 7 -o train,test")
    says = python.ok(
        "%%python -i train,test -o sk\nfrom sklearn.linear_model import LinearRegression\n"
        'X = [c for c in train.columns if c not in ("sex", "rings")]\n'
        'sk = test.with_columns(score=LinearRegression().fit(train[X], train["rings"]).predict(test[X]))'
    ).text
    assert "sk: 835 rows × 10 columns" in says or "sk: 836 rows × 10 columns" in says, says
    rmse = python.ok("%%python -i sk\nround(((sk['score'] - sk['rings']) ** 2).mean() ** 0.5, 2)").text
    assert 1.9 < float(rmse) < 2.6


def test_a_frame_is_shown_as_its_library_shows_it(python):
    reply = python.ok("%%python -i abalone\nabalone.head(2)")
    assert "text/html" in reply.mimes and "shape: (2, 9)" in reply.text


def test_what_cannot_come_back_binds_nothing(python):
    python.ok("%%python -o good\ngood = {'a': [1]}")
    reply = python.fails("%%python -o good,bad\ngood = {'a': [1, 2]}\nbad = pl.DataFrame({'a': [object()]})")
    assert "`bad`, a polars" in reply.text and "can't be handed over as Arrow" in reply.text
    reply = python.fails("%%python -o good\ngood = {'a': [1, 2, 3]}\n1 / 0")
    assert "line 3: ZeroDivisionError" in reply.text and reply.content["ename"] == "PythonError"
    assert python.ok("%%python -i good\ngood.height").text == "1"


def test_errors_name_lines_of_the_cell(python):
    reply = python.fails("// why\n%%time\n%%python\n1 / 0")
    assert "line 4: ZeroDivisionError" in reply.text


def test_a_stop_reaches_python_and_the_next_cell_goes_on(python):
    python.ok("%%python\nkept = 41")
    stopper = threading.Timer(1.0, python.manager.interrupt_kernel)
    stopper.start()
    reply = python.fails("%%python\nimport time\nfor second in range(60):\n    time.sleep(1)", timeout=20)
    stopper.join()
    assert reply.content["ename"] == "Interrupted" and "in line 4" in reply.text
    assert reply.seconds < 3
    assert python.ok("%%python\nkept + 1").text == "42"


def test_secrets_are_not_shown(python):
    python.ok("%env SERVICE_TOKEN=very-secret-value")
    reply = python.fails("%%python\nimport os\nassert os.environ['SERVICE_TOKEN'] == 'other'")
    assert "very-secret-value" not in str(reply.outputs)
    assert python.ok("%%python\nlen(os.environ['SERVICE_TOKEN'])").text == "17"


def test_figures_are_shown_at_the_end_of_the_cell(python):
    """With a stand-in for matplotlib, which the tests do not install: the parts of its interface that the helper uses."""
    python.ok("""%%writefile fake.py
import sys, types, base64
figure, pyplot = types.ModuleType("matplotlib.figure"), types.ModuleType("matplotlib.pyplot")
class Figure:
    def savefig(self, file, format, bbox_inches): file.write(b"\\x89PNG fake")
    def __repr__(self): return "<Figure>"
figure.Figure, opened = Figure, {}
pyplot.figure = lambda number=None: opened.setdefault(number or len(opened) + 1, Figure())
pyplot.get_fignums = lambda: list(opened)
pyplot.close = lambda one: [opened.pop(number) for number, each in list(opened.items()) if each is one]
sys.modules.update({"matplotlib.figure": figure, "matplotlib.pyplot": pyplot})
""")
    reply = python.ok("%%python\nimport fake\nfake.pyplot.figure()\nfake.pyplot.figure()\nprint('drawn')")
    pictures = [output for output in reply.outputs if "image/png" in output["content"].get("data", {})]
    assert len(pictures) == 2 and reply.outputs[0]["msg_type"] == "stream"
    # Shown once, though it is the last expression and open.
    reply = python.ok("%%python\nfake.pyplot.figure()")
    assert len([output for output in reply.outputs if output["msg_type"] == "display_data"]) == 1
    assert os_environ(python, "MPLBACKEND") == "'Agg'"
    python.ok("%%python\ndel sys.modules['matplotlib.figure'], sys.modules['matplotlib.pyplot']")


def os_environ(kernel, name):
    return kernel.ok(f"%%python\nimport os\nos.environ.get('{name}')").text


def test_reset_and_another_python(python):
    python.ok("%%python\nkept = 1")
    assert "has variables of earlier cells" in python.fails(f"%%python --python {sys.executable}\n1").text
    says = python.ok(f"%%python --reset --python {sys.executable}\n'kept' in globals()").text
    assert says.startswith("Python 3.") and says.endswith("False") and sys.executable in says


def test_python_ends_with_the_kernel(start_kernel):
    kernel = start_kernel()
    process = int(kernel.ok("%%python\nimport os\nprint(os.getpid())").text.split()[-1])
    kernel.stop(now=True)
    until = time.monotonic() + 10
    while running(process):
        assert time.monotonic() < until, "Python lives on"
        time.sleep(0.02)


def running(process):
    try:
        with open(f"/proc/{process}/stat") as stat:
            return ") Z " not in stat.read()
    except FileNotFoundError:
        return False
