"""Check what holds among the ranks of a record for any weights."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import isclose

import numpy as np

from benchmark.measure.spectrum import METRICS, Spectrum, TableSpectrum
from benchmark.measure.trajectory import DENSITY_BINS, Density
from benchmark.records.ranks import WHEN, When, all_spectra
from benchmark.records.record import Record, StageSpectra

TOLERANCE = 1e-9
BIN = 1 / DENSITY_BINS

StageShapes = Mapping[str, tuple[int, int]]


def ranks(record: Record) -> Iterator[str]:
    """Faults of the spectra and densities that the record alone shows."""
    for name, when, form, spectrum in all_spectra(record):
        for fault in _spectrum(spectrum, record.probe_rows if form == "token" else None):
            yield f"{name} ({when}, {form} form): {fault}"
    for before, stage in zip((None, *record.spectra), record.spectra, strict=False):
        for when, shown in WHEN.items():
            for fault in (*_batch(stage, when), *_density(stage, before, when)):
                yield f"{stage.stage} ({shown}): {fault}"


def shapes(record: Record, model: StageShapes, has_table: bool) -> Iterator[str]:
    """Faults in sizes of spectra and tables; `model` has each rebuilt stage's (rows, columns)."""
    for stage, when, form, spectrum in all_spectra(record):
        name, (rows, columns) = f"{stage} ({when}, {form} form)", model[stage]
        expected = (rows, columns) if form == "token" else (record.probe_rows, columns)
        if (spectrum.rows, spectrum.columns) != expected:
            yield f"{name} is {spectrum.rows} x {spectrum.columns}, the model's is {expected}"
        if form == "batch" and spectrum.matrices != rows:
            yield f"{name} has {spectrum.matrices} matrices, the model {rows} tokens"
    if bool(record.tables) != has_table:
        yield f"{len(record.tables)} embedding tables, which the model contradicts"
    if "embedding" in model:
        width = model["embedding"][1]
        for table in record.tables:
            if table.columns != width:
                yield f"table of {table.field}: {table.columns} columns, not {width}"


def curve(record: Record, probe_rows: int) -> Iterator[str]:
    """Faults of the rank curve; it is measured on `probe_rows` rows."""
    if record.curve_probe_rows != min(record.data.rows["valid"], probe_rows):
        yield f"curve_probe_rows is {record.curve_probe_rows}"
    if [point.step for point in record.rank_curve] != [point.step for point in record.curve]:
        yield "the rank curve has not the steps of the learning curve"
    for point in record.rank_curve:
        if list(point.erank) != record.stages:
            yield f"rank curve, step {point.step}: its stages are {', '.join(point.erank)}"
        values = {stage: value for stage, value in point.erank.items() if value is not None}
        wrong = [f"{s} {value}" for s, value in values.items() if not 0 < value <= 1 + TOLERANCE]
        if wrong:
            yield f"rank curve, step {point.step}: {', '.join(wrong)} outside (0, 1]"


def tables(record: Record) -> Iterator[str]:
    """Faults of the embedding tables, which are those of the data's fields."""
    if not record.tables:
        return
    stated = [(table.field, table.cardinality) for table in record.tables]
    if stated != list(zip(record.data.sparse, record.data.cardinalities, strict=True)):
        yield "the embedding tables are not of the data's fields and cardinalities"
    rows = record.train_rows or record.data.rows["train"]
    for table in record.tables:
        yield from (f"table of {table.field}: {fault}" for fault in _table(table, rows))


