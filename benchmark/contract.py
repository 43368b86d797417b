"""What a model must keep of its contract, each breach told in one line that names the model."""

import inspect
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.parameter import UninitializedParameter

from benchmark.errors import BenchmarkError, UsageError
from benchmark.model import CTRModel
from benchmark.utils.paths import shown

LONGEST = 300
"""Characters that a message takes of an error that is not the benchmark's."""


@contextmanager
def own_faults(name: str, model: type[CTRModel]) -> Iterator[None]:
    """Raise BenchmarkError for an error that comes out of the model's own file, naming the last
    line there that it passed; errors from elsewhere stay as they are.

    Example::

        with own_faults("gated", Gated):
            gated(dense, sparse)    # model 'gated': my_models/gated.py, line 23: KeyError: 'a'
    """
    try:
        yield
    except BenchmarkError:
        raise
    except Exception as error:
        files = _files(model)
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename in files]
        if not own:
            raise
        place = f"model '{name}': {shown(Path(own[-1].filename))}, line {own[-1].lineno}"
        raise BenchmarkError(f"{place}: {in_short(error)}") from error


def _files(model: type[CTRModel]) -> set[str]:
    """The files of a model, as its code names them: in a notebook its module has none."""
    functions = inspect.unwrap(model.forward), inspect.unwrap(model.__init__)
    codes = [getattr(function, "__code__", None) for function in functions]
    return {code.co_filename for code in codes if code is not None}


def in_short(error: Exception) -> str:
    """The type and message of an error of any library, on one line."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return textwrap.shorten(text, LONGEST, placeholder=" ...")


def require_parameters(name: str, model: CTRModel) -> None:
    """Raise UsageError for a model without parameters, or with one that cannot be trained."""
    parameters = dict(model.named_parameters())
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise UsageError(f"model '{name}': it has no parameters to train")
    for path, parameter in parameters.items():
        if isinstance(parameter, UninitializedParameter):
            fault = "is lazy: give its module the sizes, which `schema` tells, in the constructor"
        elif not parameter.is_floating_point():
            fault = f"is {_type(parameter)}: parameters are real, as float32"
        else:
            continue
        raise UsageError(f"model '{name}': its parameter {path} {fault}")


def require_logit(name: str, output: object, rows: int) -> Tensor:
    """The output of `forward` for so many rows. Raises UsageError unless it is a float32 tensor of
    that length."""
    form = f"model '{name}': forward must return one logit a row, a float32 tensor [B]; got"
    if not isinstance(output, Tensor):
        raise UsageError(f"{form} a {type(output).__name__}")
    if output.shape != (rows,):
        raise UsageError(f"{form} {list(output.shape)} for {_count(rows)}")
    if output.dtype != torch.float32:
        raise UsageError(f"{form} {_type(output)}")
    return output


def require_finite(name: str, what: str, x: Tensor) -> None:
    """Raise BenchmarkError for values of an untrained model that are not finite."""
    if not x.isfinite().all():
        fault = f"{what} is not finite before training: look at its initial values and scales"
        raise BenchmarkError(f"model '{name}': {fault}")


class Stages:
    """Observes the stages of one forward pass of so many rows, and keeps their (rows, columns) in
    order in `shapes`. Raises UsageError for a stage that is observed twice or is no real
    [B, rows, columns]."""

    def __init__(self, name: str, rows: int) -> None:
        self._name, self._rows = name, rows
        self.shapes: dict[str, tuple[int, int]] = {}

    def __call__(self, stage: str, x: Tensor) -> None:
        where = f"model '{self._name}': stage {stage!r}"
        form = f"{where} must be [B, rows, columns]"
        if not (isinstance(x, Tensor) and x.is_floating_point()):
            kind = _type(x) if isinstance(x, Tensor) else f"a {type(x).__name__}"
            raise UsageError(f"{form} of real numbers, got {kind}")
        if x.dim() != 3 or len(x) != self._rows:
            raise UsageError(f"{form}, got {list(x.shape)} for {_count(self._rows)}")
        if stage in self.shapes:
            raise UsageError(f"{where} is observed twice in one forward pass; use another name")
        self.shapes[stage] = (x.shape[1], x.shape[2])


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _count(rows: int) -> str:
    return "one row" if rows == 1 else f"{rows} rows"
