"""Check what holds among the ranks of a record for any weights."""

from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from math import isclose

from benchmark.measure.spectrum import METRICS, Spectrum, SpectrumForm, TableSpectrum
from benchmark.records.measured import FORMS, When
from benchmark.records.ranks import WHEN
from benchmark.records.record import Record

TOLERANCE = 1e-9
ROUNDED = 1e-6
"""Relative error of the sum of singular values, which are kept to float32."""

StageShapes = Mapping[str, tuple[int, int]]
View = tuple[When, SpectrumForm, str, Spectrum, str]
"""One spectrum of a record, of a stage; the last is how messages name it."""


def ranks(record: Record) -> Iterator[str]:
    """Faults of the spectra that the record alone shows."""
    for when, form in product(WHEN, FORMS):
        if list(record.spectra(when)[form]) != record.stages:
            yield f"the stages {WHEN[when]} in {form} form are not {', '.join(record.stages)}"
            return
    for when, form, stage, spectrum, name in _views(record):
        for fault in _spectrum(spectrum, record.probe_rows if form == "token" else None):
            yield f"{name}: {fault}"
        varies = any(getattr(spectrum, metric).sd > TOLERANCE for metric in METRICS)
        if varies and record.spectra(when).batch[stage] is None:
            yield f"{name}: has no spectrum in batch form, though its samples differ"


def shapes(record: Record, model: StageShapes, has_table: bool) -> Iterator[str]:
    """Faults in sizes of spectra and tables; `model` has each rebuilt stage's (rows, columns)."""
    for _, form, stage, spectrum, name in _views(record):
        rows, columns = model[stage]
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
    for point, form in product(record.rank_curve, FORMS):
        where = f"rank curve, step {point.step} ({form} form)"
        if list(point[form]) != record.stages:
            yield f"{where}: its stages are {', '.join(point[form])}"
        for stage, value in point[form].items():
            spectrum = record.spectra("best")[form].get(stage)
            limit = spectrum.limit if spectrum else 0
            if value is not None and not 1 - TOLERANCE <= value <= limit * (1 + TOLERANCE):
                yield f"{where}: {stage} {value} outside [1, {limit}]"


def _views(record: Record) -> Iterator[View]:
    for (when, shown), form in product(WHEN.items(), FORMS):
        for stage, spectrum in record.spectra(when)[form].items():
            if spectrum is not None:
                yield when, form, stage, spectrum, f"{stage} ({shown}, {form} form)"


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
    elif not isclose(sum(sigma), spectrum.ia.mean, rel_tol=ROUNDED):
        yield f"its singular values sum to {sum(sigma)}, not to ia {spectrum.ia.mean}"


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
