"""TRL trains on our rewards: optional, for machines that have trl."""

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from rlchf.integrations.trl import reward
from rlchf.train.models.load import load_policy
from rlchf.train.ppo.rewards import Vote
from rlchf.train.ppo.sampling import sample_texts
from tests.support.tiny_models import TEXTS, tiny_classifier, tiny_llama, tiny_tokenizer

pytestmark = pytest.mark.slow

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")

PLAIN: dict[str, Any] = {
    "use_cpu": True, "bf16": False, "report_to": "none", "save_strategy": "no", "disable_tqdm": True,
    "per_device_train_batch_size": 8, "max_steps": 2, "gradient_checkpointing": False,
    "num_generations": 4, "max_completion_length": 8, "logging_steps": 1, "beta": 0.0,
    "learning_rate": 1e-2, "log_completions": False,
}  # fmt: skip
CHAT = (
    "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}: {% endif %}"
)


def vowels(prompts: list[Any], responses: list[str]) -> list[float]:
    return [float(sum(c in "aeiou" for c in text)) for text in responses]


def brief(prompts: list[Any], responses: list[str]) -> list[float]:
    return [-float(len(text)) for text in responses]


def rows(form: str) -> Any:
    prompts = TEXTS * 4
    if form == "chat":
        return datasets.Dataset.from_list(
            [{"prompt": [{"role": "user", "content": text}], "source": "test"} for text in prompts]
        )
    return datasets.Dataset.from_list([{"prompt": text, "source": "test"} for text in prompts])


@pytest.mark.parametrize("form", ["text", "chat"])
@pytest.mark.parametrize("algorithm", ["GRPO", "RLOO"])
def test_trl_trains_on_a_vote(algorithm: str, form: str, tmp_path: Path) -> None:
    """Of two functions and a reward model; the scores in TRL's table are those of the vote."""
    tokenizer = tiny_tokenizer()
    if form == "chat":
        tokenizer.chat_template = CHAT
    for part in (tiny_classifier(seed=4), tokenizer):
        part.save_pretrained(tmp_path / "reward")
    policy = tiny_llama(scale=1.0)
    before = policy.lm_head.weight.detach().clone()
    weights = [2.0, 1.0, 1.5]
    vote = reward(
        vowels, brief, tmp_path / "reward", combine="vote", rule="kemeny", weights=weights,
        num_generations=4, name="vote",
    )  # fmt: skip
    batches: list[tuple[list[Any], list[Any], list[float]]] = []
    score = type(vote).__call__

    class Watched(type(vote)):  # type: ignore[misc]
        def __call__(self, prompts: Any, completions: Any, *rest: Any, **given: Any) -> list[float]:
            scores = score(self, prompts, completions, *rest, **given)
            batches.append((prompts, completions, scores))
            return scores

    vote.__class__ = Watched
    trainer = getattr(trl, f"{algorithm}Trainer")(
        model=policy,
        reward_funcs=[vote, reward(brief)],
        args=getattr(trl, f"{algorithm}Config")(
            output_dir=str(tmp_path / "out"), reward_weights=[1.0, 0.0], **PLAIN
        ),
        train_dataset=rows(form),
        processing_class=tokenizer,
    )
    trainer.train()
    history = [line for line in trainer.state.log_history if "rewards/vote/mean" in line]
    assert len(history) == len(batches) == 2
    assert (policy.lm_head.weight - before).abs().max() > 1e-3
    model = vote._parts[str(tmp_path / "reward")]
    for line, (prompts, completions, scores) in zip(history, batches, strict=True):
        texts = [text if isinstance(text, str) else text[0]["content"] for text in completions]
        direct = Vote([vowels, brief, model], "kemeny", weights)
        direct.responses_per_prompt = 4
        assert scores == direct(prompts, texts).tolist()
        assert line["rewards/vote/std"] > 0.1
        assert line["rewards/brief/mean"] == pytest.approx(sum(brief(prompts, texts)) / 8)
        assert line["rewards/vote/brief/mean"] == pytest.approx(line["rewards/brief/mean"])
        for name in ("vowels", "brief", tmp_path / "reward"):
            assert 0 <= line[f"rewards/vote/{name}/agreement"] <= 1
    columns = trainer._logs["extra"]
    assert list(columns["vowels"]) == vowels([], texts)


