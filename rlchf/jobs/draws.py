"""The file that keeps what is drawn from a policy, so that a run that was stopped can go on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from rlchf.io.atomic import atomic_write
from rlchf.io.files import bare_name
from rlchf.jobs.progress import Tick
from rlchf.jobs.settings import TINY
from rlchf.prompts import Prompt
from rlchf.settings import built
from rlchf.train.candidates.draws import Draw, Recorder, Text, Texts
from rlchf.train.models.loading import Loading, check_four_bits

Job = TypeVar("Job")
Config = TypeVar("Config")
TINY_POSITIONS = 1 << 16
"""Positions of a tiny model, whose tokens are short: room for the template."""


def partial_file(out: str | Path) -> Path:
    """The file of what is drawn, while the responses are not complete."""
    return Path(out).with_name(Path(out).name + ".partial")


def read_settings(out: str | Path, job: type[Job], config: type[Config]) -> tuple[Job, Config]:
    """The settings of a run that was stopped.

    Raises
    ------
    ValueError
        If there is none.
    """
    path = partial_file(out)
    if not path.exists():
        raise ValueError(
            f"there is no {path}, and so no run to go on with; give the --out of one that was stopped"
        )
    head, source = _head(path), f"{path}: "
    return built(job, head["job"], source), built(config, head["config"], source)


class DrawLog(Recorder):
    """A file with the settings and the fingerprint on its first line, and a batch on each further one."""

    def __init__(self, path: Path, head: dict[str, Any], tick: Tick, resume: bool) -> None:
        self.path, self.head, self.resume, self.tick = path, head, resume, tick
        self.file: Any = None

    def begin(self, fingerprint: Mapping[str, int]) -> Texts:
        """Write the first line or, if the run goes on, read what was drawn."""
        batches: list[str] = []
        if self.resume:
            before, batches = _head(self.path)["fingerprint"], _whole_lines(self.path)[1:]
            names = {"prompts": "prompts or what is asked of them", "policy": "policy's weights"}
            for what, name in names.items():
                if before[what] != fingerprint[what]:
                    raise ValueError(
                        f"the {name} are not those with which the run began; give those, or remove "
                        f"{self.path} and begin anew"
                    )
        head = self.head | {"fingerprint": dict(fingerprint)}
        with atomic_write(self.path) as file:  # without a line that was cut off
            for line in [json.dumps(head, ensure_ascii=False), *batches]:
                file.write(line.encode() + b"\n")
        self.file = self.path.open("a", encoding="utf-8")
        draws = [draw for line in batches for draw in json.loads(line)]
        return {Draw(*draw): Text(*text) for draw, text in draws}

    def record(self, texts: Texts) -> None:
        """Append a batch."""
        self.file.write(json.dumps(list(texts.items()), ensure_ascii=False) + "\n")
        self.file.flush()

    def progress(self, done: int, total: int) -> None:
        """Show the progress."""
        self.tick(done, total)

    def close(self) -> None:
        """Close the file."""
        if self.file:
            self.file.close()


def _whole_lines(path: Path) -> list[str]:
    """The lines that were written completely; the last may not have been."""
    return path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]


def _head(path: Path) -> dict[str, Any]:
    """The first line of a log of draws."""
    try:
        head = json.loads(_whole_lines(path)[0])
        return {name: head[name] for name in ("job", "config", "fingerprint")}
    except (IndexError, KeyError, TypeError, json.JSONDecodeError):
        raise ValueError(f"{path} holds no run to go on with; remove it and begin anew") from None


def check_draws(out: str, resume: bool, reason: str = "") -> None:
    """Refuse a file that is there already, a run to go on with that is not, and a name of another kind.

    ``reason`` says why a file that is there is not replaced.
    """
    if bare_name(out)[1] != "jsonl":
        raise ValueError(f"--out is {out!r}; give a file that ends in .jsonl")
    path, partial = Path(out), partial_file(out)
    if resume and not partial.exists():
        raise ValueError(
            f"there is no {partial}, and so no run to go on with; give the --out of one that was stopped"
        )
    if not resume and path.exists():
        raise ValueError(f"{out} is there already{reason}; choose another file for --out")
    if not resume and partial.exists():
        raise ValueError(
            f"{partial} holds a run that was stopped; go on with --resume {out}, or remove that file"
        )


def load_sampler(
    name: str, loading: Loading, prompts: Mapping[str, Prompt], seed: int
) -> tuple[Any, Any, Any]:
    """A policy on its device, its tokenizer, and what knows the device and the precision.

    Raises
    ------
    ValueError
        If there is no such policy, or several processes were started.
    """
    from rlchf.train.models.arguments import in_precision
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
        policy = in_precision(policy, loading)
    else:
        policy = load_policy(name, loading)
        tokenizer = load_tokenizer(name, trust_remote_code=loading.trust_remote_code)
    return policy.to(accelerator.device), tokenizer, accelerator
