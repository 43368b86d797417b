"""Where the files of a data set lie on the Hugging Face hub: the table [hub] of a card."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from benchmark.utils.types import Frozen, NonEmpty


class Hub(Frozen):
    """A zip with the csv files of all splits, in a data set repository of the Hugging Face hub; the
    newest one without a revision, as the md5 of the csv files pins the content."""

    repo: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.zip$")]
    revision: Annotated[str | None, Field(pattern="^[0-9a-f]{40}$")] = None
    gigabytes: float | None = None

    @property
    def name(self) -> str:
        return self.repo.rpartition("/")[2]


class HubDataset(Frozen):
    """A data set repository of the Hugging Face hub, whose files are read as a stream: the files of
    the table are patterns of paths in it, or with a `config` names of that configuration's splits.
    """

    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
    revision: Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
    config: NonEmpty | None = None


def _hub_form(value: object) -> str:
    """The class, in the brackets by which `toml.validate` knows that it is no part of a key."""
    streamed = isinstance(value, HubDataset) or (isinstance(value, dict) and "dataset" in value)
    return "(HubDataset)" if streamed else "(Hub)"


HubForm = Annotated[
    Annotated[Hub, Tag("(Hub)")] | Annotated[HubDataset, Tag("(HubDataset)")],
    Discriminator(_hub_form),
]
