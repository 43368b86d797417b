"""The direction of imports, read from the source."""

import ast
from pathlib import Path

import pytest

from benchmark.utils.paths import ROOT

FLOORS = (
    {"benchmark.errors"},
    {"benchmark.contract", "benchmark.model", "benchmark.registry", "benchmark.utils"},
    {"benchmark.distributed"},
    {"benchmark.data"},
    {"benchmark.recipes"},
    {"benchmark.measure"},
    {"benchmark.training"},
    {"benchmark.records"},
    {"benchmark.runs"},
    {"benchmark.reports", "benchmark.speed"},
    {"benchmark.studies"},
    {"benchmark.page", "benchmark.reported"},
    {"benchmark.verify"},
    {"benchmark.tracking"},
    {"benchmark.frames", "benchmark.launch", "benchmark.terminal"},
    {"benchmark.cli"},
    {"benchmark.__main__"},
)
ROOMS = {name: floor for floor, names in enumerate(FLOORS) for name in names}
ONLY_IMPORTERS = {"mlflow": "benchmark.tracking", "optuna": "benchmark.studies.tuning"}
MODULES = sorted((*ROOT.glob("benchmark/**/*.py"), *ROOT.glob("baselines/**/*.py")))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def room(module: str) -> int | None:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if (name := ".".join(parts[:length])) in ROOMS:
            return ROOMS[name]
    return None


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_run_one_way(path: Path) -> None:
    name = module_name(path)
    ours = [
        target for target in imported(path) if target.split(".")[0] in ("benchmark", "baselines")
    ]
    if name.startswith("baselines"):
        allowed = ("baselines", "benchmark.data.schema", "benchmark.model", "benchmark.registry")
        assert [target for target in ours if not target.startswith(allowed)] == []
        return
    assert not [target for target in ours if target.startswith("baselines")], (
        "models are reached through the registry"
    )
    here = room(name)
    if here is None:
        assert name == "benchmark"
        return
    for target in ours:
        there = room(target)
        assert there is None or there <= here, f"{name} imports {target}"


@pytest.mark.parametrize("package", ONLY_IMPORTERS)
def test_only_importers(package: str) -> None:
    users = [
        module_name(path)
        for path in MODULES
        if any(target == package or target.startswith(package + ".") for target in imported(path))
    ]
    room = ONLY_IMPORTERS[package]
    assert users
    assert [user for user in users if not user.startswith(room)] == []


def test_every_room_is_known() -> None:
    assert len(MODULES) > 30
    unplaced = [
        n for n in map(module_name, MODULES) if n.startswith("benchmark.") and room(n) is None
    ]
    assert unplaced == []
