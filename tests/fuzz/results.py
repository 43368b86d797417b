"""Readers of recipes, records, saved models, checkpoints, studies and quoted results."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch

from benchmark.recipes import recipe as recipes
from benchmark.records import record, scores, tuning
from benchmark.records.archive import Archive
from benchmark.reports.leaderboard import published
from benchmark.runs import saved_model
from benchmark.speed.measurements import load_topic
from benchmark.studies.claims import claims
from benchmark.training.checkpoint import Checkpoint, Checkpoints
from benchmark.utils.paths import ROOT
from tests.data.tables import encode_texts, ignore
from tests.factories import keep, make_record
from tests.fuzz.fuzz import Target
from tests.fuzz.tables import below, sealed_by

RESULTS = ROOT / "results"


def recipe(_: Path) -> Target:
    names = ("synthetic/rankelastor.toml", "frappe_x1r/dcnv2.toml")
    texts = {name: (ROOT / "recipes" / name).read_bytes() for name in names}

    def read(at: Path) -> None:
        for name in texts:
            recipes.load(str(at / name))

    return Target("recipe", texts, read)


def records(folder: Path) -> Target:
    keep(make_record(), folder / "made" / "seed-0.json")

    def read(at: Path) -> None:
        record.load(at / "seed-0.json")
        scores.load(at / "seed-0.npz")

    return Target("record", below(folder / "made"), read)


def model(folder: Path) -> Target:
    store = encode_texts(folder / "made", {})
    recipe = recipes.parse({"model": {"name": "lr"}}, "mine", "mine")
    built = recipe.build(store.schema).model
    facts = {"recipe": recipe.resolved(), "recipe_digest": recipe.digest(), "dataset": "mine"}
    saved_model.save(built, make_record(**facts, name=None), store, folder / "model")
    (folder / "rows.csv").write_text("x,c\n1,a\n")

    def read(at: Path) -> None:
        list(saved_model.score(at, folder / "rows.csv"))

    return Target("model", below(folder / "model"), read, partial(sealed_by, "sha256"))


def checkpoint(folder: Path) -> Target:
    def open_at(at: Path) -> Checkpoints:
        return Checkpoints(at, {"torch": "1"}, "source", ignore)

    weights = {"weight": torch.zeros(2)}
    open_at(folder / "made").write(Checkpoint(3, {"epoch": 1}, weights, {2: weights}))
    return Target(
        "checkpoint",
        below(folder / "made"),
        lambda at: open_at(at).latest(),
        partial(sealed_by, "sha256"),
    )


def study(_: Path) -> Target:
    name = "studies/tuning/kuairand_14d/dcnv2.json"
    return Target("study", {name: (RESULTS / name).read_bytes()}, lambda at: tuning.load(at / name))


def speed(_: Path) -> Target:
    [path, *_] = Archive(RESULTS).speed_measurements("data")
    files = {f"speed/{path.name}": path.read_bytes()}
    return Target("speed", files, lambda at: load_topic("data", Archive(at)))


def claim(_: Path) -> Target:
    return Target("claims", {claims.FILE: (RESULTS / claims.FILE).read_bytes()}, claims.load)


def quoted(_: Path) -> Target:
    name = "published.toml"
    return Target("published", {name: (RESULTS / name).read_bytes()}, published.load)


MAKERS: Mapping[str, Callable[[Path], Target]] = {
    "recipe": recipe,
    "record": records,
    "model": model,
    "checkpoint": checkpoint,
    "study": study,
    "speed": speed,
    "claims": claim,
    "published": quoted,
}
