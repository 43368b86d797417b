"""What a step of several processes costs: bytes, memory and seconds, from a few rates.

Each of n processes passes 1/n of the batch, holds 1/n of the table's rows and all dense parameters.
It asks the others for the rows of its distinct ids (8 bytes each), gets vectors of d float32 values
and sends their gradients back; the dense gradients are summed by a ring. Exact Adam reads and
writes weights and both moments of all its rows at every step."""

from dataclasses import dataclass, replace

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


GPU = Machine(flops=2e14, memory=3e12, link=4e11, latency=3e-5)
"""Assumed, from data sheets: 40 % of the tf32 rate of an H100, its memory, NVLink."""
NETWORK = 4e10
"""Assumed bytes a second of a GPU's link where more than GPUS_A_MACHINE take part: 400 Gb/s."""
GPUS_A_MACHINE = 8
LARGE = Load(
    batch=65_536,
    ids=26,
    distinct=1.0,
    table_rows=10**9,
    dim=20,
    dense=3_681_981,
    flops=8_790_496,
)
"""RankElastor dim 20 of criteo_x1 over a billion ids, all of a batch distinct."""
ROWS = {"4.4 x 10^9 rows (Criteo-1TB)": 4.4e9, "10^11 rows": 1e11}


def predictions() -> list[dict[str, str]]:
    """Steps and epochs of LARGE by many GPUs: what is kept and sent, and how long it takes."""
    lines = []
    for batch in (LARGE.batch, 16 * LARGE.batch):
        for gpus in (8, 64, 512):
            load = replace(LARGE, batch=batch)
            link = GPU.link if gpus <= GPUS_A_MACHINE else NETWORK
            machine = replace(GPU, link=link)
            seconds = step_seconds(load, gpus, machine)
            exchange = exchange_seconds(load, gpus, machine.link, machine.latency)
            line = {
                "GPUs": f"{gpus}",
                "global batch": f"{batch:,}",
                "GiB kept a GPU": f"{kept_bytes(load, gpus) / 2**30:.1f}",
                "MiB sent a step": f"{sent_bytes(load, gpus) / 2**20:.0f}",
                "ms a step": f"{1000 * seconds:.1f}",
                "of it exchange": f"{1000 * exchange:.1f}",
            }
            hours = {name: rows / batch * seconds / 3600 for name, rows in ROWS.items()}
            lines.append(line | {f"hours, {name}": f"{each:.2g}" for name, each in hours.items()})
    return lines
