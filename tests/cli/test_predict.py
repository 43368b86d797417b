"""`predict` on rows as people have them: without labels, with a header, through pipes."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmark import run
from benchmark.cli.predict import predict
from benchmark.errors import BenchmarkError, UsageError
from benchmark.utils.paths import ROOT

ROWS = 120
USERS = [f"u{row % 7}" for row in range(ROWS)]
PRICES = [row % 11 / 2 for row in range(ROWS)]
LABELS = [int(row % 7 in (1, 2) or row % 11 > 8) for row in range(ROWS)]
HEAD = "click,price,user"
TABLE = [f"{y},{x},{c}" for y, x, c in zip(LABELS, PRICES, USERS, strict=True)]
SVM = [f"{y} 1:{x} 2:{c}" for y, x, c in zip(LABELS, PRICES, USERS, strict=True)]


def text(*lines: str) -> str:
    return "".join(line + "\n" for line in lines)


COLUMNS = 'label = "click"\ndense = ["price"]\nsparse = ["user"]'
FORMS = {
    "csv": f'format = "csv"\n{COLUMNS}',
    "parquet": f'format = "parquet"\n{COLUMNS}',
    "libsvm": 'format = "libsvm"\ndense = ["1"]\nsparse = ["2"]',
    "headless": 'format = "csv"\nheader = ["click", "user"]\nlabel = "click"\nsparse = ["user"]',
}


def write_rows(path: Path, form: str) -> None:
    if form == "parquet":
        pl.DataFrame({"click": LABELS, "price": PRICES, "user": USERS}).write_parquet(path)
    elif form == "headless":
        path.write_text(text(*(f"{y},{c}" for y, c in zip(LABELS, USERS, strict=True))))
    else:
        path.write_text(text(*SVM) if form == "libsvm" else text(HEAD, *TABLE))


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """The folder of a model for each form of files, and the rows it was trained on."""
    folders = {}
    for form, table in FORMS.items():
        folder = folders[form] = tmp_path_factory.mktemp(form)
        write_rows(folder / "rows", form)
        split = 'files = { all = "rows" }\nsplit = { method = "ordered", parts = [2, 1, 1] }'
        head = f'id = "{form}"\ntitle = "t"\nembedding_dim = 4\n[table]\n'
        (folder / "card.toml").write_text(f"{head}{table}\n{split}\n")
        changes = {"train.epochs": 3, "train.learning_rate": 0.05, "train.batch_size": 32}
        words = {"threads": 1, "track": False, "quiet": True, "results": folder / "results"}
        card = str(folder / "card.toml")
        run(model="lr", dataset=card, set=changes, save_model=folder / "models", **words)
        [place] = (folder / "models").rglob("seed-0")
        place.rename(folder / "model")
    return folders


def printed(model: Path, rows: object, stdin: bytes = b"") -> bytes:
    """What `predict` prints."""
    with pytest.MonkeyPatch.context() as patch:
        output = io.BytesIO()
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        patch.setattr(sys, "stdout", io.TextIOWrapper(output))
        predict(model / "model", Path(str(rows)))
        return output.getvalue()


def scores(model: Path, rows: Path) -> pl.DataFrame:
    predict(model / "model", rows, rows.with_name("scores.csv"))
    return pl.read_csv(rows.with_name("scores.csv"))


@pytest.fixture(scope="module")
def known(models) -> dict[str, pl.DataFrame]:
    """The scores of the rows that each model was trained on."""
    texts = {form: printed(folder, folder / "rows") for form, folder in models.items()}
    found = {form: pl.read_csv(text) for form, text in texts.items()}
    assert [frame.height for frame in found.values()] == [ROWS] * len(FORMS)
    assert all(frame["logit"].n_unique() >= 7 for frame in found.values())
    return found


@pytest.mark.parametrize("form", FORMS)
def test_a_pipe_scores_as_its_file_does(models, known, form):
    content = (models[form] / "rows").read_bytes()
    assert pl.read_csv(printed(models[form], "-", content)).equals(known[form])
    if form != "parquet":
        packed = printed(models[form], "-", gzip.compress(content))
        assert pl.read_csv(packed).equals(known[form])


def test_a_model_of_an_older_version_is_read(models, known, tmp_path):
    shutil.copytree(models["csv"], tmp_path / "copy")
    path = tmp_path / "copy" / "model" / "encoding" / "encoding.json"
    facts = json.loads(path.read_text())
    files = {"train": [], "valid": [], "test": [], "all": ["rows"]}
    facts["table"] |= {"files": files, "separator": ",", "header": [], "derive": {}}
    path.write_text(json.dumps(facts))
    rows = shutil.copy(models["csv"] / "rows", tmp_path / "rows")
    assert scores(tmp_path / "copy", rows).equals(known["csv"])


def test_a_named_pipe_is_read_once(models, known, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = subprocess.Popen(["cp", str(models["csv"] / "rows"), str(tmp_path / "pipe")])
    assert scores(models["csv"], tmp_path / "pipe").equals(known["csv"])
    assert writer.wait() == 0


def test_errors_and_notices_name_standard_input(models, capsys):
    with pytest.raises(BenchmarkError, match=r"^standard input, line 2, column 'price': 'many'"):
        printed(models["csv"], "-", text(HEAD, "1,many,u1").encode())
    printed(models["headless"], "-", b"click,user\n0,u1\n")
    assert capsys.readouterr().err == "standard input, line 1: names of the columns, no row\n"


@pytest.mark.parametrize(
    "rows",
    [
        (f"{y},{c}" for y, c in zip(LABELS, USERS, strict=True)),
        ("click,user", *(f"{y},{c}" for y, c in zip(LABELS, USERS, strict=True))),
        ('"user", click', *(f"{c},{y}" for y, c in zip(LABELS, USERS, strict=True))),
        ("user", *USERS),
        USERS,
    ],
    ids=["as-trained", "header", "another-order", "header-no-label", "no-label"],
)
def test_a_header_and_a_label_may_be_there_or_not(models, known, tmp_path, rows):
    (tmp_path / "rows.csv").write_text(text(*rows))
    assert scores(models["headless"], tmp_path / "rows.csv").equals(known["headless"])


@pytest.mark.parametrize("end", ["", "\n", "\r\n\n"])
def test_rows_without_label_score_as_with_it(models, known, tmp_path, end):
    unlabelled = text(*(row.partition(" ")[2] for row in SVM)).rstrip("\n") + end
    (tmp_path / "rows.txt").write_text("# no labels\n" + unlabelled)
    assert scores(models["libsvm"], tmp_path / "rows.txt").equals(known["libsvm"])
    columns = [f"{x},{c},?" for x, c in zip(PRICES, USERS, strict=True)]
    (tmp_path / "rows.csv").write_text(text("price,user,note", *columns).rstrip("\n") + end)
    assert scores(models["csv"], tmp_path / "rows.csv").equals(known["csv"])


def test_a_folder_of_parts_is_scored_in_the_order_of_names(models, known, tmp_path):
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "part-0.csv").write_text(text(HEAD, *TABLE[:50]))
    (parts / "part-1.csv").write_bytes(gzip.compress(text(HEAD, *TABLE[50:]).encode()))
    (parts / "_SUCCESS").touch()
    assert scores(models["csv"], parts).equals(known["csv"])


def test_a_header_alone_has_no_scores(models, tmp_path):
    (tmp_path / "rows.csv").write_text(HEAD + "\n")
    assert printed(models["csv"], tmp_path / "rows.csv") == b"logit,probability\n"


@pytest.mark.parametrize(
    ("form", "rows", "message"),
    [
        ("csv", text("click,user", "0,u1"), "has no column 'price'; it has: click, user"),
        ("csv", text(HEAD, "0,1,u1", "0,1"), "line 3: 2 fields instead of 3"),
        ("csv", text(HEAD, "0,1,u1", "", "0,1,u2"), "line 3: 1 field instead of 3"),
        ("csv", text(HEAD, "0,1,u1", HEAD, "0,1,u2"), "line 3: it repeats the header"),
        ("headless", text("0,u1", "u2"), "line 2: 1 field instead of 2"),
        ("headless", text("u1", "0,u2"), "line 2: 2 fields instead of 1"),
        ("libsvm", text("1:2 2:u1", "", "1:3"), "line 2: no label and no pair"),
        ("libsvm", text("1:2 2:u1", "0 1:3"), "line 2: the first word '0' is a label"),
        ("parquet", text(HEAD, "0,1,u1"), "is no parquet file, but perhaps text"),
    ],
)
def test_rows_that_cannot_be_told_apart_are_refused(models, tmp_path, form, rows, message):
    (tmp_path / "rows").write_text(rows)
    with pytest.raises(BenchmarkError, match=message):
        scores(models[form], tmp_path / "rows")
    assert not (tmp_path / "scores.csv").exists()


def test_values_that_no_row_has_are_told(models, known, tmp_path, capsys):
    (tmp_path / "rows").write_text("1:2\n1:3\n")
    assert scores(models["libsvm"], tmp_path / "rows").height == 2
    assert "rows: 2 missing in every row" in capsys.readouterr().err.replace("\n", " ")


def test_the_scores_do_not_replace_the_rows(models, tmp_path):
    (tmp_path / "scores.csv").write_text(text(HEAD, *TABLE))
    with pytest.raises(UsageError, match="the scores would replace the rows"):
        scores(models["csv"], tmp_path / "scores.csv")


def test_a_reader_that_has_seen_enough_ends_in_silence(models, tmp_path):
    (tmp_path / "rows.csv").write_text(text(HEAD, *(TABLE * 4000)))
    words = f"{sys.executable} -m benchmark predict --from {models['csv'] / 'model'} --input"
    shell = f"{words} {tmp_path / 'rows.csv'} | head -2"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "logit,probability",
        printed(models["csv"], models["csv"] / "rows").decode().splitlines()[1],
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_one_line(models, monkeypatch):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(BenchmarkError, match="standard output cannot be written: No space"):
            predict(models["csv"] / "model", models["csv"] / "rows")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # what is held can be written
