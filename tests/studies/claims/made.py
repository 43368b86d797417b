"""Hand-made records and claims on them."""

from dataclasses import replace
from pathlib import Path

from benchmark.measure.effects import Effect
from benchmark.measure.null import null_erank
from benchmark.measure.spectrum import StageSpectra
from benchmark.records.archive import Archive
from benchmark.studies.claims import claims
from tests import factories
from tests.factories import TEST, make_record, make_spectrum

DATASET = "synthetic_tiny"
NOISE = null_erank(6, 8).mean
CLAIM = """
[[claim]]
sentence = "It is so"
source = "a paper"
claimed = {{ criteo_x1 = {claimed} }}

[[claim.tests]]
datasets = ["synthetic_tiny"]
{test}
"""


def keep(
    results: Path, name: str, seed: int, auc: float = 0.75, logloss: float = 0.5, **changes
) -> None:
    """Of a recipe, or of STUDY/VARIANT; LogLoss is that of its own best epoch."""
    study, _, variant = name.rpartition("/")
    quality = make_record().metrics.model_copy(
        update={"test": replace(TEST, auc=auc), "test_logloss": replace(TEST, logloss=logloss)}
    )
    run = make_record(name=None if study else name, seed=seed, metrics=quality, **changes)
    path = results / "studies" / study / DATASET / variant / f"seed-{seed}.json"
    factories.keep(run, path if study else Archive(results).path(DATASET, name, seed))


def stages(*ratios: float, token: float = 1.0) -> dict[str, StageSpectra]:
    """Trained rank ratios of tokens, block1.mixing, block1.ffn ...; those of token form are all
    alike, and untrained ones rise and fall by 0.5."""
    parts = [
        f"block{place // 2 + 1}.{('mixing', 'ffn')[place % 2]}" for place in range(len(ratios) - 1)
    ]
    names = ("tokens", *parts)
    batch = {name: make_spectrum(ratio * NOISE) for name, ratio in zip(names, ratios, strict=True)}
    untrained = {name: make_spectrum((1.0 if "mixing" in name else 0.5) * NOISE) for name in names}
    return {
        "initial": StageSpectra(untrained, untrained),
        "best": StageSpectra(dict.fromkeys(names, make_spectrum(token * NOISE)), batch),
    }


def judged(results: Path, test: str, claimed: object = 0.02) -> claims.Judged:
    (results / claims.FILE).write_text(CLAIM.format(test=test, claimed=claimed))
    [verdict] = claims.verdicts(Archive(results))
    return verdict


def effects(verdict: claims.Judged) -> list[Effect]:
    assert not verdict.missing, verdict.missing
    return verdict.effects


AUC = 'test = "difference"\nquantity = "auc"\nrecords = ["good", "bad"]'


def two_recipes(results: Path, seeds: int = 5, gain: float = 0.1, good=None, bad=None) -> None:
    """AUC of 0.7, 0.71 ... by seed, of `good` the gain more."""
    for seed in range(seeds):
        keep(results, "good", seed, 0.7 + gain + seed / 100, **(good or {}))
        keep(results, "bad", seed, 0.7 + seed / 100, **(bad or {}))
