"""`verify`: whether records and tables are what they say."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import RecordsFolder
from benchmark.terminal.console import notice, out
from benchmark.utils.paths import RESULTS, shown

if TYPE_CHECKING:
    from benchmark.verify.data import Data
    from benchmark.verify.ladder import OpenData


def verify(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="Records, or folders of them; all, with all tables."
        ),
    ] = None,
    replay: Annotated[list[Path] | None, typer.Option(help="Run this record again too.")] = None,
    replay_sample: Annotated[
        int, typer.Option(min=0, help="Run so many records again, drawn by --replay-seed.")
    ] = 0,
    replay_seed: Annotated[int, typer.Option(help="Another seed draws other records.")] = 0,
    results: RecordsFolder = RESULTS,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder of the data files you have.")
    ] = None,
) -> None:
    """Derive again what records and tables state; exit code 1 where something differs."""
    from benchmark.errors import UsageError
    from benchmark.records.archive import Archive
    from benchmark.verify import ladder, place, proof

    open_data, results = _opener(data_root), results.resolve()
    if paths or replay:
        named = (path.resolve() for path in (*(paths or []), *(replay or [])))
        files = list(dict.fromkeys(file for path in named for file in place.find(path)))
        findings = ladder.verify_files(files, open_data)
    else:
        files = Archive(results).all_paths()
        if not files:
            raise UsageError(f"{shown(results)}: there is no record; name the folder of results")
        findings = ladder.verify(results, open_data)
    failed = 0
    for finding in findings:
        failed += finding.failed
        mark = "FAILED" if finding.failed else "not checked"
        _say(f"{mark} {shown(finding.path)} [{finding.rung}]: {finding.message}")
    for kind, meaning in proof.MEANING.items():
        _say(f"{meaning}: {proof.fields(kind)}")
    _say(f"{len(files)} records: " + (f"{failed} checks failed" if failed else "all checks passed"))
    if replay or replay_sample:
        asked = [file for path in replay or [] for file in place.find(path.resolve())]
        failed += _replay(
            asked, files if replay_sample else [], replay_sample, replay_seed, open_data
        )
    if failed:
        raise typer.Exit(1)


def _replay(
    asked: Sequence[Path], pool: Sequence[Path], count: int, seed: int, open_data: "OpenData"
) -> int:
    """How many of the replays failed."""
    from benchmark.errors import BenchmarkError
    from benchmark.records.record import load
    from benchmark.reports.document import words
    from benchmark.terminal.progress import RunProgress
    from benchmark.verify import replay as replays

    drawn = replays.sample(replays.possible(pool, open_data), count, seed) if count else []
    chosen = list(dict.fromkeys((*asked, *drawn)))
    records = {path: load(path) for path in chosen}
    took = sum(record.cost.total_seconds for record in records.values())
    _say(
        f"to be run again: {len(chosen)}, about {words(took)}, as long as the records' own runs"
        " took"
    )
    ended: Counter[str] = Counter()
    for path, record in records.items():
        try:
            found = replays.replay(record, path, open_data(record.dataset), RunProgress())
        except BenchmarkError as error:
            ended["failed"] += 1
            _say(f"FAILED {shown(path)} [replay]: {error}")
            continue
        ended["failed" if found.faults else found.how] += 1
        _say(f"{'FAILED' if found.faults else 'run again'} {shown(path)} [replay]: {found.verdict}")
    _say("run again: " + ", ".join(f"{number} {how}" for how, number in ended.items()))
    return ended["failed"]


def _opener(data_root: Path | None) -> "OpenData":
    """Opens each data set once, every array hashed again; what has no files here can still be
    checked in part."""
    import functools

    from benchmark.data import catalog, inventory
    from benchmark.errors import BenchmarkError, MissingData
    from benchmark.verify.data import Data

    @functools.cache
    def open_data(name: str) -> "Data":
        if name not in catalog.card_names():
            return Data(
                None, None, f"{name} is no built-in data set, so its card and rows are not at hand"
            )
        card = catalog.find_card(name).card
        try:
            _, store = catalog.open_data(name, data_root=data_root, notify=notice, fetch=False)
        except MissingData as error:
            return Data(card, None, str(error))
        if faults := list(inventory.check(card, store.folder)):
            raise BenchmarkError("\n".join(faults))
        return Data(card, store)

    return open_data


def _say(message: str) -> None:
    out.print(message, markup=False, highlight=False)
