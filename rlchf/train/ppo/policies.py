"""The policies that a run writes on its way: every few updates, and the best one on held-out prompts."""

import copy
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rlchf.io.json import read_object, write_json
from rlchf.train.damage import naming_damage
from rlchf.train.models.adapters import inside_adapters
from rlchf.train.models.load import save_tokenizer
from rlchf.train.ppo.sharding import is_sharded, plain_weights

if TYPE_CHECKING:
    from rlchf.train.ppo.loop import PPO

RECORD = "held_out.json"
"""In the folder of the best policy: its update and its figures on the held-out prompts."""


class Policies:
    """The folders ``checkpoints/update-000123/`` and ``best/`` in the folder `out` of a run."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.best = out / "best"

    def at(self, update: int) -> Path:
        """The folder of the policy after an update."""
        return self.out / "checkpoints" / f"update-{update:06d}"

    def saved(self) -> dict[int, Path]:
        """The folders of policies by their updates, the oldest first."""
        named = [(re.fullmatch(r"update-(\d+)", p.name), p) for p in self.out.glob("checkpoints/*")]
        return dict(sorted((int(match[1]), path) for match, path in named if match))

    def save(self, run: "PPO", last: int) -> None:
        """Write the present policy, and keep the newest `last` ones; 0 keeps all."""
        write_policy(run, self.at(run.done))
        if run.accelerator.is_main_process and last:
            for path in list(self.saved().values())[:-last]:
                shutil.rmtree(path)

    def save_best(self, run: "PPO") -> None:
        """Write the present policy as the best one."""
        write_policy(run, self.best, run.best)

    def best_update(self) -> int | None:
        """The update of the best policy, if there is one."""
        record = self.best / RECORD
        if not record.exists():
            return None
        with naming_damage(record, f"remove {self.best}"):
            return int(read_object(record)["update"])

    def tidy(self, done: int) -> None:
        """Remove what a run that goes on after `done` updates has not done yet, and unfinished folders.

        A run that begins anew thereby loses all policies of an earlier one.
        """
        replaced = old(self.best)
        if replaced.exists() and not self.best.exists():
            replaced.replace(self.best)  # killed between the two
        for path in [*self.out.glob(".best*"), *self.out.glob("checkpoints/.update-*")]:
            shutil.rmtree(path)
        for update, path in self.saved().items():
            if update > done:
                shutil.rmtree(path)
        best = self.best_update()
        if best is not None and best > done:
            shutil.rmtree(self.best)


def new(folder: Path) -> Path:
    """The hidden folder that is filled and then becomes `folder`."""
    return folder.with_name(f".{folder.name}.new")


def old(folder: Path) -> Path:
    """The hidden folder that `folder` is while another takes its place."""
    return folder.with_name(f".{folder.name}.old")


def write_policy(run: "PPO", folder: Path, record: Mapping[str, Any] | None = None) -> None:
    """Write the present policy, LoRA merged, with its tokenizer; the run's own policy stays as it is.

    The folder appears when it is complete. All processes have to call this together.
    """
    policy = run.model.policy
    plain, weights = inside_adapters(policy), None
    sharded, main = is_sharded(run.model), run.accelerator.is_main_process
    if sharded or (main and plain is not policy):
        weights = {name: tensor.cpu() for name, tensor in plain_weights(policy)}
    if main:
        temporary = new(folder)
        shutil.rmtree(temporary, ignore_errors=True)
        if getattr(plain, "is_quantized", False):
            plain = _unquantised(plain)
        plain.save_pretrained(temporary, state_dict=weights)
        save_tokenizer(run.tokenizer, temporary)
        if record is not None:
            write_json(temporary / RECORD, record)
        if folder.exists():
            shutil.rmtree(old(folder), ignore_errors=True)
            folder.replace(old(folder))
        temporary.replace(folder)
        shutil.rmtree(old(folder), ignore_errors=True)
    run.accelerator.wait_for_everyone()


def _unquantised(model: Any) -> Any:
    """A model without weights that is saved as `model` would be if it were not in 4 bits."""
    config = copy.deepcopy(model.config)
    del config.quantization_config
    with torch.device("meta"):
        plain = type(model)._from_config(config, dtype=model.dtype)
    plain.generation_config = model.generation_config
    return plain
