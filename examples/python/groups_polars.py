"""A file by Polars to a group an airport on disk, and one airport back, without a copy."""

import pathlib

import accrete
import polars as pl

csv = pathlib.Path(__file__).parents[1] / "data" / "flights-sample.csv"

with accrete.temporary() as store:
    store.scatter(pl.scan_csv(csv), by="origin")  # in batches: the file may be larger than memory
    print(len(store), "airports")

    atlanta = pl.DataFrame(store.gather("ATL"))
    print(len(atlanta), "flights from Atlanta, the longest", atlanta["distance"].max(), "miles")
