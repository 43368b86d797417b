"""What a model must keep of its contract, in the words of the messages."""

import inspect
import re

import pytest
import torch
from torch import nn

from benchmark.contract import (
    LONGEST,
    Stages,
    in_short,
    own_faults,
    require_logit,
    require_parameters,
)
from benchmark.errors import BenchmarkError, UsageError


class Failing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x[:, 5:]]).view(-1, 999)

    def refuse(self) -> None:
        raise UsageError("already told")


def test_an_error_of_the_model_names_its_file_and_line() -> None:
    line = inspect.getsourcelines(Failing.forward)[1] + 1
    with pytest.raises(BenchmarkError) as raised, own_faults("mine", Failing):
        Failing()(torch.zeros(3, 7))
    message = str(raised.value)
    assert message.startswith(f"model 'mine': tests/test_contract.py, line {line}: RuntimeError: ")
    assert "\n" not in message and len(message) < LONGEST + 100


def test_other_errors_stay_as_they_are() -> None:
    with pytest.raises(UsageError, match=r"^already told$"), own_faults("mine", Failing):
        Failing().refuse()
    with pytest.raises(ZeroDivisionError), own_faults("mine", nn.Linear):
        raise ZeroDivisionError


def test_a_long_error_of_several_lines_is_cut_to_one() -> None:
    text = in_short(ValueError("one\ntwo " + "words " * 100))
    assert text.startswith("ValueError: one two words") and text.endswith(" ...")
    assert len(text) <= LONGEST and "\n" not in text


class Complex(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.phase = nn.Parameter(torch.zeros(2, dtype=torch.complex64))


class Frozen(nn.Linear):
    def __init__(self) -> None:
        super().__init__(1, 1)
        self.requires_grad_(False)


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        (nn.ReLU(), "it has no parameters to train"),
        (Frozen(), "it has no parameters to train"),
        (nn.Sequential(nn.LazyLinear(1)), "its parameter 0.weight is lazy: "),
        (Complex(), "its parameter phase is complex64: "),
    ],
)
def test_parameters_that_cannot_be_trained(model: nn.Module, fault: str) -> None:
    with pytest.raises(UsageError, match=f"^model 'mine': {re.escape(fault)}"):
        require_parameters("mine", model)


@pytest.mark.parametrize(
    ("output", "got"),
    [
        (torch.zeros(3, 1), "[3, 1] for 3 rows"),
        (torch.zeros(()), "[] for 3 rows"),
        (torch.zeros(3, dtype=torch.float64), "float64"),
        (torch.zeros(3, dtype=torch.complex64), "complex64"),
        ({"logit": torch.zeros(3)}, "a dict"),
        ((torch.zeros(3), None), "a tuple"),
        (None, "a NoneType"),
    ],
)
def test_an_output_that_is_no_logit_a_row(output: object, got: str) -> None:
    with pytest.raises(UsageError) as raised:
        require_logit("mine", output, 3)
    assert str(raised.value) == (
        f"model 'mine': forward must return one logit a row, a float32 tensor [B]; got {got}"
    )


def test_a_logit_a_row_passes() -> None:
    assert require_logit("mine", torch.zeros(3), 3).shape == (3,)


def test_stages_keep_their_order_and_shapes() -> None:
    stages = Stages("mine", 4)
    stages("embedding", torch.zeros(4, 2, 3))
    stages("gated", torch.zeros(4, 5, 6))
    assert list(stages.shapes.items()) == [("embedding", (2, 3)), ("gated", (5, 6))]


@pytest.mark.parametrize(
    ("x", "fault"),
    [
        (torch.zeros(4, 156), "must be [B, rows, columns], got [4, 156] for 4 rows"),
        (torch.zeros(1, 4, 6), "must be [B, rows, columns], got [1, 4, 6] for 4 rows"),
        (torch.zeros(4, 2, 3, dtype=torch.int64), "of real numbers, got int64"),
        (torch.zeros(4, 2, 3, dtype=torch.complex64), "of real numbers, got complex64"),
        (None, "of real numbers, got a NoneType"),
    ],
)
def test_a_stage_that_is_no_matrix_a_row(x: torch.Tensor, fault: str) -> None:
    with pytest.raises(UsageError, match=f"^model 'mine': stage 'hidden' .*{re.escape(fault)}"):
        Stages("mine", 4)("hidden", x)


def test_a_stage_is_observed_once_a_pass() -> None:
    stages = Stages("mine", 4)
    stages("hidden", torch.zeros(4, 2, 3))
    with pytest.raises(UsageError, match="stage 'hidden' is observed twice"):
        stages("hidden", torch.zeros(4, 2, 3))
