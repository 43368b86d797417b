"""UniMixer-Lite."""

import torch
from torch import Tensor, nn

from baselines.blocks import SwiGLU
from baselines.kernels import RMSNorm, batch_first, batch_last, per_token_product
from baselines.layers import FieldEmbedding, divisors, require_positive
from baselines.tokens import Head, Shape, Tokenizer
from benchmark.data.schema import Schema
from benchmark.model import Observe, block_stage, ignore
from benchmark.registry import models

ROUNDS = 20


def sinkhorn(logits: Tensor, temperature: Tensor) -> Tensor:
    """Nearly doubly stochastic matrices [.., n, n] from logits: symmetrised, divided by the
    temperature, then ROUNDS times rows (the last axis), then columns scaled to sum 1 (Sinkhorn &
    Knopp, 1967), as logarithms. Columns sum to 1; at a low temperature rows only nearly do."""
    x = (logits + logits.mT) / 2 / temperature
    for _ in range(ROUNDS):
        x = x - x.logsumexp(dim=-1, keepdim=True)
        x = x - x.logsumexp(dim=-2, keepdim=True)
    return x.exp()


class UniMixing(nn.Module):
    """`G [u_1; ..; u_N]`, `u_i = x_i S(sum_j alpha_ij Z_j)`, G = S(A C^T): X [B, T, D] -> the same,
    flattened and cut into N rows x_i of `size`; Z [bases, size, size], A and C [N, rank]."""

    def __init__(self, shape: Shape, size: int, bases: int, rank: int) -> None:
        super().__init__()
        rows = shape[0] * shape[1] // size
        self.coefficients = nn.Parameter(torch.randn(rows, bases) * bases**-0.5)
        self.bases = nn.Parameter(torch.randn(bases, size, size))
        self.left = nn.Parameter(torch.randn(rows, rank))
        self.right = nn.Parameter(torch.randn(rows, rank))

    def forward(self, x: Tensor, temperature: Tensor) -> Tensor:
        local = torch.einsum("nj,jab->nab", self.coefficients, self.bases)
        weights = sinkhorn(local, temperature)
        rows = x.reshape(len(x), len(weights), -1)
        u = batch_last(per_token_product(rows, weights.mT, None))
        mixed = sinkhorn(self.left @ self.right.T, temperature) @ u.flatten(1)
        return batch_first(mixed.view_as(u)).reshape(x.shape)


class UniMixerBlock(nn.Module):
    """`m = X + RMSNorm(Y)`, `u = RMSNorm(m + mix(m))`, `o = SwiGLU_t(u)`; X <- RMSNorm(X + o),
    Y <- Y + o: two streams [B, T, D] -> the same; stages `block{l}.mixing` (u), `.ffn` (X), `.sum`
    (Y)."""

    def __init__(self, shape: Shape, size: int, bases: int, rank: int, ffn_hidden: int) -> None:
        super().__init__()
        self.input_norm = RMSNorm(shape[1])
        self.mixing = UniMixing(shape, size, bases, rank)
        self.mixing_norm = RMSNorm(shape[1])
        self.ffn = SwiGLU(*shape, ffn_hidden)
        self.output_norm = RMSNorm(shape[1])

    def forward(
        self, x: Tensor, y: Tensor, temperature: Tensor, observe: Observe, number: int
    ) -> tuple[Tensor, Tensor]:
        m = x + self.input_norm(y)
        u = self.mixing_norm(m + self.mixing(m, temperature))
        observe(block_stage(number, "mixing"), u)
        o = self.ffn(u)
        x, y = self.output_norm(x + o), y + o
        observe(block_stage(number, "ffn"), x)
        observe(f"block{number}.sum", y)
        return x, y


@models.register("unimixer_lite")
class UniMixerLite(nn.Module):
    """UniMixing-Lite, 2026: learned, nearly doubly stochastic mixing of all values of the tokens.

    X = Y = tokenizer(E) [T, D], E [B, F, d] cut into T slices with a projection each. Block:
    `m = X + RMSNorm(Y)`; flatten(m) cut into N rows x_i of `block_size`,
    `mix(m) = S(A C^T) [x_i S(sum_j alpha_ij Z_j)]_i` with `num_bases` Z and A, C [N, rank];
    `u = RMSNorm(m + mix(m))`, `o = SwiGLU_t(u)`, `X <- RMSNorm(X + o)`, `Y <- Y + o`;
    `logit = w^T mean_t(X + RMSNorm(Y)) + b`. S(M): (M + M^T) / 2 / temperature, then 20 rounds of
    Sinkhorn, rows first. The temperature falls from `temperature` to `final_temperature` over the
    first `annealing_steps` training steps.

    Stages `embedding` [B, F, d], then [B, T, D]: `tokens`, `block{l}.mixing` (u), `block{l}.ffn`
    (X), `block{l}.sum` (Y). Paper: Kuaishou, 2026 (2604.00590). The public code has the Sinkhorn
    lines commented out or one round of them; this is the paper's. Left open by the paper / chosen
    here: tokens, the residual m + mix(m) (the code's), N(0, 1) for A, C and Z. Raises ValueError if
    block_size does not divide T D.
    """

    whole_batch = True  # the temperature counts training batches
    steps: Tensor

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_tokens: int = 8,
        token_dim: int = 32,
        num_blocks: int = 2,
        block_size: int = 16,
        num_bases: int = 8,
        rank: int = 8,
        ffn_hidden: int = 128,
        temperature: float = 1.0,
        final_temperature: float = 0.05,
        annealing_steps: int = 1000,
    ) -> None:
        super().__init__()
        require_positive(num_blocks=num_blocks, block_size=block_size, num_bases=num_bases)
        require_positive(rank=rank, ffn_hidden=ffn_hidden, annealing_steps=annealing_steps)
        if min(temperature, final_temperature) <= 0:
            raise ValueError("temperature and final_temperature must be above 0")
        if num_tokens * token_dim % block_size:
            can = f"block_size can be {divisors(num_tokens * token_dim)}"
            raise ValueError(f"block_size = {block_size} does not divide the values; {can}")
        width, shape = schema.num_fields * embedding_dim, (num_tokens, token_dim)
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.tokenizer = Tokenizer("slice", width, shape)
        self.blocks = nn.ModuleList(
            UniMixerBlock(shape, block_size, num_bases, rank, ffn_hidden) for _ in range(num_blocks)
        )
        self.output_norm = RMSNorm(token_dim)
        self.head = Head("pool", shape)
        self.range = temperature, final_temperature
        self.annealing_steps = annealing_steps
        self.register_buffer("steps", torch.zeros(()))

    def temperature(self) -> Tensor:
        """The temperature after the training steps so far, 0-dim."""
        first, last = self.range
        return first + (last - first) * (self.steps / self.annealing_steps).clamp(max=1)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        observe = observe or ignore
        embedding = self.embedding(dense, sparse)
        observe("embedding", embedding)
        x = y = self.tokenizer(embedding)
        observe("tokens", x)
        temperature = self.temperature().to(x.dtype)
        for number, block in enumerate(self.blocks, start=1):
            x, y = block(x, y, temperature, observe, number)
        if self.training:
            self.steps = self.steps + 1
        logit: Tensor = self.head(x + self.output_norm(y))
        return logit
