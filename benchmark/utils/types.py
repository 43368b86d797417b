"""Types that several packages share."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from benchmark.utils.paths import LONGEST_NAME, NAME

Device = Literal["cpu", "cuda"]
Notify = Callable[[str], None]
"""Show the user one line."""

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
NonEmpty = Annotated[str, Field(min_length=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _no_path(name: str) -> str:
    if name.endswith(".toml"):
        raise ValueError("a name ending in .toml would be read as the path of a file")
    return name


Name = Annotated[str, Field(pattern=NAME, max_length=LONGEST_NAME), AfterValidator(_no_path)]
"""What becomes the name of a file or folder, and never a path."""


class Frozen(BaseModel):
    """Immutable content of a file: strict types, no unknown keys, finite numbers."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)
