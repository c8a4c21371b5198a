"""The folder of a PPO run: its logs, the checkpoint from which it goes on, and the final policy."""

import json
import shutil
from dataclasses import asdict
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from safetensors.torch import save_file

from rlchf.display import counted
from rlchf.io.atomic import atomic_write
from rlchf.io.json import write_json
from rlchf.train.damage import naming_damage
from rlchf.train.models.adapters import inside_adapters, save_adapters
from rlchf.train.models.checkpointing import keep_activations
from rlchf.train.models.load import save_tokenizer
from rlchf.train.models.quantised import merged
from rlchf.train.ppo.checks import check_fingerprint
from rlchf.train.ppo.config import PPOConfig
from rlchf.train.ppo.policies import Policies
from rlchf.train.ppo.sharding import (
    gather,
    is_sharded,
    plain_weights,
    shard,
    shard_optimizer_state,
)

if TYPE_CHECKING:
    from rlchf.train.ppo.loop import PPO

MAY_CHANGE = (
    "updates", "forward_size", "sample_size", "gradient_checkpointing", "sampler", "vllm_memory",
    "checkpoint_every", "samples_every", "save_every", "save_last", "evaluate_every", "report_to",
    "learning_rate", "value_learning_rate", "lr_schedule", "lr_warmup", "max_grad_norm", "clip",
    "value_clip", "target_kl", "max_kl", "kl_coef", "kl_schedule", "kl_schedule_target", "kl_coef_end",
    "kl_horizon", "entropy_coef",
)  # fmt: skip
"""Settings that a resumed run may change."""


PARTS: dict[str, type] = {
    "done": int, "weights": dict, "optimizer": dict, "carried": list, "config": dict,
}  # fmt: skip
"""What a checkpoint holds, and of which type."""
ANEW = "begin anew in another folder"


