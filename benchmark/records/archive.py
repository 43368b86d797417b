"""The results folder: where records lie, and the only code that lists them.

results/records/<data set>/<recipe>/seed-<n>.json             ranked
results/studies/<study>/<data set>/<variant>/seed-<n>.json    of a study, never ranked
results/studies/adhoc/<data set>/<model>-<digest>/seed-<n>.json
results/studies/tuning/<data set>/<name>.json
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from benchmark.errors import BenchmarkError
from benchmark.records import record
from benchmark.records.record import Record, scores_path

RANKED = ""
"""The study of ranked records: none."""
ADHOC = "adhoc"
"""The study of runs that belong to no other."""
TUNING = "tuning"

Runs = dict[str, list[Record]]
"""The records of each recipe or variant, by seed."""


def ranked_place(dataset: str, name: str) -> PurePath:
    """Folder of the runs of a committed recipe, below the results folder."""
    return PurePath("records", dataset, name)


def study_place(study: str, dataset: str, variant: str) -> PurePath:
    """Folder of the runs of a study's variant, below the results folder."""
    return PurePath("studies", study, dataset, variant)


def adhoc_place(dataset: str, model: str, digest: str, rows: int | None) -> PurePath:
    """Folder of any other runs: by model, recipe digest and limit of the training rows."""
    limit = "" if rows is None else f"-rows{rows}"
    return study_place(ADHOC, dataset, f"{model}-{digest[:8]}{limit}")


@dataclass(frozen=True)
class Place:
    """What the path of a record says; `study` is RANKED for a ranked one."""

    results: Path
    study: str
    dataset: str
    name: str
    """Recipe or variant."""

    @classmethod
    def of(cls, path: Path) -> "Place | None":
        """None for a path that is not laid out as one below a results folder."""
        folders = [folder.name for folder in path.parents]
        if folders[2:3] == ["records"]:
            return cls(path.parents[3], RANKED, folders[1], folders[0])
        if folders[3:4] == ["studies"]:
            return cls(path.parents[4], folders[2], folders[1], folders[0])
        return None


@dataclass(frozen=True)
class Archive:
    """The records below one results folder.

    A record's name is its recipe where it is ranked, else the variant of its study. All lists are
    sorted. What loads records raises BenchmarkError for one that cannot be read.

    Example::

        archive = Archive(Path("results"))
        archive.datasets()                                  # ["frappe_x1r", "synthetic"]
        [run.seed for run in archive.runs("synthetic", "dcnv2")]
        archive.by_name("synthetic", study="ablation")      # {"full-glu": [Record, ...], ...}
    """

    results: Path

    def folder(self, study: str = RANKED) -> Path:
        """The folder of the ranked records, or of a study."""
        return self.results / "studies" / study if study else self.results / "records"

    def paths(self, dataset: str = "*", name: str = "*", study: str = RANKED) -> list[Path]:
        """Paths of the ranked records, or of a study's; of every data set and name by default."""
        folders = _inside(self.folder(study), dataset)
        runs = [run for folder in folders for run in _inside(folder, name)]
        return sorted(path for run in runs for path in run.glob("seed-*.json"))

    def study_paths(self) -> list[Path]:
        """Paths of the records of all studies, ad hoc runs included."""
        return [path for study in self.studies() for path in self.paths(study=study)]

    def all_paths(self) -> list[Path]:
        """Paths of the ranked records, then of those of studies."""
        return [*self.paths(), *self.study_paths()]

    def studies(self) -> list[str]:
        """Studies that have a folder here."""
        return [path.name for path in _inside(self.results / "studies", "*")]

    def datasets(self, study: str = RANKED) -> list[str]:
        """Data sets with ranked records, or with records of a study."""
        return sorted({path.parents[1].name for path in self.paths(study=study)})

    def runs(self, dataset: str, name: str, study: str = RANKED) -> list[Record]:
        """The records of one recipe or variant, by seed; none where there is none."""
        return sorted(map(record.load, self.paths(dataset, name, study)), key=lambda run: run.seed)

    def by_name(self, dataset: str, study: str = RANKED) -> Runs:
        """The records of a data set by recipe, or by variant of a study, each by seed."""
        names = sorted({path.parent.name for path in self.paths(dataset, study=study)})
        return {name: self.runs(dataset, name, study) for name in names}

    def ranked(self) -> list[Record]:
        """Every ranked record."""
        return [record.load(path) for path in self.paths()]

    def readable(self) -> list[Record]:
        """Every record, of studies too, that can be read."""
        return list(_readable(self.all_paths()))

    def strays(self) -> list[Path]:
        """Files among the records that are neither a record nor the scores of one."""
        known = {file for path in self.all_paths() for file in (path, scores_path(path))}
        files = (*self.folder().rglob("*"), *(self.results / "studies").rglob("seed-*"))
        return sorted(path for path in files if path.is_file() and path not in known)


def records_below(path: Path) -> list[Path]:
    """The record at `path`, or every record in the folders below it; none where there is none."""
    return [path] if path.is_file() else sorted(path.rglob("seed-*.json"))


def _inside(folder: Path, name: str) -> list[Path]:
    """The folder `name` inside one, or all of them for `*`, sorted; a name is never a pattern."""
    if name != "*":
        return [folder / name]
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if path.is_dir())


def _readable(paths: list[Path]) -> Iterator[Record]:
    for path in paths:
        try:
            yield record.load(path)
        except BenchmarkError:
            continue