def test_the_page_on_trainers_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "guide" / "training" / "trainers.md").read_text(
        encoding="utf-8"
    )
    code = page.partition("```py\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    tokenizer = tiny_tokenizer()
    for name, model in (
        ("policy", tiny_llama()),
        ("reward-north", tiny_classifier(seed=4)),
        ("reward-south", tiny_classifier("gpt2", seed=5)),
    ):
        model.save_pretrained(name)
        tokenizer.save_pretrained(name)
    Path("taste.py").write_text("def brief(prompts, texts):\n    return [-len(t) for t in texts]\n")
    lines = [json.dumps({"prompt_id": str(n), "prompt": text}) for n, text in enumerate(TEXTS)]
    Path("prompts.jsonl").write_text("\n".join(lines))
    plain = {name: value for name, value in PLAIN.items() if name != "num_generations"}
    monkeypatch.setattr(trl, "GRPOConfig", functools.partial(trl.GRPOConfig, **plain))
    namespace: dict[str, Any] = {}
    exec(compile(code, "docs/guide/training/trainers.md", "exec"), namespace)
    history = namespace["trainer"].state.log_history
    assert 0 <= history[0]["rewards/kemeny_vote/reward-north/agreement"] <= 1
    assert namespace["trainer"].state.global_step == 2


def has_e(text: str) -> bool:
    return "e" in text


def dislikes_e(prompts: list[Any], responses: list[str]) -> list[float]:
    return [2.0 * (not has_e(text)) + 0.05 * len(text) for text in responses]


@pytest.mark.parametrize("algorithm", ["GRPO", "RLOO"])
def test_share_targets_keep_the_share_in_trl_where_a_plain_sum_loses_it(
    algorithm: str, tmp_path: Path
) -> None:
    """A third of the texts have an e, the reward dislikes them, and two of five should have one."""
    tokenizer = tiny_tokenizer()
    for part in (tiny_llama(scale=1.0), tokenizer):
        part.save_pretrained(tmp_path / "policy")
    scaling = {"scale_rewards": "none"} if algorithm == "GRPO" else {}
    config = getattr(trl, f"{algorithm}Config")(
        output_dir=str(tmp_path / "out"),
        **PLAIN | {"beta": 0.2, "per_device_train_batch_size": 64, "num_generations": 8,
                   "max_steps": 40, "lr_scheduler_type": "constant"} | scaling,
    )  # fmt: skip
    samples = sample_texts(
        load_policy(tmp_path / "policy"), tokenizer, TEXTS, n_per_prompt=1024 // len(TEXTS),
        max_new_tokens=8, batch_size=64,
    )  # fmt: skip
    asked = [text for text in TEXTS for _ in range(1024 // len(TEXTS))]
    kept = reward(
        dislikes_e, combine="share_targets", targets={"e": 0.4}, labels={"e": has_e}, config=config
    ).fit(asked, samples)
    lost = reward(dislikes_e, combine="sum", config=config)
    shares = {}
    for name, of_trl in {"kept": kept, "lost": lost}.items():
        written: list[str] = []

        def watched(
            completions: list[str], of_trl: Any = of_trl, written: Any = written, **given: Any
        ) -> Any:
            written += completions
            return of_trl(completions=completions, **given)

        trainer = getattr(trl, f"{algorithm}Trainer")(
            model=str(tmp_path / "policy"), reward_funcs=watched, args=config, train_dataset=rows("text"),
            processing_class=tokenizer,
        )  # fmt: skip
        trainer.train()
        last = written[-20 * 64 :]
        shares[name] = sum(map(has_e, last)) / len(last)
    assert shares["kept"] == pytest.approx(0.4, abs=0.08)
    assert shares["lost"] < 0.1
