import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import registry
from benchmark.data import catalog
from benchmark.data.encoding.encode import Dictionary
from benchmark.data.shards.exchange import PartWriter, Shard
from benchmark.data.shards.prepare import open_shard
from benchmark.data.store import StoreWriter
from benchmark.errors import BenchmarkError, UsageError
from tests.data.shards.shards import (
    assert_same_store,
    in_one_go,
    in_shards,
    one_call,
    small_blocks,
)
from tests.data.tables import ignore

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
TOKENS = st.sampled_from(["", "a", "b", "é", "a long token of many bytes", "another long token"])
ROWS = st.lists(st.tuples(TOKENS, TOKENS, st.integers(0, 3), st.integers(-4, 40)), max_size=10)
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


@pytest.fixture
def card(tmp_path, monkeypatch) -> str:
    """A card of three small csv files that are read in many blocks."""
    small_blocks(monkeypatch)
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "shards"))
    frames = [table([("a", "é", 3, i) for i in range(size)]) for size in (20, 3, 0)]
    return write_table(tmp_path, *KINDS["three csv files"], frames)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=4)
@given(
    parts=st.tuples(ROWS, ROWS, ROWS),
    order=st.integers(1, 5).flatmap(lambda count: st.permutations(range(1, count + 1))),
)
def test_any_number_of_shards_in_any_order_make_the_store_of_one_go(kind, parts, order):
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder, frames = Path(name), [table(rows) for rows in parts]

        def sharded(files):
            return {"all": pl.concat(frames).lazy()}

        patch.setattr(registry.sources, "_items", registry.sources._items | {"sharded": sharded})
        small_blocks(patch)
        path = write_table(folder, *KINDS[kind], frames)
        whole = in_one_go(path, patch, folder / "one")
        made = in_shards(path, patch, folder / "several", len(order), order)
        assert_same_store(whole, made)


def test_three_processes_at_once_make_the_store_of_one_go(tmp_path, monkeypatch):
    rows = [("a" * (i % 11), f"token {i % 1000}", i % 3, i % 50) for i in range(70_000)]
    frames = [table(rows), table(rows[:500]), table(rows[500:900])]
    text = f'{FILES}\n{COLUMNS}\nmin_count = 2\ngroup = "c"'
    path = write_table(tmp_path, "parquet", text, frames)
    environment = os.environ | {"BENCHMARK_CACHE": str(tmp_path / "shards")}
    command = [sys.executable, "-m", "benchmark", "data", "prepare", path, "--wait", "1"]
    processes = [
        subprocess.Popen([*command, "--shard", f"{i}/3"], env=environment, stdout=subprocess.PIPE)
        for i in (1, 2, 3)
    ]
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert b"mine is ready: 70,012 / 512 / 412 rows" in out
    whole = in_one_go(path, monkeypatch, tmp_path / "one")
    assert_same_store(whole, in_shards(path, monkeypatch, tmp_path / "shards", 3))


def test_shards_wait_for_each_other_and_two_runs_of_one_do_no_harm(card, tmp_path, monkeypatch):
    told: list[str] = []

    def call(shard: str):
        options = {"data_root": None, "wait": 60, "notify": told.append}
        return open_shard(card, Shard.parse(shard), **options)[1]

    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(call, ["1/2", "1/2", "2/2", "2/2"]))
    assert any("waiting for" in line for line in told)
    whole = in_one_go(card, monkeypatch, tmp_path / "one")
    for store in stores:
        assert_same_store(whole, store)


class Killed(BaseException):
    pass


def test_shards_that_are_killed_anywhere_go_on(card, tmp_path, monkeypatch):
    """Calls are killed while they write each file, and before and after the store is there."""
    write, publish, killed = PartWriter._write, StoreWriter.publish, dict[str, Path]()
    lock = Lock()

    def kill_once(point: str, folder: Path) -> None:
        with lock:  # of the threads that write blocks, one is the first
            if point in killed or (tmp_path / "left").exists():
                return
            killed[point] = folder
            shutil.copytree(folder, tmp_path / "left")
        raise Killed

    def write_half(writer: PartWriter, name: str, data: bytes) -> None:
        (writer.folder / name).write_bytes(bytes(data)[: len(data) // 2])
        kill_once(f"{writer.folder} {name}", writer.folder)
        write(writer, name, data)

    def publish_late(writer: StoreWriter, *arguments, **options) -> None:
        kill_once("join", writer.encoding_folder.parent)
        publish(writer, *arguments, **options)
        raise Killed

    monkeypatch.setattr(PartWriter, "_write", write_half)
    monkeypatch.setattr(StoreWriter, "publish", publish_late)
    store, calls = None, cycle(["1/2", "2/2"])
    while store is None:
        try:
            store = one_call(card, next(calls))
        except Killed:
            if (left := tmp_path / "left").exists():  # as a killed process leaves it
                left.rename([*killed.values()][-1])
    assert len(killed) > 40
    monkeypatch.setattr(StoreWriter, "publish", publish)
    assert_same_store(in_one_go(card, monkeypatch, tmp_path / "one"), store)


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
