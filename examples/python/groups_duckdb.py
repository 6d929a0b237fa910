"""What DuckDB finds, batch by batch, to a group an airport on disk; and a query over one of them."""

import pathlib

import accrete
import duckdb

csv = pathlib.Path(__file__).parents[1] / "data" / "flights-sample.csv"

with accrete.temporary() as store:
    store.scatter(duckdb.sql(f"FROM '{csv}'"), by="origin")
    print(len(store), "airports")

    atlanta = store.gather("ATL")
    [(count, longest)] = duckdb.sql("SELECT count(*), max(distance) FROM atlanta").fetchall()
    print(count, "flights from Atlanta, the longest", longest, "miles")
