"""The layout of the results folder, and the only code that lists or loads what lies there.

records/<data set>/<recipe>/seed-<n>.json             ranked
studies/<study>/<data set>/<variant>/seed-<n>.json    runs of a study, never ranked
studies/<study>/<data set>.{md,json}                  the report of a study
studies/adhoc/<data set>/<model>-<recipe's digest>-<data's digest>/seed-<n>.json
studies/tuning/<data set>/<name>.json
scaling/<data set>.{md,json}   speed/<topic>{.md,-<subject>.json}
figures/[<study>/]<data set>/      leaderboard.*  claims.*  published.toml  manifest.json
report/index.html
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import NamedTuple

from benchmark.errors import BenchmarkError
from benchmark.records import record
from benchmark.records.record import Record

RANKED = ""
"""In place of a study: the ranked records."""
ADHOC = "adhoc"
"""The study of runs that belong to no other."""
RECORD_FILES = "seed-*.json"

Runs = Sequence[Record]
"""The records of one recipe or variant, by seed."""


def ranked_place(dataset: str, name: str) -> PurePath:
    """Folder of the runs of a committed recipe, below the results folder."""
    return PurePath("records", dataset, name)


def study_place(study: str, dataset: str, variant: str) -> PurePath:
    """Folder of the runs of a study's variant, below the results folder."""
    return PurePath("studies", study, dataset, variant)


def adhoc_place(
    dataset: str, model: str, recipe_digest: str, data_digest: str, rows: int | None
) -> PurePath:
    """Folder of any other runs: by model, recipe, data and limit of the training rows. The data's
    digest is of the encoded arrays, as two cards may have one id."""
    limit = "" if rows is None else f"-rows{rows}"
    return study_place(ADHOC, dataset, f"{model}-{recipe_digest[:8]}-{data_digest[:8]}{limit}")


def tuning_reference(dataset: str, name: str) -> str:
    """How recipes and records name a tuning study: its path below the results folder."""
    return f"studies/tuning/{dataset}/{name}.json"


def record_file(seed: int) -> str:
    """Name of a record in its folder."""
    return f"seed-{seed}.json"


def record_key(path: PurePath) -> str:
    """`<data set>/<recipe or variant>/seed-<n>`, whatever results folder the record lies in."""
    return "/".join(path.with_suffix("").parts[-3:])


class Place(NamedTuple):
    """The parts of a record's path; `study` is RANKED for a ranked one, `name` its recipe."""

    results: Path
    study: str
    dataset: str
    name: str

    @classmethod
    def of(cls, path: Path) -> "Place | None":
        """None for a path that does not follow the layout of a results folder."""
        folders = [folder.name for folder in path.parents]
        if folders[2:3] == ["records"]:
            return cls(path.parents[3], RANKED, folders[1], folders[0])
        if folders[3:4] == ["studies"]:
            return cls(path.parents[4], folders[2], folders[1], folders[0])
        return None