class RunFolder:
    """The folder `out` of a run with the settings `config`."""

    def __init__(self, out: Path, config: PPOConfig, accelerator: Accelerator) -> None:
        self.out, self.config, self.accelerator = out, config, accelerator
        self.policies = Policies(out)
        self.saved = -1  # updates done when the checkpoint was written

    @property
    def checkpoint(self) -> Path:
        """The file from which the run goes on."""
        return self.out / "checkpoint" / "state.pt"

    @property
    def previous(self) -> Path:
        """The checkpoint before that, kept until `trust` says that the last one is good."""
        return self.out / "checkpoint" / "previous.pt"

    def open(self, run: "PPO", resume: bool) -> None:
        """Load the checkpoint, if there is one and the run resumes, and tidy the folder."""
        if resume and (self.checkpoint.exists() or self.previous.exists()):
            self.load(run)
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            (self.out / "config.json").unlink(missing_ok=True)  # see `finish`
            if not run.done:
                self.checkpoint.unlink(missing_ok=True)
                self.previous.unlink(missing_ok=True)
            self.policies.tidy(run.done)
            for name in ("metrics.jsonl", "samples.jsonl"):
                keep_rows(self.out / name, run.done or -1)  # not even the figures before the first
            write_json(self.out / "ppo_config.json", asdict(self.config))

    def log(self, row: dict[str, Any], samples: list[dict[str, Any]]) -> None:
        """Add a line of metrics, and samples if there are any."""
        if self.accelerator.is_main_process:
            append_rows(self.out / "metrics.jsonl", [row])
            append_rows(self.out / "samples.jsonl", samples)

    def save(self, run: "PPO") -> None:
        """Write all that the next update depends on, to a temporary file that then replaces the checkpoint.

        Samples and the order of prompts follow from the seed and the number of updates done.
        """
        if self.saved == run.done:
            return
        weights = {n: p.detach() for n, p in run.model.named_parameters() if p.requires_grad}
        state = {
            "done": run.done,
            "weights": gather(weights),  # the policy's, or its adapters', and the critic's
            "optimizer": gather(run.optimizer.state_dict()),
            "carried": gather_object([run.carried]),  # one per process
            "config": asdict(self.config),
            "fingerprint": run.fingerprint,
        }
        if self.accelerator.is_main_process:
            temporary = self.checkpoint.with_suffix(".new")
            torch.save(state, temporary)
            if self.checkpoint.exists():
                self.checkpoint.replace(self.previous)
            temporary.replace(self.checkpoint)
        self.saved = run.done
        self.accelerator.wait_for_everyone()

    def trust(self) -> None:
        """Drop the checkpoint before the last: the policy in the last one has turned out good."""
        if self.accelerator.is_main_process and self.checkpoint.exists():
            self.previous.unlink(missing_ok=True)

    def go_back(self, run: "PPO") -> bool:
        """Drop the last checkpoint if it holds the present policy, and return whether another is left."""
        bad = self.saved == run.done
        has_other = (self.previous if bad else self.checkpoint).exists()
        self.accelerator.wait_for_everyone()  # all have seen the folder as it was
        if bad and has_other and self.accelerator.is_main_process:
            self.previous.replace(self.checkpoint)
        self.accelerator.wait_for_everyone()
        return has_other

    def give_up(self, done: int, problem: str, remedies: str, kept: bool) -> NoReturn:
        """Stop a run with remedies, given whether a checkpoint from before the problem is kept."""
        remedy = f"resume from the last checkpoint before that with {remedies}"
        if not kept:
            remedy = (
                f"begin anew with {remedies}: there is no checkpoint before that, with checkpoint_every "
                f"{self.config.checkpoint_every}"
            )
        raise FloatingPointError(f"update {done + 1}: {problem}; {remedy}")

    def load(self, run: "PPO") -> None:
        """Restore the run as it was when the checkpoint was saved."""
        state = read_state(self.checkpoint if self.checkpoint.exists() else self.previous)
        check_updates_left(self.out, state["done"], self.config.updates)
        check_fingerprint(state.get("fingerprint", run.fingerprint), run.fingerprint)
        # A setting that the run did not know yet had the effect of its default.
        before, now = asdict(PPOConfig()) | state["config"], asdict(self.config)
        changed = [name for name, value in now.items() if before.get(name) != value]
        for name in changed:
            if name not in MAY_CHANGE:
                raise ValueError(
                    f"{self.out} was run with {name}={before.get(name)!r} and cannot be resumed with "
                    f"{name}={now[name]!r}; use another folder, or do not resume; what may change is "
                    f"{', '.join(MAY_CHANGE)}"
                )
        run.done = self.saved = state["done"]
        with naming_damage(self.checkpoint, ANEW):
            weights = shard(state["weights"], dict(run.model.named_parameters()))
            run.model.load_state_dict(weights, strict=False)
            run.optimizer.load_state_dict(shard_optimizer_state(run.optimizer, state["optimizer"]))
        same = self.accelerator.num_processes == len(state["carried"])
        carried = state["carried"][self.accelerator.process_index if same else 0]
        with naming_damage(self.checkpoint, ANEW):
            run.restore(carried, random=same, changed=changed)

    def finish(self, run: "PPO") -> Any:
        """Write policy, adapters, tokenizer and critic by way of a temporary folder; return the policy."""
        self.trust()
        policy = plain = run.model.policy
        keep_activations(policy)
        weights = None
        temporary = self.out / "policy.new"
        if self.config.lora_rank:
            adapters = {n: p for n, p in policy.state_dict().items() if "lora_" in n}
            adapters = gather(adapters)
            if self.accelerator.is_main_process:
                save_adapters(policy, temporary, state_dict=adapters)
        if is_sharded(run.model):
            weights = dict(plain_weights(policy))
            plain = inside_adapters(policy)
        elif self.config.lora_rank:
            policy = plain = merged(policy)
        critic = gather(dict(run.model.critic.state_dict())) if run.model.critic is not None else {}
        if self.accelerator.is_main_process:
            plain.save_pretrained(temporary, state_dict=weights)
            save_tokenizer(run.tokenizer, temporary)
            if critic:
                save_file(critic, temporary / "critic.safetensors")
            # config.json goes last: a folder that has it is complete.
            for path in sorted(temporary.iterdir(), key=lambda path: path.name == "config.json"):
                if path.is_dir():
                    shutil.rmtree(self.out / path.name, ignore_errors=True)
                path.replace(self.out / path.name)
            temporary.rmdir()
        self.accelerator.wait_for_everyone()
        return policy


def read_state(file: Path, *, mmap: bool = False) -> dict[str, Any]:
    """What a checkpoint holds; with ``mmap`` its weights stay on the disk.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    with naming_damage(file, ANEW):
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True, mmap=mmap)
        for name, kind in PARTS.items():
            if not isinstance(state[name], kind):
                raise TypeError(f"{name} is of type {type(state[name]).__name__}")
    return state


def updates_done(out: Path) -> int:
    """Number of updates after which the run in a folder goes on; 0 without a checkpoint."""
    for name in ("state.pt", "previous.pt"):
        if (out / "checkpoint" / name).exists():
            return int(read_state(out / "checkpoint" / name, mmap=True)["done"])
    return 0


def check_updates_left(out: Path, done: int, updates: int) -> None:
    """Refuse to go on with a run that has done more updates than it is to have.

    Raises
    ------
    ValueError
        If it has.
    """
    if done > updates:
        raise ValueError(
            f"the run in {out} has done {counted(done, 'update')} already; to go on, set updates (--updates) "
            f"to {done + 1} or more"
        )


def append_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Add one JSON line per row."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def keep_rows(path: Path, done: int) -> None:
    """Keep the lines of the first `done` updates; a killed run may have left half a line."""

    def kept(line: bytes) -> bool:
        return line.endswith(b"\n") and int(json.loads(line)["update"]) <= done

    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    with naming_damage(path, "remove the line that is no JSON object with a number 'update'"):
        rows = list(takewhile(kept, lines))
    with atomic_write(path) as file:
        file.writelines(rows)
