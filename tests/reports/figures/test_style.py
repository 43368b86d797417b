import xml.etree.ElementTree as ElementTree

import pytest

from benchmark.reports.figures import dataset, recipe, style
from tests.factories import make_ranked_record, make_record

RUNS = [make_ranked_record(), make_ranked_record(seed=1)]
DEEP = [make_ranked_record(blocks=8)]
SINGLE = [RUNS[0].model_copy(update={"spectra": RUNS[0].spectra[:1]})]


MAKERS = {
    "single trajectory": lambda: recipe.trajectory(SINGLE),
    "all": lambda: dataset.trajectories({"dnn": RUNS, "odd": [make_record()], "third": RUNS}),
    "amplitude": lambda: dataset.amplitudes({"dnn": DEEP, "other": DEEP, "third": DEEP}),
    "one row": lambda: dataset.trajectories({"dnn": RUNS}),
    "one row deep": lambda: dataset.amplitudes({"dnn": DEEP, "rankelastor_published": DEEP}),
    "deep all": lambda: dataset.trajectories({"dnn": DEEP, "rankelastor_published": DEEP}),
    "bare": lambda: recipe.trajectory([make_record()]),
    **{
        part: lambda part=part: getattr(recipe, part)(RUNS)
        for part in ("trajectory", "singular_values", "training", "tables")
    },
    **{
        f"deep {part}": lambda part=part: getattr(recipe, part)(DEEP)
        for part in ("trajectory", "singular_values", "training")
    },
}


@pytest.mark.parametrize("name", ["training", "tables"])
def test_a_figure_is_a_column_wide_and_the_same_bytes_each_time(name: str, tmp_path) -> None:
    paths = [style.write(MAKERS[name](), tmp_path / folder, name) for folder in ("first", "second")]
    assert [path.name for path in paths[0]] == [f"{name}.svg", f"{name}.png"]
    for first, second in zip(*paths, strict=True):
        assert first.read_bytes() == second.read_bytes()
    root = ElementTree.parse(paths[0][0]).getroot()
    assert root.attrib["width"] == f"{72 * style.COLUMN:g}pt"
    assert b"<dc:date>" not in paths[0][0].read_bytes()


@pytest.mark.parametrize("name", MAKERS)
def test_axes_are_named_and_no_text_is_cut_off_or_lies_on_another(name: str) -> None:
    figure = MAKERS[name]()
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in shown_texts(figure)]
    width, height = figure.canvas.get_width_height()
    for number, (text, box) in enumerate(boxes):
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1, text
        assert not [other for other, there in boxes[:number] if box.overlaps(there)], text
    named = [figure.get_supxlabel(), *(legend.get_title().get_text() for legend in figure.legends)]
    assert any(named) or all(
        axes.get_xlabel() for axes in figure.axes if axes.get_subplotspec().is_last_row()
    )
    assert figure.get_supylabel() or all(
        axes.get_ylabel() for axes in figure.axes if axes.get_subplotspec().is_first_col()
    )


def shown_texts(figure):
    """Every text that a reader sees; tick labels count only inside of their axis."""
    yield from (text for text in figure.texts if text.get_text())
    for legend in figure.legends:
        yield from (text for text in (legend.get_title(), *legend.get_texts()) if text.get_text())
    for axes in figure.axes:
        if not axes.axison:
            continue
        yield from (
            text for text in (axes.title, axes.xaxis.label, axes.yaxis.label) if text.get_text()
        )
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            yield from (
                tick.label1
                for tick in ticks
                if tick.label1.get_visible() and tick.label1.get_text()
            )


def test_short_names_of_stages() -> None:
    stages = (
        "embedding",
        "tokens",
        "block1.mixing",
        "block12.ffn",
        "cross3",
        "interaction",
        "other",
    )
    assert [style.short(stage) for stage in stages] == [
        "emb",
        "tok",
        "1m",
        "12f",
        "c3",
        "int",
        "other",
    ]
