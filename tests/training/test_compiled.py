import os
import subprocess
import sys

import torch
from torch import nn

from benchmark.training.step import compile_model

CPU = torch.device("cpu")


def test_a_model_without_a_compiler_stays_as_it_is_and_that_is_noted(tmp_path):
    code = (
        "import torch; from torch import nn; from benchmark.training.step import compile_model\n"
        "model = nn.Linear(2, 1)\n"
        "print(compile_model(model, torch.device('cpu'))[0])\n"
        "print(model(torch.ones(3, 2)).shape)"
    )
    missing = {"CXX": "/nowhere/c++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | missing, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("train.compile = true, but nothing is compiled: ")
    assert "torch.Size([3, 1])" in done.stdout


def test_a_model_is_compiled_in_place_under_the_same_names(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function: function)
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(self))
    model = nn.Linear(2, 1)
    names = list(model.state_dict())
    assert compile_model(model, CPU) == ("compiled by torch.compile",)
    assert compiled == [model]
    assert list(model.state_dict()) == names
