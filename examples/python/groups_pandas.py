"""A table of pandas to a group an airport on disk, and one airport back."""

import pathlib

import accrete
import pandas as pd

csv = pathlib.Path(__file__).parents[1] / "data" / "flights-sample.csv"

with accrete.temporary() as store:
    for flights in pd.read_csv(csv, chunksize=10_000):  # of any size, within little memory
        store.scatter(flights, by="origin")
    print(len(store), "airports")

    atlanta = store.gather("ATL")
    print(len(atlanta), "flights from Atlanta, the longest", atlanta["distance"].max(), "miles")
