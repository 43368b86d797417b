"""A run for each ladder, and for each other study of a data set: the parent of the runs of its
variants, with a table of them and the study's figures."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from benchmark.recipes.scaling import RATE
from benchmark.records.archive import Archive
from benchmark.studies.scaling.ladders import STUDY, place_of
from benchmark.tracking.client import log_table, run_with, runs_in
from benchmark.tracking.seeds import adopt, is_trial
from benchmark.tracking.summary import LEVEL, SEEDS_OF, origin
from benchmark.utils.files import canonical_sha256

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

STUDY_OF = "study_of"
"""The tag that names a study's run."""
DIGEST = "variants_sha256"
"""The tag of the table of a study's run."""
SHOWN = (
    *("cost/flops_per_sample", "seeds", "test/auc", "test/auc_sd"),
    *("test/logloss", "test/logloss_sd", "rank_ratio"),
)


class StudyKey(NamedTuple):
    """A study's variants on a data set from one folder; those of a recipe's ladder alone."""

    kind: str
    dataset: str
    origin: str
    recipe: str = ""

    @classmethod
    def of(cls, seeds_of: str) -> tuple[Self, str]:
        """The study and the variant that the tag of a run names."""
        kind, _, rest = seeds_of.partition(" ")
        place, _, from_folder = rest.rpartition(" ")
        dataset, _, variant = place.partition("/")
        rung = place_of(variant) if kind == STUDY else None
        return cls(kind, dataset, from_folder, rung[0] if rung else ""), variant

    @property
    def tag(self) -> str:
        return f"{self.kind} {self.dataset}/{self.recipe} {self.origin}"

    @property
    def name(self) -> str:
        return f"ladder {self.recipe}" if self.recipe else f"{self.kind} study"


def show_variants(client: "MlflowClient", experiment: str, results: Path) -> None:
    """Bring the runs of studies up to date with the runs of their variants' seeds; does nothing
    where nothing changed. Figures are those that lie in the results folder."""
    variants: dict[StudyKey, dict[str, Run]] = defaultdict(dict)
    trials: dict[StudyKey, list[Run]] = defaultdict(list)
    for run in runs_in(client, experiment, "tags.kind != 'ranked' and tags.kind != 'adhoc'"):
        if "ladder" in run.data.tags:  # of an older version: it was no parent
            client.delete_run(run.info.run_id)
        elif run.info.status == "FINISHED" and SEEDS_OF in run.data.tags:
            key, variant = StudyKey.of(run.data.tags[SEEDS_OF])
            if run.data.tags[LEVEL] == "seeds":
                variants[key][variant] = run
            elif is_trial(run):
                trials[key].append(run)
    for key, own in sorted(variants.items()):
        parent = run_of(client, experiment, key)
        adopt(client, parent.info.run_id, [*own.values(), *trials[key]])
        _show(client, parent, _table(own), _figures(results, key))


def _show(
    client: "MlflowClient", parent: "Run", rows: list[dict[str, Any]], figures: list[Path]
) -> None:
    number, digest = parent.info.run_id, canonical_sha256(rows)
    if parent.data.tags.get(DIGEST) == digest:
        return
    log_table(client, number, "variants", rows)
    for figure in figures:
        client.log_artifact(number, str(figure), "figures")
    # tagged last, so that what is interrupted is made again
    client.set_tag(number, DIGEST, digest)
    client.set_terminated(number, "FINISHED")


def run_of(client: "MlflowClient", experiment: str, key: StudyKey) -> "Run":
    """The run of a study, created if there is none."""
    tags = {STUDY_OF: key.tag, "kind": key.kind, LEVEL: "study"}
    return run_with(client, experiment, tags, key.name)


def _table(variants: "dict[str, Run]") -> list[dict[str, Any]]:
    """A row a variant: its learning rate and the settings in which they differ, its size, which is
    the dense parameters with the head, and means over its seeds."""
    names = sorted(variants, key=lambda name: (place_of(name) or (), name))
    settings = {name: variants[name].data.params for name in names}
    keys = sorted({key for own in settings.values() for key in own})
    same = {key for key in keys if len({own.get(key) for own in settings.values()}) == 1}
    rows = []
    for name in names:
        metrics = variants[name].data.metrics
        row: dict[str, Any] = {"variant": name}
        row |= {key: settings[name].get(key) for key in keys if key not in same - {RATE}}
        row["size"] = metrics["parameters/dense"] + metrics["parameters/head"]
        rows.append(row | {key: metrics.get(key) for key in SHOWN})
    return rows


def _figures(results: Path, key: StudyKey) -> list[Path]:
    """The figures of a study; none of runs that another folder sent."""
    archive = Archive(results)
    if key.origin != origin(archive.folder(key.kind)):
        return []
    return sorted(archive.figures(key.dataset, key.kind).glob("*"))
