"""Tables of every kind, of small random rows."""

from pathlib import Path

import polars as pl

FILES = 'files = { train = "a.FORM", valid = "b.FORM", test = "c.FORM" }'
ALL = 'files = { all = ["a.FORM", "b.FORM", "c.FORM"] }'
COLUMNS = 'label = "y"\ndense = ["x", "z"]\nsparse = ["c", "d"]'
KINDS = {
    "three csv files": ("csv", f'{FILES}\n{COLUMNS}\nmin_count = 2\ngroup = "c"'),
    "stratified": (
        "csv",
        f'{ALL}\n{COLUMNS}\ndense_rule = "standard"\ngroup = "g"\n[table.split]\nparts = [2, 1, 1]',
    ),
    "three parquet files": ("parquet", f'{FILES}\n{COLUMNS}\ndense_rule = "standard"'),
    "by a column": (
        "parquet",
        f'{ALL}\n{COLUMNS}\ngroup = "g"\n[table.split]\nmethod = "column"\ncolumn = "part"\n'
        'train = ["0"]\nvalid = "== 1"\ntest = "> 1"',
    ),
    "chosen and joined rows": (
        "csv",
        f'{FILES}\nlabel = "y"\ndense = ["x"]\nsparse = ["d", "name"]\n'
        '[[table.join]]\nfile = "side.csv"\non = "c"\n'
        '[[table.filter]]\ncolumn = "part"\nkeep = "< 3"',
    ),
    "no numbers": ("csv", f'{FILES}\nlabel = "y"\nsparse = ["c", "d"]'),
    "no tokens": ("csv", f'{FILES}\nlabel = "y"\ndense = ["x", "part"]'),
    "a source": (
        None,
        f'source = "sharded"\nfiles = {{ all = "a.csv" }}\n{COLUMNS}\n'
        "[table.split]\nparts = [2, 1, 1]",
    ),
}
BOTH_CLASSES = [("a", "b", 0, 1), ("b", "a", 1, 2), ("a", "", 2, 3), ("", "b", 0, 0)]


def table(rows: list[tuple[str, str, int, int]]) -> pl.DataFrame:
    """The rows, and some of both classes of each split and part."""
    rows = [*BOTH_CLASSES, *rows, *BOTH_CLASSES * 2]
    number = pl.int_range(len(rows), dtype=pl.Int64)
    frame = pl.DataFrame(rows, ["c", "d", "part", "x"], orient="row").with_columns(
        y=(number // 4 % 2), z=pl.when(pl.col("x") > 5).then(1 / pl.col("x")), g=pl.col("x") % 7
    )
    return frame


def write_table(folder: Path, form: str | None, text: str, frames: list[pl.DataFrame]) -> str:
    for name, frame in zip("abc", frames, strict=True):
        if form == "parquet":
            frame.write_parquet(folder / f"{name}.parquet")
        else:
            frame.write_csv(folder / f"{name}.csv")
    names = pl.DataFrame({"c": ["a", "b", "é"], "name": ["Ann", "Bob", "Eve"]})
    names.write_csv(folder / "side.csv")
    path, format_ = folder / "card.toml", f'format = "{form}"\n' if form else ""
    table_ = f"[table]\n{format_}{text.replace('FORM', str(form))}"
    path.write_text(f'id = "mine"\ntitle = "Mine"\n{table_}\n')
    return str(path)
