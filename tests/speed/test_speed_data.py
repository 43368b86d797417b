import json

import polars as pl
import pytest

from benchmark.data.sources.synthetic import DENSE, SPARSE, FieldSize, generate
from benchmark.records.archive import Archive
from benchmark.speed import data, measurements
from benchmark.speed.data import write_csv
from tests.speed.processes import here

SIZE = FieldSize("speed", (600, 200, 200), (4, 500), 1 / 300)


def test_the_csv_holds_the_planted_rows(tmp_path):
    write_csv(SIZE, tmp_path)
    frames = [
        pl.read_csv(tmp_path / f"{split}.csv", infer_schema=False)
        for split in ("train", "valid", "test")
    ]
    assert [frame.height for frame in frames] == [600, 200, 200]
    rows, frame = generate(SIZE, 0, 1000), pl.concat(frames)
    assert frame.columns == ["label", *DENSE, *SPARSE]
    assert frame["label"].cast(pl.UInt8).to_list() == rows.label.tolist()
    numbers = [None if number != number else str(int(number)) for number in rows.dense[:, 0]]
    assert frame["I1"].to_list() == numbers
    for j, name in enumerate(SPARSE):
        assert frame[name].str.contains("^[0-9a-f]{8}$").all()
        pairs = set(zip(frame[name], rows.sparse[:, j].tolist(), strict=True))
        assert len(pairs) == len(set(rows.sparse[:, j].tolist())) == frame[name].n_unique()


def test_speed_data_measures_and_keeps_a_table(command, monkeypatch, tmp_path):
    monkeypatch.setattr(data, "apart", here)
    monkeypatch.setattr(data, "VOCABULARY", SIZE.vocabulary)
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))  # which measuring changes
    options = (
        "--rows",
        "3000",
        "--repeats",
        "1",
        "--folder",
        str(tmp_path),
        "--results",
        str(tmp_path / "results"),
    )
    out, _ = command("speed", "data", *options, "--json", "--keep")
    values = json.loads(out)
    assert {"encode_rows_per_s", "read_rows_per_s", "peak_memory_gib", "epoch_rows_per_s"} <= set(
        values
    )
    assert min(values.values()) > 0
    assert values["store_bytes_per_row"] < 160 + 2**14 / 3000
    [kept] = measurements.load_topic("data", Archive(tmp_path / "results"))
    assert kept.values == values
    assert kept.subject == "3,000 rows"
    assert not list(tmp_path.glob("benchmark-speed-*"))


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ("--folder", "/nowhere"),
            1,
            "error: /nowhere: No such file or directory; make room or choose another --folder",
        ),
        (("--rows", "10"), 2, "Invalid value for '--rows'"),
    ],
)
def test_misuse_is_one_message(command, options, code, message):
    _, err = command("speed", "data", *options, code=code)
    assert message in err
