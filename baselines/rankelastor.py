"""RankElastor, as released and as published: one composition of the token-mixing parts."""

from torch import Tensor, nn

from baselines.blocks import Block, FFNKind, Mixing, MixingKind, NormPlace, build_ffn, run_stack
from baselines.layers import FieldEmbedding, require_positive
from baselines.tokens import Head, HeadKind, Tokenizer, TokenizerKind
from benchmark.data.schema import Schema
from benchmark.model import Observe, ignore
from benchmark.registry import models


@models.register("rankelastor")
class RankElastor(nn.Module):
    """RankElastor, 2026: full token mixing and gated per-token FFNs.

    Tokens X in R^{T x D}, `X_0 = tokenizer(E)`, E [B, F, d] the field embeddings;
    `logit = head(X_L)`; block l = 1..L:

    as released (the defaults): `M = X + reshape(W RMSNorm(flatten X) + b)`, `M' = RMSNorm(M)`, and
    per token `X' = M' + Linear(units(M'))`, units a stack over `ffn_hidden` of GatedUnits with
    r = `expansion`;
    as published: `M = LayerNorm(X + reshape(W flatten(X)))`, and per token
    `X' = (GELU(M W1) * (M W2)) W3 + M Wr`: mixing_norm = "post", mixing_bias = false,
    ffn_norm = "none", ffn = "glu_paper", expansion = 3.

    The ablations are choices too: mixing x ffn x norms. Hyperparameters of parts that are not
    chosen are not read. Stages `embedding` [B, F, d], then [B, T, D]: `tokens`, `block{l}.mixing`
    (M), `block{l}.ffn` (X'). Paper: Li et al., KDD 2026 (2605.23191).
    Left open by the paper / chosen here: tokenizer and head (the released ones), LayerNorm over D,
    FFN dropout 0.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        embedding_dim: int = 10,
        num_tokens: int = 8,
        token_dim: int = 16,
        num_blocks: int = 2,
        tokenizer: TokenizerKind = "vector",
        tokenizer_hidden: int = 64,
        tokenizer_norm: bool = True,
        tokenizer_dropout: float = 0.0,
        mixing: MixingKind = "full",
        mixing_groups: int = 2,
        mixing_bias: bool = True,
        mixing_norm: NormPlace = "pre",
        ffn: FFNKind = "glu",
        ffn_hidden: tuple[int, ...] = (16,),
        expansion: float = 3.0,
        ffn_norm: NormPlace = "pre",
        unit_norm: bool = True,
        ffn_dropout: float = 0.0,
        head: HeadKind = "mlp",
    ) -> None:
        super().__init__()
        require_positive(num_blocks=num_blocks)
        width, shape = schema.num_fields * embedding_dim, (num_tokens, token_dim)
        self.embedding = FieldEmbedding(schema, embedding_dim)
        self.tokenizer = Tokenizer(
            tokenizer, width, shape, tokenizer_hidden, tokenizer_norm, tokenizer_dropout
        )
        self.blocks = nn.ModuleList(
            Block(
                Mixing(mixing, shape, mixing_norm, mixing_groups, mixing_bias),
                build_ffn(ffn, shape, ffn_hidden, expansion, unit_norm, ffn_dropout),
                token_dim,
                ffn_norm,
            )
            for _ in range(num_blocks)
        )
        self.head = Head(head, shape)

    def forward(self, dense: Tensor, sparse: Tensor, observe: Observe | None = None) -> Tensor:
        embedding = self.embedding(dense, sparse)
        return run_stack(embedding, self.tokenizer, self.blocks, self.head, observe or ignore)