@dataclass(frozen=True)
class Archive:
    """The records and reports below one results folder.

    A record's name is its recipe where it is ranked, else the variant of its study. All lists are
    sorted. Methods that load records raise BenchmarkError for one that cannot be read. An archive
    reads a record once; make another one to see what was written since.

    Example::

        archive = Archive(Path("results"))
        archive.datasets()                                  # ["frappe_x1r", "synthetic"]
        [run.seed for run in archive.runs("synthetic", "dcnv2")]
        archive.by_name("synthetic", study="ablation")      # {"full-glu": [Record, ...], ...}
    """

    results: Path
    _loaded: dict[Path, Record] = field(default_factory=dict, init=False, repr=False, compare=False)

    def load(self, path: Path) -> Record:
        """One of these records, by its path."""
        if path not in self._loaded:
            self._loaded[path] = record.load(path)
        return self._loaded[path]

    def folder(self, study: str = RANKED) -> Path:
        """The folder of the ranked records, or of a study."""
        return self.results / "studies" / study if study else self.results / "records"

    def path(self, dataset: str, name: str, seed: int, study: str = RANKED) -> Path:
        """Where the record of one run is kept."""
        return self.folder(study) / dataset / name / record_file(seed)

    def paths(
        self, dataset: str | None = None, name: str | None = None, study: str = RANKED
    ) -> list[Path]:
        """Paths of the ranked records, or of a study's; of every data set and name for None."""
        datasets = _inside(self.folder(study), dataset)
        runs = [run for folder in datasets for run in _inside(folder, name)]
        return [path for run in runs for path in records_in(run)]

    def all_paths(self) -> list[Path]:
        """Paths of the ranked records, then of those of all studies, ad hoc runs included."""
        studies = [folder.name for folder in _inside(self.results / "studies", None)]
        return [path for study in (RANKED, *studies) for path in self.paths(study=study)]

    def datasets(self, study: str = RANKED) -> list[str]:
        """Data sets with ranked records, or with records of a study."""
        return sorted({path.parents[1].name for path in self.paths(study=study)})

    def runs(self, dataset: str, name: str, study: str = RANKED) -> list[Record]:
        """The records of one recipe or variant, by seed; empty without any."""
        return sorted(map(self.load, self.paths(dataset, name, study)), key=lambda run: run.seed)

    def by_name(self, dataset: str, study: str = RANKED) -> dict[str, list[Record]]:
        """The records of a data set by recipe, or by variant of a study, each by seed."""
        names = sorted({path.parent.name for path in self.paths(dataset, study=study)})
        return {name: self.runs(dataset, name, study) for name in names}

    def readable(self) -> Iterator[Record]:
        """Every record, of studies too, that can be read."""
        yield from (run for _, run in readable(self.all_paths()))

    def study_report(self, study: str, dataset: str) -> Path:
        """The report of a study on a data set, without its suffixes .md and .json."""
        return self.folder(study) / dataset

    def reported(self, study: str) -> list[str]:
        """Data sets with records of a study or with a report on it."""
        return _stems(self.folder(study), ("", ".md", ".json"))

    def tuning_path(self, dataset: str, name: str) -> Path:
        """The file of a tuning study."""
        return self.results / tuning_reference(dataset, name)

    def scaling_table(self, name: str) -> Path:
        """The tables of a data set's ladders, without their suffixes .md and .json."""
        return self.results / "scaling" / name

    def scaling_tables(self) -> list[str]:
        """Names of the tables that `scaling_table` places."""
        return _stems(self.results / "scaling", (".md", ".json"))

    def speed_table(self, topic: str) -> Path:
        """The table of a topic's measurements."""
        return self.results / "speed" / f"{topic}.md"

    def speed_measurement(self, topic: str, subject: str) -> Path:
        """The file of one measurement of a topic."""
        return self.results / "speed" / f"{topic}-{subject}.json"

    def speed_measurements(self, topic: str) -> list[Path]:
        """Files of all measurements of a topic."""
        return sorted((self.results / "speed").glob(f"{topic}-*.json"))

    def page(self) -> Path:
        """The page of all results."""
        return self.results / "report" / "index.html"

    def figures(self, dataset: str = "", study: str = RANKED) -> Path:
        """Folder of the figures of a data set; without one, of figures of several."""
        return self.results / "figures" / study / dataset


def records_in(folder: Path) -> list[Path]:
    """The records that lie directly in a folder."""
    return sorted(folder.glob(RECORD_FILES))


def readable(paths: Iterable[Path]) -> Iterator[tuple[Path, Record]]:
    """Load the records that can be read."""
    for path in paths:
        with suppress(BenchmarkError):
            yield path, record.load(path)


def _inside(folder: Path, name: str | None) -> list[Path]:
    """The folder `name` inside one, or all of them for None, sorted; a name is never a pattern."""
    if name is not None:
        return [folder / name]
    return sorted(path for path in folder.glob("*") if path.is_dir())


def _stems(folder: Path, suffixes: Sequence[str]) -> list[str]:
    return sorted({path.stem for path in folder.glob("*") if path.suffix in suffixes})
