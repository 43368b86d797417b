from dataclasses import dataclass

import pytest

from benchmark.speed import profile


@dataclass
class Event:
    """The fields of a profiler's event that name its kind."""

    name: str
    cpu_parent: "Event | None" = None


@pytest.mark.parametrize(
    ("callers", "kind"),
    [
        (["aten::linear", "aten::addmm"], "products"),
        (["_ProductBackward", "aten::mm"], "products"),
        (["_Normalised", "aten::mul"], "normalisation"),
        (["_Normalised", "aten::copy_"], "copies"),
        (["aten::embedding_backward", "aten::add_"], "embedding_rows"),
        (["aten::sum"], "elementwise"),
        (["loading", "aten::to"], "loading"),
        (["loading"], "loading"),
        (["autograd::engine::evaluate_function: MmBackward0"], "overhead"),
    ],
)
def test_an_operation_is_of_its_own_kind_or_else_of_its_callers(callers, kind):
    event = None
    for name in callers:
        event = Event(name, event)
    assert profile.kind(event) == kind
