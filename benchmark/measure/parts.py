"""Which part of a model a parameter belongs to, by its name."""

from typing import Literal

Part = Literal["embedding", "dense", "head"]


def part_of(parameter: str) -> Part:
    """A dotted name with a component `embedding` is embedding, one under `head` is head, the rest is dense."""
    components = parameter.split(".")
    if "embedding" in components:
        return "embedding"
    return "head" if components[0] == "head" else "dense"
