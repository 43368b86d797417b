"""Where the time of training steps goes: its shares by kind of operation."""

import os
import re
import time
from collections import Counter
from collections.abc import Callable

import torch
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

from benchmark.data.batches import Batch

STEPS = 3
LOADING, ELEMENTWISE, OVERHEAD = "loading", "elementwise", "overhead"
KINDS = {
    LOADING: LOADING,
    "products": r"aten::(mm|bmm|addmm|baddbmm|_addmm_activation|mkldnn_linear|_scaled_dot.*)",
    "embedding_rows": r"aten::(embedding.*|index_.*|_?coalesce|_?unique.*|sort|gather|scatter.*)",
    "adam_and_gradient_norms": r"aten::(_fused_adam_|linalg_vector_norm)",
    "normalisation": r"_Normalised(Backward)?|aten::native_(batch|layer|group)_norm.*",
    "dropout_masks": r"aten::(random_|bernoulli_|ge|native_dropout.*)",
    "copies": r"aten::(copy_|cat|clone)",
}
"""The kinds of operations, and the profiler's names of them; an operation that has none of these
names is of the kind of what calls it, or else elementwise: sums and activations too."""


def shares(
    load: Callable[[], Batch], step: Callable[[Batch], object], device: torch.device
) -> dict[str, float]:
    """The shares of a few steps' time by kind, which sum to 1. On a GPU it is the time of its
    kernels. The rest is overhead: Python, calls of small operations, and the profiler itself."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it prints that it starts and stops
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiler:
        began = time.perf_counter()
        for _ in range(STEPS):
            with record_function(LOADING):
                batch = load()
            step(batch)
        if device.type == "cuda":
            torch.cuda.synchronize()
        microseconds = 1e6 * (time.perf_counter() - began)
    spent: Counter[str] = Counter()
    for event in profiler.events() or ():
        if event.device_type.name == "CPU":  # not a kernel on its own
            on_gpu = device.type == "cuda"
            own = event.self_device_time_total if on_gpu else event.self_cpu_time_total
            spent[kind(event)] += own / microseconds
    del spent[OVERHEAD]
    return {**spent, OVERHEAD: max(0.0, 1 - sum(spent.values()))}


def kind(event: FunctionEvent) -> str:
    """The kind of an operation."""
    caller: FunctionEvent | None = event
    while caller is not None:
        for each, names in KINDS.items():
            if re.fullmatch(names, caller.name):
                return each
        caller = caller.cpu_parent
    return ELEMENTWISE if event.name.startswith("aten::") else OVERHEAD
