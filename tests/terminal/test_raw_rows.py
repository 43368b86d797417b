"""Rows in the terminal."""

import polars as pl

from benchmark.terminal.rows import print_rows


def test_rows_fit_eighty_columns_and_are_shown_as_they_are(capsys):
    names = [f"column_{'long' * i}" for i in range(12)]
    frame = pl.DataFrame({name: [f"[red]{name}\n{i}" for i in range(7)] for name in names})
    frame = frame.with_columns(pl.Series("x", [None, 0.5, 7, 8, 9, 10, 11]), s=pl.lit("a\tb"))
    print_rows("train", frame, [f"unused{i}" for i in range(40)])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["train", "1", "2", "3", "4", "5"]
    assert [line.split() for line in lines if line.startswith("x ")] == [
        ["x", "0.5", "7.0", "8.0", "9.0"],
        ["x", "10.0", "11.0"],
    ]
    assert "[red]" in lines[1] and "a\\tb" in "".join(lines)
    assert lines[-2].startswith("not read: unused0, unused1") and lines[-2].endswith(" ...")
