"""Reads the segments of a store with other engines and prints what they hold.

read.py STORE: one JSON object on standard output: engine -> table -> column -> [values that are not null, measure].
The measure of a value is its length if it is text, bytes or a list, itself if it is a whole number or a flag, its
microseconds since 1970 if it is a time, and 0 if it is a floating point number.
"""

import datetime
import json
import pathlib
import sys

import duckdb
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)


def measure(value):
    if isinstance(value, float):
        return 0
    if isinstance(value, int):
        return int(value)
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // MICROSECOND
    if isinstance(value, str):
        return len(value.encode())
    return len(value)


def column(values):
    present = [value for value in values if value is not None]
    return [len(present), str(sum(measure(value) for value in present))]


def by_pyarrow(files):
    table = pyarrow.parquet.read_table(files)
    return {name: column(table[name].to_pylist()) for name in table.column_names}


def by_duckdb(files):
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    rows = engine.execute("SELECT * FROM read_parquet(?)", [files])
    names = [name for name, *_ in rows.description]
    return dict(zip(names, map(column, zip(*rows.fetchall()))))


def main():
    found = {"pyarrow": {}, "duckdb": {}}
    for folder in sorted(pathlib.Path(sys.argv[1], "segments").iterdir()):
        files = sorted(str(path) for path in folder.glob("*.parquet"))
        if files:
            found["pyarrow"][folder.name] = by_pyarrow(files)
            found["duckdb"][folder.name] = by_duckdb(files)
    json.dump(found, sys.stdout)


main()