def _spectrum(spectrum: Spectrum, matrices: int | None) -> Iterator[str]:
    if matrices not in (None, spectrum.matrices) or not 0 <= spectrum.skipped < spectrum.matrices:
        yield f"{spectrum.matrices} matrices, {spectrum.skipped} skipped, but {matrices} probe rows"
    for field in ("mean", "q05", "q50", "q95"):
        value = {name: getattr(getattr(spectrum, name), field) for name in METRICS}
        slack = TOLERANCE * spectrum.limit
        if any(not 1 - slack <= number <= spectrum.limit + slack for number in value.values()):
            yield f"{field} lies outside [1, {spectrum.limit}]"
        for high, low in (("erank", "pr"), ("pr", "srank"), ("erank", "ia"), ("ia", "srank")):
            if value[high] < value[low] - slack:
                yield f"{field} of {high} is below that of {low}"
    sigma = spectrum.sigma
    if len(sigma) != spectrum.limit:
        yield f"{len(sigma)} singular values, not {spectrum.limit}"
    elif sigma[0] != 1 or sigma[-1] < 0 or any(after > before for before, after in pairwise(sigma)):
        yield "its singular values do not fall from 1"
    elif not isclose(sum(sigma), spectrum.ia.mean, rel_tol=TOLERANCE):
        yield f"its singular values sum to {sum(sigma)}, not to ia {spectrum.ia.mean}"


def _batch(stage: StageSpectra, when: When) -> Iterator[str]:
    """Where samples differ, the matrix of all of them is not zero."""
    spectrum, batch = getattr(stage, when), getattr(stage, f"{when}_batch")
    spread = [getattr(spectrum, name).sd for name in METRICS] if spectrum else []
    if batch is None and any(sd > TOLERANCE for sd in spread):
        yield "has no spectrum in batch form, though its samples differ"


def _density(stage: StageSpectra, before: StageSpectra | None, when: When) -> Iterator[str]:
    """A histogram holds the samples of the spectrum, and its mean is theirs to half a bin."""
    density, spectrum = getattr(stage, f"{when}_density"), getattr(stage, when)
    earlier = None if before is None else getattr(before, f"{when}_density")
    if density is None:
        yield "has no density"
        return
    samples = 0 if spectrum is None else spectrum.matrices - spectrum.skipped
    counted = density.stage, len(density.rank), sum(density.rank)
    if counted != (stage.stage, DENSITY_BINS, samples):
        yield f"its density is not of its {samples} samples"
        return
    if min(density.rank) < 0 or min(density.shift, default=0) < 0:
        yield "its density has a count below 0"
    if samples:
        mean, stated = _mean(density.rank, 0.0), spectrum.normalised("erank")
        if abs(mean - stated) > BIN / 2 + TOLERANCE:
            yield f"its density has the mean {mean}, not {stated}"
    if before is None and density.shift:
        yield "the first stage has a shift"
    elif earlier is not None:
        yield from _shift(density, earlier, spectrum, getattr(before, when))


def _shift(
    density: Density, earlier: Density, now: Spectrum | None, then: Spectrum | None
) -> Iterator[str]:
    counted, most = sum(density.shift), min(sum(density.rank), sum(earlier.rank))
    if len(density.shift) != 2 * DENSITY_BINS or counted > most:
        yield f"its shift is of {counted} samples, of which there are at most {most}"
    elif now is not None and then is not None and now.skipped == then.skipped == 0:
        mean, moved = _mean(density.shift, -1.0), now.normalised("erank") - then.normalised("erank")
        if counted != most or abs(mean - moved) > BIN / 2 + TOLERANCE:
            yield f"its shift of {counted} samples has the mean {mean}, not {moved}"


def _mean(counts: tuple[int, ...], low: float) -> float:
    middles = low + BIN * (np.arange(len(counts)) + 0.5)
    return float(middles @ np.array(counts) / max(1, sum(counts)))


def _table(table: TableSpectrum, rows: int) -> Iterator[str]:
    if not 1 <= table.seen <= min(table.cardinality, rows):
        yield f"{table.seen} of {table.cardinality} ids are seen in {rows} rows"
        return
    if (table.plain is None) != (table.weighted is None):
        yield "it is zero in one form alone"
    slack = TOLERANCE * table.limit
    for rank in filter(None, (table.plain, table.weighted)):
        if not 1 - slack <= rank.ia <= rank.erank + slack <= table.limit + 2 * slack:
            yield f"not 1 <= ia {rank.ia} <= erank {rank.erank} <= {table.limit}"
