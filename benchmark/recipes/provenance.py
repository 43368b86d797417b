"""The [provenance] table of a recipe: where its values come from, and what finding them took.

[provenance]
kind = "published grid"
tries = 12
note = "BARS: the winner of DCNv2_avazu_x4_tuner_config_02"

Kinds: `published grid`, the values of a source, which chose them among `tries`; `hand`, chosen here
on the validation split among `tries` (1: nothing else was tried); `study`, the best of `tries`
trials of the tuning study `study`; `defaults`, those of the constructor or of the model's paper.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from benchmark.utils.types import Count, Frozen

STUDY = r"^studies/tuning/[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\.json$"
Kind = Literal["published grid", "hand", "study", "defaults"]


class Provenance(Frozen):
    """`tries` is None for `defaults`, and where it is not known how many there were."""

    kind: Kind
    tries: Count | None = None
    note: str = ""
    study: Annotated[str, Field(pattern=STUDY)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Provenance":
        whole = self.study is not None and self.tries is not None
        if not (whole if self.kind == "study" else self.study is None):
            form = 'study = "studies/tuning/DATASET/NAME.json" and tries = N, its finished trials'
            raise ValueError(f'kind = "study", {form}, go together')
        if self.kind == "defaults" and self.tries is not None:
            raise ValueError('kind = "defaults" has no tries; values that were tried are "hand"')
        return self

    def words(self) -> str:
        """E.g. `published grid, 12 tries` or `hand, tries not known`; rows of a board are ranked
        against those of the same words alone."""
        tries = {None: "tries not known", 1: "1 try"}.get(self.tries, f"{self.tries} tries")
        return self.kind if self.kind == "defaults" else f"{self.kind}, {tries}"

    def stated(self) -> dict[str, Any]:
        """What a record keeps: plain JSON values without the note, which may be reworded."""
        return self.model_dump(mode="json", exclude={"note"}, exclude_none=True)
