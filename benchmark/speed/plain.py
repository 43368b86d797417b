"""A training step in torch's ordinary operations, which the suite's own is timed against."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.data.batches import Batch
from benchmark.model import CTRModel, HasTrainingPenalty, plain_form
from benchmark.recipes.recipe import Train
from benchmark.training.optim import l2_penalty


class PlainStep:
    """Whole batches through the model's plain form, then torch's Adam over whole tables, with the
    coupled L2 penalty inside the clipped norm."""

    def __init__(self, model: CTRModel, train: Train) -> None:
        self._model, self._clip_norm = model, train.clip_norm
        self._penalties = {p: l2_penalty(name, train) for name, p in model.named_parameters()}
        self._adam = torch.optim.Adam(model.parameters(), lr=train.learning_rate)

    def __call__(self, batch: Batch) -> float:
        """One update; the batch's mean cross-entropy without penalties."""
        self._model.train()
        self._adam.zero_grad(set_to_none=False)
        with plain_form():
            logit = self._model(batch.dense, batch.sparse)
        loss = total = binary_cross_entropy_with_logits(logit, batch.label)
        if isinstance(self._model, HasTrainingPenalty):
            total = loss + self._model.training_penalty()
        torch.autograd.backward(total)
        with torch.no_grad():
            for parameter, penalty in self._penalties.items():
                if penalty and parameter.grad is not None:
                    parameter.grad.add_(parameter, alpha=penalty)
            nn.utils.clip_grad_norm_(self._model.parameters(), self._clip_norm)
        self._adam.step()
        return loss.item()
