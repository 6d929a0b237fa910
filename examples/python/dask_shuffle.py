"""Dask's shuffle on disk, through accrete."""

import pathlib

import accrete.dask
import dask
import dask.dataframe as dd
import pandas as pd

csv = pathlib.Path(__file__).parents[1] / "data" / "flights-sample.csv"

if __name__ == "__main__":
    table = dd.from_pandas(pd.read_csv(csv), npartitions=8)
    shuffled = accrete.dask.shuffle(table, "origin", npartitions=4)  # an airport's flights are together now
    partitions = dask.compute(*shuffled.to_delayed(), scheduler="threads")
    airports = [set(partition["origin"]) for partition in partitions]
    print(sum(map(len, airports)), "airports")
    print(sum(map(len, partitions)), "flights")
