"""Data sets as `verify` is given them."""

from functools import cache

from benchmark.data import catalog
from benchmark.verify.data import Data


@cache
def open_data(name: str) -> Data:
    found, store = catalog.open_data(name, data_root=None, notify=lambda _: None)
    return Data(found.card, store)
