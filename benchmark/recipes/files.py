"""The files of recipes: where they are looked for, and their ids `DATASET/NAME`."""

from pathlib import Path

from benchmark import registry
from benchmark.errors import UsageError
from benchmark.utils.paths import SHIPPED, WORKSPACE, expanded, shown

UNLISTED = ("synthetic_tiny",)
"""Data sets for trying out and for tests: no list or suite offers their recipes."""


def folders() -> list[Path]:
    """Where recipes are looked for: the workspace's `recipes`, those of the folders of plug-ins,
    and the project's own."""
    places = (WORKSPACE, *registry.plug_in_folders(), SHIPPED)
    return list(dict.fromkeys(place / "recipes" for place in places))


def recipe_paths(folder: Path | None = None) -> list[Path]:
    """The file of every recipe below the folder, or below those of `folders()`."""
    return [
        path
        for place in (folders() if folder is None else [folder])
        for path in sorted(place.glob("*/*.toml"))
    ]


def recipe_ids(folder: Path | None = None, *, listed: bool = False) -> list[str]:
    """Every `DATASET/NAME` on disk, sorted; if `listed`, without those for trying out."""
    hidden = UNLISTED if listed else ()
    paths = [path for path in recipe_paths(folder) if path.parent.name not in hidden]
    return sorted({f"{path.parent.name}/{path.stem}" for path in paths})


def recipe_path(recipe_id: str, folder: Path | None = None) -> Path:
    """The file of the recipe `DATASET/NAME`, or of one's own `.../DATASET/NAME.toml`. Raises
    UsageError for an unknown id, and for two different files of one."""
    if recipe_id.endswith(".toml"):
        return expanded(recipe_id).resolve()
    places = folders() if folder is None else [folder]
    named = [place / f"{recipe_id}.toml" for place in places] if recipe_id.count("/") == 1 else []
    found = [path for path in named if path.is_file()]
    if not found:
        raise registry.unknown("recipe", recipe_id, recipe_ids(folder))
    for other in found[1:]:
        if other.read_bytes() != found[0].read_bytes():
            both = f"{shown(found[0])} and {shown(other)}"
            raise UsageError(f"recipe {recipe_id}: {both} differ; rename one")
    return found[0]
