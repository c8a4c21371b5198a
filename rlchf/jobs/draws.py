"""The file that keeps what is drawn from a policy, and the policy that it is drawn from."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rlchf.jobs.partial import PartialFile, partial_file
from rlchf.jobs.progress import Tick, stage
from rlchf.jobs.settings import TINY
from rlchf.prompts import Prompt
from rlchf.train.candidates.draws import Draw, Recorder, Text, Texts
from rlchf.train.models.loading import Loading, check_four_bits

TINY_POSITIONS = 1 << 16
"""Positions of a tiny model, whose tokens are short: room for the template."""


class DrawLog(Recorder):
    """Keeps the draws in the partial file."""

    def __init__(self, path: Path, head: dict[str, Any], tick: Tick, resume: bool) -> None:
        self.file, self.tick = PartialFile(path, head, resume), tick

    def begin(self, fingerprint: Mapping[str, int]) -> Texts:
        """Write the first line or, if the run goes on, read what was drawn."""
        names = {"prompts": "prompts or what is asked of them", "policy": "policy's weights"}
        batches = self.file.begin(fingerprint, names)
        return {Draw(*draw): Text(*text) for batch in batches for draw, text in batch}

    def record(self, texts: Texts) -> None:
        """Append a batch."""
        self.file.append(list(texts.items()))

    def progress(self, done: int, total: int) -> None:
        """Show the progress."""
        self.tick(done, total)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


@contextmanager
def draw_log(what: str, job: Any, config: Any, out: str, *, resume: bool) -> Iterator[DrawLog]:
    """The log of a job that draws texts, beside the file that they go to, and its progress.

    Parameters
    ----------
    what
        What is drawn, for the progress.
    job, config
        The settings, which a job that goes on reads back.
    """
    head = {"job": asdict(job), "config": asdict(config)}
    with stage(what) as tick, closing(DrawLog(partial_file(out), head, tick, resume)) as log:
        yield log


def load_sampler(
    name: str, loading: Loading, prompts: Mapping[str, Prompt], seed: int
) -> tuple[Any, Any, Any]:
    """A policy on its device, its tokenizer, and what knows the device and the precision.

    Raises
    ------
    ValueError
        If there is no such policy, or several processes were started.
    """
    from rlchf.train.models.arguments import as_loaded
    from rlchf.train.models.load import load_policy, load_tokenizer, quieten_transformers
    from rlchf.train.models.tiny import tiny_llama
    from rlchf.train.ppo.trackers import make_accelerator

    quieten_transformers()
    accelerator = make_accelerator("none", Path())
    if accelerator.num_processes > 1:
        raise ValueError(
            f"sampling works in one process, not in {accelerator.num_processes}; start it without torchrun"
        )
    if name == TINY:
        check_four_bits(loading, 1, made=True)
        texts = [str(prompt) for prompt in prompts.values()]
        policy, tokenizer = tiny_llama(texts, seed=seed, max_length=TINY_POSITIONS)
        policy = as_loaded(policy, loading)
    else:
        policy = load_policy(name, loading)
        tokenizer = load_tokenizer(name, trust_remote_code=loading.trust_remote_code)
    return policy.to(accelerator.device), tokenizer, accelerator
