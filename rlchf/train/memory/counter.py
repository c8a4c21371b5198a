"""Counting the bytes that torch holds while code runs."""

import weakref
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rlchf.train.memory.plan import Bytes


class Counter(TorchDispatchMode):
    """Counts the tensors that are made and freed within the context, and keeps the peak.

    Tensors with a row of logits, one number for each token of the vocabulary, are counted apart.

    Parameters
    ----------
    model
        Its weights, which are not counted; its gradients are, apart.
    vocabulary
        Number of tokens.
    """

    def __init__(self, model: nn.Module, vocabulary: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.vocabulary = vocabulary
        self.parameters = list(model.parameters())
        self.now = {"logits": 0, "other": 0}
        self.peak = Bytes()
        self.known: dict[int, Any] = {}
        for tensor in (*self.parameters, *model.buffers()):
            self.known[tensor.untyped_storage()._cdata] = None

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run an operation and count what it made."""
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._add(leaf)
        return result

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self.known or not size:
            return
        is_logits = tensor.dim() > 1 and tensor.shape[-1] == self.vocabulary
        kind = "logits" if is_logits else "other"
        self.now[kind] += size
        self.known[key] = weakref.finalize(storage, self._remove, key, kind, size)
        if sum(self.now.values()) > self.peak.total:
            gradients = self.gradients()
            self.peak = Bytes(
                gradients=gradients,
                activations=self.now["other"] - gradients,
                logits=self.now["logits"],
            )

    def _remove(self, key: int, kind: str, size: int) -> None:
        self.known.pop(key, None)
        self.now[kind] -= size

    def gradients(self) -> int:
        """Bytes of the gradients that are there."""
        found = [p.grad for p in self.parameters if p.grad is not None]
        return sum(gradient.untyped_storage().nbytes() for gradient in found)
