"""The ladders that were released as families of configurations, the recipes <name>_v1, <name>_v2,
...: their sizes, which are computed without data or training."""

import re
from dataclasses import dataclass
from math import log10

from benchmark.data import catalog
from benchmark.data.schema import Schema
from benchmark.measure.cost import flops_per_sample, parameters
from benchmark.recipes import recipe as recipes
from benchmark.recipes.recipe import on_meta
from benchmark.reports.document import Table
from benchmark.studies.scaling.points import MIN_DECADES

MEMBER = re.compile(r"(.+)_v([1-9]\d*)")


@dataclass(frozen=True)
class Size:
    """`parameters` are the dense ones without the head."""

    recipe: str
    parameters: int
    head: int
    flops: int


Families = dict[str, list[Size]]


def datasets() -> list[str]:
    return sorted({dataset for dataset, _, name in _split() if MEMBER.fullmatch(name)})


def ladders(dataset: str) -> Families:
    """By family, in order."""
    members = [
        found for of, _, name in _split() if of == dataset and (found := MEMBER.fullmatch(name))
    ]
    if not members:
        return {}
    schema = _outline(dataset)
    families: Families = {}
    for found in sorted(members, key=lambda found: (found[1], int(found[2]))):
        families.setdefault(found[1], []).append(_size(dataset, found[0], schema))
    return families


def section(family: str, sizes: list[Size]) -> Table:
    spans = {axis: log10(max(of) / min(of)) for axis, of in _axes(sizes).items()}
    said = " and ".join(f"{axis} {decades:.2f}" for axis, decades in spans.items())
    short = [axis for axis, decades in spans.items() if decades < MIN_DECADES]
    return Table(
        f"The released ladder {family}",
        ("recipe", "dense parameters without head", "head", "FLOPs per sample"),
        tuple(
            (size.recipe, f"{size.parameters:,}", f"{size.head:,}", f"{size.flops:,}")
            for size in sizes
        ),
        (
            f"Decades spanned: {said}."
            + (
                f" Too few for a law over {' and '.join(short)}, which takes {MIN_DECADES:g}."
                if short
                else ""
            ),
            "Sizes are those of the recipes, computed without data; no runs of them are at hand.",
        ),
    )


def _axes(sizes: list[Size]) -> dict[str, list[int]]:
    return {
        "parameters": [size.parameters for size in sizes],
        "FLOPs": [size.flops for size in sizes],
    }


def _split() -> list[tuple[str, str, str]]:
    return [recipe_id.partition("/") for recipe_id in recipes.recipe_ids()]


def _size(dataset: str, name: str, schema: Schema) -> Size:
    model = on_meta(recipes.load(f"{dataset}/{name}"), schema).model
    size = parameters(model)
    return Size(name, size.dense, size.head, flops_per_sample(model, schema))


def _outline(dataset: str) -> Schema:
    """The fields of a data set; neither dense parameters nor FLOPs depend on how many categories
    they have."""
    table = catalog.find_card(dataset).card.table
    assert table is not None, f"{dataset} has a family of recipes and no table"
    return Schema(table.dense, table.sparse, (2,) * len(table.sparse))
