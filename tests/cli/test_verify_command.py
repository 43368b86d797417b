"""`verify` as a person types it."""

import json

from benchmark.utils.paths import shown
from tests.factories import keep, make_record


def unwrapped(text: str) -> str:
    """Lines with long paths in them are broken."""
    return " ".join(text.split())


def test_records_are_run_again_and_altered_ones_are_found(command, tmp_path) -> None:
    where = ("--results", str(tmp_path))
    words = (
        "--model",
        "lr",
        "--dataset",
        "synthetic_tiny",
        "--set",
        "train.epochs=1",
        "--rows",
        "4000",
    )
    out, _ = command("run", *words, "--seeds", "0,1", "--no-track", *where)
    assert "mean" in out and "sd" in out
    out, err = command("verify", "--replay-sample", "1", str(tmp_path))
    out = unwrapped(out)
    assert "2 records: all checks passed" in out
    assert (
        "to be run again: 1, about" in out
        and "[replay]: bit for bit" in out
        and "run again: 1 bit for bit" in out
    )
    assert "valid AUC" in err
    [record] = tmp_path.rglob("seed-1.json")
    out, _ = command("verify", "--replay", str(record), "--fresh-seeds", "1", code=1)
    assert "to be run again: 2, about" in unwrapped(out)
    assert "[replay]: bit for bit" in out and "[fresh seeds]: not judged: the sd" in unwrapped(out)
    assert "only a replay proves that the scores" in out
    _, err = command("verify", "--fresh-seeds", "1", str(tmp_path), code=2)
    assert "--fresh-seeds: name a row's record with --replay" in unwrapped(err)
    content = json.loads(record.read_text())
    content["metrics"]["test"]["auc"] += 0.001
    record.write_text(json.dumps(content))
    out, _ = command("verify", str(tmp_path), code=1)
    assert "FAILED" in out and "metrics.test.auc" in out
    out, _ = command("verify", "--replay", str(record), code=1)
    assert "1 record: 1 check failed" in unwrapped(out)
    assert "[replay]: not bit for bit: metrics.test.auc is" in unwrapped(out)


def test_records_without_their_rows_are_unverified(command, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("BENCHMARK_DATA_ROOT", raising=False)
    path = tmp_path / "seed-0.json"
    keep(make_record(dataset="criteo_x4_001"), path)
    out = unwrapped(command("verify", str(path), code=1)[0])
    assert "unverified" in out and "not checked against its rows, nor its seed: " in out
    assert "1 of them unverified: not to be ranked until they are" in out
    keep(make_record(dataset="criteo_x4_001", seed=1), tmp_path / "seed-1.json")
    out = unwrapped(command("verify", str(tmp_path), code=1)[0])
    assert out.count("not checked against its rows") == 1
    assert f"{shown(path)} and 1 more [data]: " in out
