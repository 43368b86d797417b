"""The direction of imports, read from the source."""

import ast
from pathlib import Path

import pytest

from benchmark.paths import ROOT

ROOMS = {
    "benchmark.allocator": 0,
    "benchmark.errors": 0,
    "benchmark.paths": 0,
    "benchmark.files": 0,
    "benchmark.registry": 0,
    "benchmark.plugins": 0,
    "benchmark.toml": 0,
    "benchmark.interrupts": 0,
    "benchmark.mlflow_store": 0,
    "benchmark.sealed": 0,
    "benchmark.data": 1,
    "benchmark.search": 1,
    "benchmark.ladder": 1,
    "benchmark.recipe": 2,
    "benchmark.signature": 2,
    "benchmark.measure": 3,
    "benchmark.training": 4,
    "benchmark.records": 5,
    "benchmark.diagnosis": 6,
    "benchmark.job": 6,
    "benchmark.model_file": 6,
    "benchmark.execute": 6,
    "benchmark.scoring": 6,
    "benchmark.records.verify": 7,
    "benchmark.records.verify_data": 7,
    "benchmark.records.verify_place": 7,
    "benchmark.records.verify_tables": 7,
    "benchmark.replay": 7,
    "benchmark.studies": 7,
    "benchmark.speed": 7,
    "benchmark.tracking": 7,
    "benchmark.tracking_scaling": 7,
    "benchmark.tracking_tuning": 7,
    "benchmark.launch": 8,
    "benchmark.cli": 8,
    "benchmark.__main__": 9,
}
ONLY_IMPORTERS = {"mlflow": "benchmark.tracking", "optuna": "benchmark.studies.tune"}
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
    ours = [target for target in imported(path) if target.split(".")[0] in ("benchmark", "baselines")]
    if name.startswith("baselines"):
        allowed = ("baselines", "benchmark.data.schema", "benchmark.registry")
        assert [target for target in ours if not target.startswith(allowed)] == []
        return
    assert not [target for target in ours if target.startswith("baselines")], "models are reached through the registry"
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
    assert set(users) <= {ONLY_IMPORTERS[package]}


def test_every_room_is_known() -> None:
    assert len(MODULES) > 30
    unplaced = [n for n in map(module_name, MODULES) if n.startswith("benchmark.") and room(n) is None]
    assert unplaced == []
