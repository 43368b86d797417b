"""torch.compile, for who asks for it."""

import torch
from torch import nn


def compile_model(model: nn.Module, device: torch.device) -> tuple[str, ...]:
    """Compiles the model in place, so that its weights keep their names, and returns what a record should note.

    Without a working compiler the model stays as it is; that is no error, but noted."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(1, device=device))
    except Exception as error:  # each backend has errors of its own
        return (f"train.compile = true, but nothing is compiled: {str(error).splitlines()[0]}",)
    model.compile()
    return ("compiled by torch.compile",)
