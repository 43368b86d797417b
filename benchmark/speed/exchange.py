"""What a step of several processes costs: bytes, memory and seconds, from a few rates.

Each of n processes passes 1/n of the batch, holds 1/n of the table's rows and all dense parameters.
It asks the others for the rows of its distinct ids (8 bytes each), gets vectors of d float32 values
and sends their gradients back; the dense gradients are summed by a ring. Exact Adam reads and
writes weights and both moments of all its rows at every step."""

from dataclasses import dataclass

FLOAT, ID = 4, 8
"""Bytes of a value and of an id."""
PASSES = 3
"""Forward FLOPs that a training step takes: backward passes have twice as many."""
TOUCHED = 6
"""Reads and writes of a table's value by exact Adam: weight and two moments."""
KEPT = 3
"""Values kept for one of a table: weight and two moments. A dense one has its gradient too."""
PER_TABLE, PER_STEP = 4, 3
"""Messages of a step: numbers of ids, ids, vectors and gradients of a table; dense gradients, clip
norm and loss."""


@dataclass(frozen=True)
class Load:
    """A step's work: rows of the global batch, ids a row, the share of a process's ids that are
    distinct, the table's rows and width, dense parameters, and forward FLOPs of a row."""

    batch: int
    ids: int
    distinct: float
    table_rows: int
    dim: int
    dense: int
    flops: float

    @property
    def table_bytes(self) -> float:
        """Of the weights alone."""
        return FLOAT * self.table_rows * self.dim


@dataclass(frozen=True)
class Machine:
    """Rates of one process: FLOPs a second of training steps, bytes a second of its memory and of
    its link to the others, seconds of a message."""

    flops: float
    memory: float
    link: float
    latency: float


def sent_bytes(load: Load, processes: int) -> float:
    """Bytes that a process sends in a step."""
    away = (processes - 1) / processes
    asked = load.distinct * load.ids * load.batch / processes
    rows = asked * (ID + 2 * FLOAT * load.dim)
    return away * (rows + 2 * FLOAT * load.dense)


def kept_bytes(load: Load, processes: int) -> float:
    """Bytes of weights, moments and dense gradients that a process keeps."""
    return KEPT * load.table_bytes / processes + (KEPT + 1) * FLOAT * load.dense


def exchange_seconds(load: Load, processes: int, link: float, latency: float) -> float:
    """Seconds of a step's messages, none of them beside other work."""
    if processes == 1:
        return 0.0
    return (PER_TABLE + PER_STEP) * latency + sent_bytes(load, processes) / link


def step_seconds(load: Load, processes: int, machine: Machine) -> float:
    """Seconds of a step: products, the update of the table, and the exchange, one by one."""
    products = PASSES * load.flops * load.batch / processes / machine.flops
    update = TOUCHED * load.table_bytes / processes / machine.memory
    exchange = exchange_seconds(load, processes, machine.link, machine.latency)
    return products + update + exchange
