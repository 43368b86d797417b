import shutil
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from benchmark import registry
from benchmark.data import catalog
from benchmark.data.encoding.encode import Dictionary
from benchmark.data.shards.exchange import Shard
from benchmark.data.shards.prepare import open_shard
from benchmark.errors import BenchmarkError, UsageError
from tests.data.shards.shards import (
    assert_same_store,
    in_one_go,
    in_shards,
    one_call,
    small_blocks,
)
from tests.data.shards.tables import ALL, COLUMNS, KINDS, table, write_table
from tests.data.tables import ignore


def test_a_store_that_is_there_needs_no_shard(card, capsys):
    whole = catalog.open_data(card, data_root=None, notify=ignore)[1]
    told: list[str] = []
    options = {"data_root": None, "wait": 0, "notify": told.append}
    assert open_shard(card, Shard(2, 3), **options)[1] == whole
    assert told == ["mine is encoded already; no shard is needed"]


@pytest.mark.parametrize("text", ["0/3", "4/3", "x", "1", "1/0", "-1/3", "1/3/3", "1 /3", "²/3"])
def test_a_wrong_shard_is_refused(text):
    with pytest.raises(UsageError, match=f"--shard {text}: expected i/n, shard i of n"):
        Shard.parse(text)


def test_generated_data_have_no_shards():
    with pytest.raises(UsageError, match="synthetic_tiny is generated and has no shards"):
        open_shard("synthetic_tiny", Shard(1, 2), data_root=None, wait=0, notify=ignore)


def change_file(folder: Path) -> None:
    with (folder / "b.csv").open("a") as file:
        file.write("a,b,1,2,1,,0\n")


def change_card(folder: Path) -> None:
    path = folder / "card.toml"
    path.write_text(path.read_text().replace("min_count = 2", "min_count = 3"))


def cut_off(folder: Path) -> None:
    path = folder / "shards/mine/.shards/rows/1-of-3/sizes.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def alter_facts(folder: Path) -> None:
    path = folder / "shards/mine/.shards/rows/1-of-3/facts.json"
    path.write_text(path.read_text().replace("b.csv", "d.csv"))


def remove_file(folder: Path) -> None:
    (folder / "shards/mine/.shards/rows/1-of-3/0.arrow").unlink()


AGAIN = r"delete \S+/mine/\.shards and begin again"
RUN_AGAIN = r"delete the folder \S+/rows/1-of-3 and run --shard 1/3 again"
FAULTS = {
    "file": (change_file, "2/3", rf"from b.csv of digest \w+, which here is \w+; .*{AGAIN}"),
    "card": (change_card, "2/3", rf"made by another card or version, .*{AGAIN}"),
    "count": (
        ignore,
        "2/4",
        rf"is of 3 shards, not of 4; go on with --shard i/3, or {AGAIN}",
    ),
    "facts": (alter_facts, "2/3", rf"facts.json: was altered .*{RUN_AGAIN}"),
    "frame": (cut_off, "1/3", rf"sizes.safetensors: was altered or cut off .*{RUN_AGAIN}"),
    "absent": (remove_file, "1/3", rf"0.arrow: cannot be read: No such file .*{RUN_AGAIN}"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_shards_that_do_not_belong_together_are_refused_and_can_be_made_again(
    card, tmp_path, fault
):
    change, shard, message = FAULTS[fault]
    assert one_call(card, "1/3") is None
    if shard == "1/3":
        assert [one_call(card, other) for other in ("2/3", "3/3")] == [None, None]
    change(tmp_path)
    with pytest.raises(BenchmarkError, match=message):
        one_call(card, shard)
    if shard == "1/3":
        shutil.rmtree(tmp_path / "shards/mine/.shards/rows/1-of-3")
        assert one_call(card, "1/3") is None


def test_counts_of_rows_that_were_encoded_again_since_are_refused(card, tmp_path, monkeypatch):
    """Tokens get their provisional ids as threads come to them, so in another order each time."""
    calls = [one_call(card, shard) for shard in ("1/2", "2/2", "1/2", "2/2")]
    assert calls == [None] * 4
    shutil.rmtree(tmp_path / "shards/mine/.shards/rows/1-of-2")
    begin = Dictionary.__init__

    def begin_elsewhere(dictionary: Dictionary) -> None:
        begin(dictionary)
        dictionary.ids(pl.Series(["a token before all others"]))

    with monkeypatch.context() as patch:
        patch.setattr(Dictionary, "__init__", begin_elsewhere)
        again = "counts are not of .* delete counts, vocabulary, arrays in .* run all shards again"
        with pytest.raises(BenchmarkError, match=again):
            one_call(card, "1/2")
    for step in ("counts", "vocabulary", "arrays"):
        shutil.rmtree(tmp_path / "shards/mine/.shards" / step)
    made = in_shards(card, monkeypatch, tmp_path / "shards", 2)
    assert_same_store(in_one_go(card, monkeypatch, tmp_path / "one"), made)


def test_a_source_of_another_order_each_time_is_refused(tmp_path, monkeypatch):
    small_blocks(monkeypatch)
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "shards"))
    frame, seeds = table([("a", "b", 1, i) for i in range(20)]), iter(range(9))

    def sharded(files):
        return {"all": frame.sample(fraction=1, shuffle=True, seed=next(seeds)).lazy()}

    monkeypatch.setattr(registry.sources, "_items", registry.sources._items | {"sharded": sharded})
    path = write_table(tmp_path, *KINDS["a source"], [frame] * 3)
    assert one_call(path, "1/2") is None
    with pytest.raises(BenchmarkError, match="shards 1/2 and 2/2 read different rows; let all"):
        one_call(path, "2/2")


@pytest.mark.parametrize("kind", ["no tokens", "no rows"])
def test_a_table_without_rows_is_refused_as_in_one_go(tmp_path, monkeypatch, kind):
    frames = [table([]).clear()] * 3
    text = f"{ALL}\n{COLUMNS}\n[table.split]" if kind == "no rows" else KINDS[kind][1]
    path = write_table(tmp_path, "parquet", text, frames)
    for make in (in_one_go, partial(in_shards, count=2)):
        with pytest.raises(BenchmarkError, match="mine: the train split is empty"):
            make(path, monkeypatch, tmp_path / "cache")
