"""`verify`: whether records and tables are what they say."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import RecordsFolder
from benchmark.terminal.console import notice, say
from benchmark.utils.paths import RESULTS, shown

if TYPE_CHECKING:
    from benchmark.verify.case import Finding
    from benchmark.verify.data import OpenData

Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH]...", help="Records, or folders of them; all, with all tables."),
]


def verify(
    paths: Paths = None,
    replay: Annotated[list[Path] | None, typer.Option(help="Run this record again too.")] = None,
    replay_sample: Annotated[
        int, typer.Option(min=0, help="Run so many records again, drawn by --replay-seed.")
    ] = 0,
    replay_seed: Annotated[
        int, typer.Option(help="Another seed draws other records and fresh seeds.")
    ] = 0,
    fresh_seeds: Annotated[
        int, typer.Option(min=0, help="Run so many other seeds of each row that is run again.")
    ] = 0,
    results: RecordsFolder = RESULTS,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder of the data files you have.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Derive again what records and tables state; exit code 1 where something differs."""
    from benchmark.errors import UsageError
    from benchmark.records.archive import Archive
    from benchmark.reports.words import counted
    from benchmark.terminal.progress import Counter as Progress
    from benchmark.verify import data, ladder, place, proof
    from benchmark.verify import replay as replays

    open_data, results = data.opener(data_root, notice), results.resolve()
    again = [file for path in replay or [] for file in place.find(path.resolve())]
    named = [file for path in paths or [] for file in place.find(path.resolve())]
    if named or again:
        files = list(dict.fromkeys((*named, *again)))
        check = partial(ladder.verify_files, files, open_data)
    else:
        files = Archive(results).all_paths()
        if not files:
            raise UsageError(f"{shown(results)}: there is no record; name the folder of results")
        check = partial(ladder.verify, results, open_data)
    if fresh_seeds and not (again or replay_sample):
        raise UsageError("--fresh-seeds: name a row's record with --replay, or --replay-sample 1")
    with Progress("records verified", quiet=quiet) as progress:
        findings = list(check(watch=progress))
    failed = sum(finding.failed for finding in findings)
    unverified = {finding.path for finding in findings if not finding.failed}
    for first, *more in _alike(findings):
        mark = "FAILED" if first.failed else "unverified"
        others = f" and {len(more)} more" if more else ""
        say(f"{mark} {shown(first.path)}{others} [{first.rung}]: {first.message}")
    for kind, meaning in proof.MEANING.items():
        say(f"{meaning}: {', '.join(proof.PATHS[kind].split())}")
    say(proof.LIMIT)
    outcome = f"{counted(failed, 'check')} failed" if failed else "all checks passed"
    say(f"{counted(len(files), 'record')}: {outcome}")
    if unverified:
        say(f"{len(unverified)} of them unverified: not to be ranked until they are")
    if replay_sample:
        drawn = replays.sample(replays.possible(files, open_data), replay_sample, replay_seed)
        again = list(dict.fromkeys((*again, *drawn)))
    if again:
        failed += _replay(again, open_data, fresh_seeds, replay_seed)
    if failed:
        raise typer.Exit(1)


def _alike(findings: "Iterable[Finding]") -> "Iterable[list[Finding]]":
    """Each failure alone; what is unverified for one reason together."""
    groups: dict[tuple[str, str, Path | None], list[Finding]] = {}
    for each in findings:
        own = each.path if each.failed else None
        groups.setdefault((each.rung, each.message, own), []).append(each)
    return groups.values()


def _replay(paths: Sequence[Path], open_data: "OpenData", fresh: int, draw: int) -> int:
    """Run records again, and `fresh` other seeds of each of their rows; return how many replays
    failed."""
    from benchmark.errors import BenchmarkError
    from benchmark.records.record import load
    from benchmark.reports.words import duration
    from benchmark.terminal.run import RunProgress
    from benchmark.verify import replay as replays

    records = {path: load(path) for path in paths}
    todo = [(path, 0) for path in paths]
    todo += [(path, fresh) for path in {path.parent: path for path in paths}.values() if fresh]
    seconds = duration(sum(records[path].cost.total_seconds * max(1, new) for path, new in todo))
    runs = len(paths) + sum(new for _, new in todo)
    say(f"to be run again: {runs}, about {seconds}, as long as the records' own runs took")
    outcomes: Counter[str] = Counter()
    for path, new in todo:
        record, kind = records[path], "fresh seeds" if new else "replay"
        run = partial(replays.fresh, count=new, draw=draw) if new else replays.replay
        try:
            outcome = run(record, path, open_data(record.dataset), RunProgress())
        except BenchmarkError as error:
            outcomes["failed"] += 1
            say(f"FAILED {shown(path)} [{kind}]: {error}")
            continue
        outcomes["failed" if outcome.faults else outcome.how] += 1
        mark = "FAILED" if outcome.faults else "run again"
        say(f"{mark} {shown(path)} [{kind}]: {outcome.verdict}")
    say("run again: " + ", ".join(f"{number} {how}" for how, number in outcomes.items()))
    return outcomes["failed"]
