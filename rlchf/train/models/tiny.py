"""A tiny language model with random weights, its tokenizer, and supervised fine-tuning."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

from rlchf.prompts import Prompt
from rlchf.train.models.ends import closing_token
from rlchf.train.models.padding import own_pad_id
from rlchf.train.models.supervised import Collator, response_nll, response_tokens
from rlchf.train.models.text import prompt_ids, response_ids

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# One line for each message; the response begins on the line after the last one.
TINY_CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] + '\n' }}{% endfor %}"


def tiny_llama(
    texts: Sequence[str],
    *,
    seed: int = 0,
    vocab_size: int = 1500,
    hidden_size: int = 192,
    layers: int = 2,
    heads: int = 4,
    max_length: int = 256,
) -> tuple["PreTrainedModel", "PreTrainedTokenizerBase"]:
    """Build a Llama with random weights and a tokenizer for `texts`, without a download.

    The tokenizer is a byte-level BPE, which encodes any text, emojis included. Its padding and end tokens
    differ, and its chat template puts every message on a line. The default model has about one million
    parameters.

    Returns
    -------
    (model, tokenizer), which depend on the texts and the seed only; the global random state of torch is
    not changed.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _byte_level_bpe(texts, vocab_size, max_length)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        intermediate_size=3 * hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=max_length,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    return model, tokenizer


def _byte_level_bpe(
    texts: Sequence[str], vocab_size: int, max_length: int
) -> "PreTrainedTokenizerBase":
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="<eos>",
        chat_template=TINY_CHAT_TEMPLATE,
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )


def fit_supervised(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    pairs: Sequence[tuple[Prompt, str]],
    *,
    epochs: int = 1,
    learning_rate: float = 1e-3,
    batch_size: int = 16,
    seed: int = 0,
    accelerator: Accelerator | None = None,
    progress: Callable[..., None] | None = None,
) -> list[float]:
    """Fine-tune a language model on prompts and responses.

    The loss is the mean negative log-likelihood of the response tokens, including the end token (see
    `rlchf.train.models.ends.closing_token`), given the prompt. The learning rate rises linearly over the
    first tenth of the steps and then falls linearly to zero. The model is changed in place; afterwards it
    is in evaluation mode on the accelerator's device.

    Parameters
    ----------
    pairs
        (prompt, response), the prompt as text or chat messages.
    batch_size
        Pairs per step and process.
    progress
        Called after each step with steps done, steps in all, and ``loss=``.

    Returns
    -------
    The loss of each step.
    """
    accelerator = accelerator or Accelerator()
    end = closing_token(tokenizer, model)
    pad_id = own_pad_id(tokenizer, model, end)
    examples = [(prompt_ids(tokenizer, p), response_ids(tokenizer, r, end)) for p, r in pairs]
    loader = accelerator.prepare(
        DataLoader(
            examples,  # type: ignore[arg-type]  # a list is all the dataset it needs
            batch_size=batch_size,
            shuffle=True,
            generator=torch.Generator().manual_seed(seed),
            collate_fn=Collator(pad_id),
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
    wrapped, optimizer = accelerator.prepare(model, optimizer)

    losses: list[float] = []
    steps = epochs * len(loader)
    warmup = max(1, steps // 10)
    wrapped.train()
    for _ in range(epochs):
        for batch in loader:
            factor = min((len(losses) + 1) / warmup, 1 - len(losses) / steps)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * factor
            nll = response_nll(wrapped, batch)
            # All tokens of the step on all processes have the same weight; the factor undoes the mean over
            # processes that follows the backward pass.
            tokens = accelerator.reduce(response_tokens(batch), reduction="sum")
            loss = nll.sum() * accelerator.num_processes / tokens
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(wrapped.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(float(accelerator.reduce(loss.detach(), reduction="mean")))
            if progress is not None:
                progress(len(losses), steps, loss=losses[-1])
    wrapped.eval()
    return losses
