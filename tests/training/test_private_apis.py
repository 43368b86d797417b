"""The private parts of torch that training uses: each test says where, and fails with a plain
message once a torch without it is installed."""

import importlib
import inspect

import torch

ADAM_ARGUMENTS = {
    "params",
    "grads",
    "exp_avgs",
    "exp_avg_sqs",
    "max_exp_avg_sqs",
    "state_steps",
    "fused",
    "amsgrad",
    "beta1",
    "beta2",
    "lr",
    "weight_decay",
    "eps",
    "maximize",
}


def test_the_functional_adam() -> None:
    """training/optim.py updates lists of tensors by `torch.optim.adam.adam`."""
    adam = getattr(importlib.import_module("torch.optim.adam"), "adam", None)
    assert adam is not None, "torch.optim.adam.adam is gone: Optimizer._adam needs another kernel"
    parameters = inspect.signature(adam).parameters
    missing = ADAM_ARGUMENTS - set(parameters)
    assert not missing, f"torch.optim.adam.adam lost the arguments {missing} of Optimizer._adam"
    assert list(parameters)[:6] == [
        "params",
        "grads",
        "exp_avgs",
        "exp_avg_sqs",
        "max_exp_avg_sqs",
        "state_steps",
    ], "torch.optim.adam.adam takes its lists in another order than Optimizer._adam gives them"


def test_the_parts_of_an_uncoalesced_sparse_gradient() -> None:
    """training/step.py concatenates sparse gradients by their `_indices()` and `_values()`, which,
    unlike `indices()` and `values()`, do not need a coalesced tensor."""
    gradient = torch.sparse_coo_tensor([[1, 1]], [2.0, 3.0], (4,), check_invariants=False)
    missing = {"_indices", "_values"} - set(dir(gradient))
    assert not missing, f"torch.Tensor lost {missing}: _SparseGradients needs another access"
    assert gradient._indices().tolist() == [[1, 1]], "_indices() merges rows: see _SparseGradients"
    assert gradient._values().tolist() == [2.0, 3.0], "_values() merges rows: see _SparseGradients"


def test_the_parameters_that_ddp_leaves_alone() -> None:
    """distributed/data_parallel.py names the blocks of tables to DDP, which has no public way."""
    name = "_set_params_and_buffers_to_ignore_for_model"
    found = getattr(torch.nn.parallel.DistributedDataParallel, name, None)
    assert found is not None, f"DistributedDataParallel.{name} is gone: DataParallel needs another"
    assert list(inspect.signature(found).parameters) == ["module", "params_and_buffers_to_ignore"]
