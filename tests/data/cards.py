"""A card of three csv files."""

from pathlib import Path

CARD = """
id = "mine"
title = "My clicks"
{top}

[table]
format = "csv"
files = {{ train = "train.csv", valid = "valid.csv", test = "test.csv" }}
label = "y"
dense = ["x"]
sparse = ["c"]
{table}
"""


def write_card(folder: Path, top: str = "", table: str = "", text: str = CARD) -> str:
    path = folder / "card.toml"
    path.write_text(text.format(top=top, table=table))
    return str(path)
