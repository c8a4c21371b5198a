"""A whole run: from the rankings file to the fine-tuned policy, in one folder.

Every stage leaves its result in the run folder, complete or not at all, and is passed over when its
result is there already; so a run that was stopped goes on where it was.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from rlchf import io
from rlchf.aggregation import Aggregation, aggregate, check_options
from rlchf.auditing import StageShares, audit, trace_shares
from rlchf.auditing.report import plain
from rlchf.io.atomic import atomic_write
from rlchf.jobs.progress import Tick, stage
from rlchf.jobs.runfile import Run, read
from rlchf.options import function_named
from rlchf.preferences import Example, check_texts, examples, split
from rlchf.prompts import Prompt
from rlchf.rankings import Rankings
from rlchf.report import write_report
from rlchf.train.models.load import (
    load_policy,
    load_tokenizer,
    model_folder,
    quieten_transformers,
)


class Pipeline:
    """One run: its inputs, read and checked, and its folder.

    Parameters
    ----------
    run
        The settings.
    folder
        The run folder; it need not exist.

    Raises
    ------
    ValueError, FileNotFoundError
        If an input is missing or wrong; nothing has been written then.
    """

    def __init__(self, run: Run, folder: str | Path) -> None:
        self.run, self.folder = run, Path(folder)
        self.options = {key: value for key, value in run.rule.items() if key != "name"}
        common = {"ties": None, "seed": 0, "threads": None}  # what aggregate takes for any rule
        own = {key: value for key, value in self.options.items() if key not in common}
        rule = run.rule["name"]
        check_options(rule, own, self.options.get("ties"))
        data = run.data
        self.rankings: Rankings = io.read_rankings(data.rankings, data.format, data.unranked)
        self.prompts = io.read_prompts(data.prompts)
        self.responses = io.read_responses(data.responses)
        self.groups: dict[str, str] | None = None
        if data.annotators:
            annotators = io.read_annotators(data.annotators)
            if annotators.weights is not None:
                self.rankings = self.rankings.weighted(annotators.weights)
            if "group" in annotators.features:
                self.groups = annotators.group("group")
        check_texts(self.rankings, self.prompts, self.responses, data.prompts, data.responses)
        policy_prompts = (
            io.read_prompts(data.policy_prompts) if data.policy_prompts else self.prompts
        )
        self.policy_prompts: list[Prompt] = list(policy_prompts.values())
        self.trait = function_named(run.trait.test, "[trait] test") if run.trait.name else None
        if round(run.reward.held_out * self.rankings.n_prompts) >= self.rankings.n_prompts:
            raise ValueError(
                f"[reward] held_out is {run.reward.held_out}, which leaves none of the "
                f"{self.rankings.n_prompts} prompts to learn from"
            )
        if run.model.name != "tiny":
            model_folder(run.model.name)

    def __call__(self) -> dict[str, Any]:
        """Do every stage that is not done yet and return what `report` returned."""
        quieten_transformers()
        if self.run.model.name == "tiny":
            _use_one_thread()
        self.label()
        backbone = self.base_policy()
        self.fit_reward(backbone)
        if self.run.ppo is not None:
            self.sample("before", backbone)
            self.fine_tune(backbone)
            self.sample("after", self.folder / "policy")
        return self.report()

    # --- stages ---------------------------------------------------------------------------------

    def label(self) -> None:
        """Aggregate the ballots, and audit who got their way."""
        with stage(f"aggregate by {self.run.rule['name']}") as tick:
            result = self.aggregation(tick)  # may refuse an option, so it goes before all writing
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.folder / "config.toml") as file:
                tomli_w.dump(self.run.to_dict(), file)
            result.write(self.folder / "aggregated.jsonl")
            found = audit(self.rankings, result, self.groups)
            self._write_json("audit.json", found.to_dict())

    def base_policy(self) -> Path:
        """The model to start from: as named, or a tiny one fitted to the responses."""
        from rlchf.train.models.tiny import fit_supervised, tiny_llama

        model, seed = self.run.model, self.run.seed
        if model.name != "tiny":
            return Path(model_folder(model.name))
        folder = self.folder / "base"
        if folder.exists():
            return folder
        pairs = [(e.prompt, text) for e in self.examples for text in e.responses]
        with stage("supervised learning of a tiny policy") as tick:
            texts = [str(prompt) for prompt, _ in pairs] + [text for _, text in pairs]
            policy, tokenizer = tiny_llama(texts, seed=seed)
            fit_supervised(
                policy, tokenizer, pairs, epochs=model.epochs, lr=model.learning_rate,
                batch_size=model.batch_size, seed=seed,
                progress=tick,
            )  # fmt: skip
            self._write_model(folder, policy, tokenizer)
        return folder

    def fit_reward(self, backbone: Path) -> None:
        """Fit the reward model, and measure it on the prompts held out."""
        out = self.folder / "reward"
        if out.exists():
            return
        from rlchf.train.reward.model import RewardModel
        from rlchf.train.reward.trainer import train_reward

        train, held_out = self.split
        beside = self.folder / "reward.partial"
        with stage(f"reward model on {len(train)} prompts") as tick:
            train_reward(
                train, held_out, backbone, self.run.reward, beside, groups=self.groups,
                resume=True, progress=tick,
            )  # fmt: skip
        with stage(f"reward model's order of {len(held_out)} held-out prompts"):
            scores = [s.numpy() for s in RewardModel.load(beside).score_examples(held_out)]
            rows = [
                {
                    "prompt_id": e.prompt_id,
                    "scores": dict(zip(e.response_ids, s.tolist(), strict=True)),
                }
                for e, s in zip(held_out, scores, strict=True)
            ]
            self._write_lines("reward.partial/held_out.jsonl", rows)
        beside.rename(out)

    def fine_tune(self, backbone: Path) -> None:
        """Fine-tune the policy by PPO."""
        out = self.folder / "policy"
        if (out / "config.json").exists():
            return
        from rlchf.train.ppo.loop import ppo
        from rlchf.train.ppo.shaping import share_of
        from rlchf.train.reward.model import RewardModel

        assert self.run.ppo is not None
        share = share_of(self.run.trait.name, self.trait) if self.trait else None
        with stage(f"PPO, {self.run.ppo.updates} updates") as tick:
            ppo(
                load_policy(backbone), load_tokenizer(backbone), self.policy_prompts,
                RewardModel.load(self.folder / "reward"), self.run.ppo, out,
                resume=True, progress=tick, measure=share,
            )  # fmt: skip

    def sample(self, when: str, model: Path) -> None:
        """Sample texts from the policy before or after PPO into a file of their own."""
        name = f"samples-{when}.jsonl"
        if (self.folder / name).exists():
            return
        from rlchf.train.ppo.sampling import sample_texts

        assert self.run.ppo is not None
        each = -(-self.run.trait.texts // len(self.policy_prompts))
        with stage(f"sampling {each * len(self.policy_prompts)} texts {when} PPO") as tick:
            texts = sample_texts(
                load_policy(model), load_tokenizer(model), self.policy_prompts, n_per_prompt=each,
                batch_size=32, max_new_tokens=self.run.ppo.max_new_tokens,
                temperature=self.run.ppo.temperature, seed=self.run.seed, progress=tick,
            )  # fmt: skip
        asked = [prompt for prompt in self.policy_prompts for _ in range(each)]
        rows: list[dict[str, Any]] = [
            {"stage": when, "prompt": prompt, "response": text}
            for prompt, text in zip(asked, texts, strict=True)
        ]
        if self.trait is not None:
            rows = [row | {self.run.trait.name: self.trait(row["response"])} for row in rows]
        self._write_lines(name, rows)

    def report(self) -> dict[str, Any]:
        """Gather what the stages left into ``metrics.jsonl``, ``samples.jsonl`` and the report."""
        metrics = [
            {"stage": name, **line}
            for name, folder in (("reward", "reward"), ("ppo", "policy"))
            for line in self._read_lines(f"{folder}/metrics.jsonl")
        ]
        self._write_lines("metrics.jsonl", metrics)
        samples = [
            *self._read_lines("samples-before.jsonl"),
            *self._read_lines("samples-after.jsonl"),
        ]
        self._write_lines("samples.jsonl", samples)
        steps = self.steps(samples)
        trait = self.run.trait.name
        summary = {
            "rule": self.run.rule["name"],
            "shares": [
                asdict(step.categories[trait]) for step in steps if trait in step.categories
            ],
            "stages": plain([asdict(step) for step in steps]),
            "reward_accuracy": self.reward_accuracy(),
            "audit": json.loads((self.folder / "audit.json").read_text()),
        }
        self._write_json("report.json", summary)
        write_report(self.folder / "report.html", self.run, summary, steps, metrics, samples)
        return summary

    # --- what the stages share --------------------------------------------------------------------

    def aggregation(self, tick: Tick | None = None) -> Aggregation:
        """The collective rankings."""
        return aggregate(self.rankings, self.run.rule["name"], progress=tick, **self.options)

    @cached_property
    def examples(self) -> list[Example]:
        """The collective rankings with their texts."""
        return examples(self.aggregation(), self.prompts, self.responses, ballots_of=self.rankings)

    @cached_property
    def split(self) -> tuple[list[Example], list[Example]]:
        """Examples to learn from and held out; the same for every rule."""
        return split(self.examples, self.run.reward.held_out, self.run.seed)

    def held_out_scores(self) -> list[np.ndarray]:
        """The reward model's scores of the held-out examples' responses."""
        rows = {
            row["prompt_id"]: row["scores"] for row in self._read_lines("reward/held_out.jsonl")
        }
        return [np.array([rows[e.prompt_id][r] for r in e.response_ids]) for e in self.split[1]]

    @cached_property
    def learned(self) -> tuple[Rankings, Aggregation] | None:
        """The ballots on the held-out prompts, and the reward model's orders there; None of none."""
        where = [self.rankings.prompt_index[e.prompt_id] for e in self.split[1]]
        if not where:
            return None
        test, scores = self.rankings.subset(np.array(where)), self.held_out_scores()
        return test, Aggregation.from_scores(test, np.concatenate(scores), "reward model", {})

    def steps(self, samples: Sequence[dict[str, Any]]) -> list[StageShares]:
        """Each group's share, and the trait's, at every stage."""
        orders = {f"aggregated ({self.run.rule['name']})": self.aggregation()}
        if self.learned:
            orders["reward model, held out"] = self.learned[1]
        categories: dict[str, dict[str, str]] | None = None
        texts: dict[str, list[str]] = {}
        if self.trait is not None:
            trait, name = self.trait, self.run.trait.name
            name_of = {True: name, False: f"no {name}"}
            categories = {
                e.prompt_id: {
                    r: name_of[bool(trait(text))]
                    for r, text in zip(e.response_ids, e.responses, strict=True)
                }
                for e in self.examples
            }
            for row in samples:
                texts.setdefault(f"policy {row['stage']} PPO", []).append(name_of[bool(row[name])])
        return trace_shares(
            self.rankings, orders, self.groups, categories=categories, texts=texts, replicates=200
        )

    def reward_accuracy(self) -> dict[str, Any]:
        """Share of held-out strict pairs that the reward model orders as others do."""
        if not self.learned:
            return {}
        held_out, found = self.split[1], audit(*self.learned, self.groups)
        right = pairs = 0.0
        for example, score in zip(held_out, self.held_out_scores(), strict=True):
            above = example.pair_targets() > 0.5
            right += float(((score[:, None] > score[None, :]) & above).sum())
            pairs += float(above.sum())
        return {
            "held_out_prompts": len(held_out),
            "collective_ranking": right / pairs if pairs else None,
            "ballots": found.overall.pairs,
            "annotators": {row.name: row.pairs for row in found.annotators if row.ballots},
            "groups": {row.name: row.pairs for row in found.groups},
        }

    # --- files ------------------------------------------------------------------------------------

    def _write_json(self, name: str, value: Any) -> None:
        with atomic_write(self.folder / name) as file:
            file.write((json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())

    def _write_lines(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        with atomic_write(self.folder / name) as file:
            for row in rows:
                file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())

    def _read_lines(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [
            json.loads(line) for line in text.split("\n") if line
        ]  # texts may hold other breaks

    def _write_model(self, folder: Path, model: Any, tokenizer: Any) -> None:
        beside = folder.with_suffix(".partial")
        shutil.rmtree(beside, ignore_errors=True)
        model.save_pretrained(beside)
        tokenizer.save_pretrained(beside)
        beside.rename(folder)


def start(
    path: str | Path,
    *,
    rule: str | None = None,
    out: str | Path | None = None,
    data_folder: str | Path | None = None,
) -> Pipeline:
    """Prepare a new run from a run file: read and check everything, write nothing.

    Parameters
    ----------
    path
        The run file.
    rule
        A rule to take instead of the file's own.
    out
        The run folder; by default ``runs/`` and the names of the file and the rule, with a number
        if that is taken.
    data_folder
        Where the data's paths start, instead of the run file's folder.
    """
    run = read(path, data_folder)
    if rule is not None:
        run = replace(run, rule={"name": rule})
    name = f"{Path(path).stem}-{run.rule.get('name', '')}"
    folder = Path(out) if out is not None else _free(Path("runs") / name)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; choose a folder for --out")
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(
            f"{folder} is not empty; choose another --out, or go on with --resume {folder}"
        )
    return Pipeline(run, folder)


def resume(folder: str | Path) -> Pipeline:
    """Prepare to go on with a run that was stopped."""
    config = Path(folder) / "config.toml"
    if not config.exists():
        raise FileNotFoundError(f"{folder} holds no config.toml, so there is no run to go on with")
    return Pipeline(read(config), folder)


def _use_one_thread() -> None:
    """A tiny model gains nothing from more threads, which on a busy machine wait for one another; and
    with one the numbers do not depend on how many cores there are."""
    import torch

    torch.set_num_threads(1)


def _free(folder: Path) -> Path:
    """The folder, or the first of ``folder-2``, ``folder-3``, ... that does not exist."""
    number, free = 1, folder
    while free.exists():
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free
