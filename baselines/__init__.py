"""The models. Each file registers its family; every model is an nn.Module with this contract.

`__init__(schema, *, hyperparameters with defaults)`: the signature is the schema of a recipe's
[model] table. `forward(dense [B, n_dense], sparse [B, n_sparse], observe=None) -> logit [B]`:
`observe(stage, x [B, rows, width])`
is called at each stage, in order.
Parameters under a module called `embedding` are embeddings, those under `head` the head, all others
dense.
A model with a term of its own in the training loss offers `training_penalty() -> Tensor` (0-dim).
In training no row of a batch may see another, except through BatchNorm1d or in a model with a
`training_penalty`: the batches of all others are taken in chunks. The gradient of an embedding
table is sparse.
"""
