"""The command `rlchf ppo`: whole jobs and stopped ones."""

import importlib
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rlchf.cli.main import main
from rlchf.cli.settings import flag
from rlchf.jobs.ppo import run_ppo, settings
from rlchf.jobs.ppo_rewards import Rewards
from rlchf.jobs.settings import TINY, PPOJob
from rlchf.train.ppo.config import PPOConfig
from tests.support.cli import rlchf
from tests.support.ppo_jobs import (
    arguments,
    assert_same_policy,
    job_folder,
    on_two,
    policy_weights,
    tune,
)
from tests.support.ppo_runs import PROMPTS, SMALL, lines, vowels
from tests.support.processes import on_two_processes
from tests.support.tiny_models import tiny_classifier, tiny_llama, tiny_tokenizer

Run = Callable[..., object]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the small models, prompts and functions are, and the tests too."""
    yield from job_folder(tmp_path_factory.mktemp("ppo"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Do what the program does, and return its exit code; a run that goes on takes only what is given."""

    def call(*more: object) -> object:
        given = ["ppo", *map(str, more)] if "--resume" in more else arguments(*more)
        monkeypatch.setattr(sys, "argv", ["rlchf", *given])
        monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # to be put back
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code

    return call


def test_one_command_leaves_the_policy_and_its_figures(
    folder: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    more = ("--label", "short=tastes:short", "--plot")
    assert run("--reward", "tastes:vowels", "--out", out, *more) == 0
    said = capsys.readouterr().out
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoTokenizer.from_pretrained(out)
    trained = AutoModelForCausalLM.from_pretrained(out).state_dict()
    assert any(not torch.equal(trained[n], w) for n, w in tiny_llama().state_dict().items())
    rows, samples = lines(out / "metrics.jsonl"), lines(out / "samples.jsonl")
    assert [row["update"] for row in rows] == [1, 2, 3]
    assert {row["update"] for row in samples} == {1, 2}
    for row in samples:
        assert row["score"] == vowels([], [row["response"]])[0]
    assert all(0 <= row["short"] <= 1 for row in rows)
    assert (out / "metrics.png").read_bytes().startswith(b"\x89PNG")
    assert "short share" in said
    assert f"{rows[-1]['reward_mean']:.3g}" in said
    config = json.loads((out / "ppo_config.json").read_text())
    assert (config["learning_rate"], config["forward_size"]) == (SMALL["learning_rate"], 4)


def test_the_command_does_what_the_library_does(folder: Path, tmp_path: Path) -> None:
    from rlchf.train.ppo.loop import ppo

    tune(tmp_path / "command")
    library = tmp_path / "library"
    ppo(tiny_llama(), tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), library)
    assert_same_policy(tmp_path / "command", library)


def test_a_reward_model_reads_with_its_own_tokenizer(folder: Path, tmp_path: Path) -> None:
    from rlchf.train.reward.model import RewardModel

    tune(tmp_path / "out", reward=("reward",))
    rows = lines(tmp_path / "out" / "samples.jsonl")
    expected = RewardModel.load(folder / "reward")(
        [row["prompt"] for row in rows], [row["response"] for row in rows]
    )
    assert [row["score"] for row in rows] == pytest.approx(expected.tolist(), abs=1e-5)


def test_what_a_reward_model_did_not_read_is_told(folder: Path, tmp_path: Path) -> None:
    brief = tmp_path / "brief"
    brief.mkdir()
    for file in (folder / "reward").iterdir():
        (brief / file.name).write_bytes(file.read_bytes())
    (brief / "reward_config.json").write_text('{"max_length": 4}')
    with pytest.warns(UserWarning, match=r"texts were longer than the reward model .*brief reads"):
        tune(tmp_path / "out", reward=(str(brief),))


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_weights(
    folder: Path,
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tastes = importlib.import_module("tastes")
    rewards = ("--reward", "tastes:stopped", "--reward", "tastes:brief", "--combine", "max_min")
    given, parts = (*rewards, "--updates", 6), ("--out", tmp_path / "parts")
    monkeypatch.setattr(tastes, "stop_at", 3)  # SIGTERM comes while update 3 is scored
    assert run(*given, *parts) == 143
    said = capsys.readouterr().err
    assert f"stopped; go on with: rlchf ppo --resume {tmp_path / 'parts'}" in said
    assert "Traceback" not in said
    metrics = tmp_path / "parts" / "metrics.jsonl"
    assert len(lines(metrics)) == 3
    monkeypatch.setattr(tastes, "stop_at", 0)
    assert run(*given, *parts) == 2
    assert "parts is there already; choose another folder" in capsys.readouterr().err
    resume = ("--resume", tmp_path / "parts")
    for name, value in (("option", "step=0.5"), ("label", "a=tastes:short"), ("seed", 1)):
        assert run(*resume, f"--{name}", value) == 2
        assert f"--resume reads {name} from the folder; leave it out" in capsys.readouterr().err
    assert run(*resume) == 0
    assert run(*given, "--out", tmp_path / "whole") == 0
    assert_same_policy(tmp_path / "parts", tmp_path / "whole")
    assert lines(metrics) == lines(tmp_path / "whole" / "metrics.jsonl")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reward", "message", "ranks"),
    [
        ("tastes:no", "reward is 'tastes:no', which names no function", {0, 1}),
        ("tastes:picky", "the second process has no server", {1}),  # the first knows nothing of it
    ],
)
def test_each_process_that_fails_says_so_once_under_its_rank(
    folder: Path, tmp_path: Path, reward: str, message: str, ranks: set[int]
) -> None:
    done = on_two("--reward", reward, "--out", tmp_path / "out")
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if message in line]
    said = [int(line[6]) if line.startswith("[rank ") else 0 for line in lines]
    assert len(said) == len(set(said)) > 0
    assert set(said) <= ranks  # torchrun stops the others when one has failed


@pytest.mark.slow
def test_two_processes_train_one_policy_and_only_one_speaks(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "two"
    done = on_two("--reward", "tastes:vowels", "--out", out, "--label", "short=tastes:short")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("policy:") == 1
    assert done.stderr.count("3 updates ...") == 1
    tune(tmp_path / "one", label={"short": "tastes:short"})
    one, two = policy_weights(tmp_path / "one"), policy_weights(out)
    for name, own in one.items():
        torch.testing.assert_close(two[name], own, atol=1e-4, rtol=0)
    ours, theirs = lines(tmp_path / "one" / "metrics.jsonl"), lines(out / "metrics.jsonl")
    assert [row["short"] for row in theirs] == pytest.approx([row["short"] for row in ours])


def tune_to_share_targets(out: Path) -> None:
    tune(
        out, label={"short": "tastes:short"}, combine="share_targets", targets="short=0.5",
        option={"samples": 32},
    )  # fmt: skip


@pytest.mark.slow
def test_two_processes_find_the_multipliers_and_count_the_shares_of_one(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "two"
    on_two_processes(tune_to_share_targets, out)
    tune_to_share_targets(tmp_path / "one")
    ours, theirs = lines(tmp_path / "one" / "metrics.jsonl"), lines(out / "metrics.jsonl")
    for name in ("share of short", "multiplier of short", "short"):
        assert [r[name] for r in theirs] == pytest.approx([r[name] for r in ours], abs=1e-4)
    one, two = policy_weights(tmp_path / "one"), policy_weights(out)
    for name, own in one.items():
        torch.testing.assert_close(two[name], own, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("options", "made"),
    [
        ({"combine": "sum", "weights": (0.7, -0.3)}, [0.7 * 4 + 0.3 * 4, 0.7 + 0.3 * 1]),
        ({"combine": "sum"}, [0.0, 0.0]),
        ({"combine": "gdpo", "weights": (2, 1)}, [0.7070, -0.7070]),
        ({"combine": "vote", "rule": "borda", "weights": (1, 2)}, [-0.5, 0.5]),
        ({"combine": "vote", "rule": "plurality", "weights": (2, 1)}, [0.5, -0.5]),
        ({"combine": "self_play", "weights": (3, 1)}, [0.75, 0.25]),
        ({"combine": "win_share", "weights": (3, 1)}, [1.0986, -1.0986]),
        ({"combine": "win_share", "weights": (9, 1), "options": {"floor": 0.25}}, [1.0986, -1.0986]),
        ({"combine": "population_proportional", "weights": (3, 1)}, [-0.2877, -1.3863]),
        ({"combine": "max_min"}, [0.0, 0.0]),
    ],
)  # fmt: skip
def test_several_rewards_become_the_one_that_is_named(
    folder: Path, options: dict[str, Any], made: list[float]
) -> None:
    rewards = Rewards(("tastes:vowels", "tastes:brief"), **options)  # 4 and 1 vowels, and letters
    rewards.check(responses_per_prompt=2)
    reward = rewards.combined(rewards.load())
    assert torch.as_tensor(reward(["p", "p"], ["aaaa", "a"])).tolist() == pytest.approx(
        made, abs=1e-4
    )


def test_of_a_vote_the_figures_tell_what_each_voter_thinks(folder: Path, tmp_path: Path) -> None:
    vote: dict[str, Any] = {
        "combine": "vote",
        "rule": "kemeny",
        "responses_per_prompt": 2,
        "plot": True,
    }
    two: dict[str, Any] = {
        "updates": 1,
        "batch_size": 4,
        "minibatch_size": 4,
    }  # so that all texts are samples
    tune(tmp_path / "out", reward=("tastes:vowels", "tastes:brief"), **vote | two)
    (row,), samples = (
        lines(tmp_path / "out" / "metrics.jsonl"),
        lines(tmp_path / "out" / "samples.jsonl"),
    )
    assert {sample["score"] for sample in samples} <= {-0.5, 0.0, 0.5}
    texts = [sample["response"] for sample in samples]
    assert len(texts) == 4
    assert row["reward of tastes:vowels"] == pytest.approx(sum(vowels([], texts)) / 4)
    assert row["reward of tastes:brief"] == pytest.approx(-sum(map(len, texts)) / 4)
    assert (tmp_path / "out" / "metrics.png").exists()


def test_a_folder_that_holds_something_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="is there already"):
        tune(tmp_path)
    with pytest.raises(ValueError, match="is a file; choose a folder"):
        tune(tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_run_that_never_saved_is_begun_again_without_asking(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="the reward of response 0 is nan"):
        tune(out, reward=("tastes:nothing",))
    assert (out / "job.json").exists()
    tune(out)
    assert (out / "config.json").exists()


def test_where_no_run_was_stopped_there_is_none_to_go_on_with(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    for name in ("nowhere", "empty", "other"):
        with pytest.raises(ValueError, match=f"{name} holds no run to go on with; give the --out"):
            tune(tmp_path / name, resume=True)
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "other"}


@pytest.mark.slow
def test_a_critic_starts_as_a_reward_model(folder: Path, tmp_path: Path) -> None:
    from rlchf.train.ppo.loop import ppo

    for reward in ("tastes:vowels", "alike"):  # in memory already, or not
        tune(tmp_path / reward, reward=(reward,), critic="alike")
    args = (tiny_tokenizer(), PROMPTS, vowels, PPOConfig(**SMALL), tmp_path / "library")
    ppo(tiny_llama(), *args, critic=tiny_classifier(seed=4))
    assert_same_policy(tmp_path / "tastes:vowels", tmp_path / "library")
    for name in ("tastes:vowels", "alike"):
        assert "trunk.norm.weight" in load_file(tmp_path / name / "critic.safetensors")
    with pytest.raises(ValueError, match="was run with critic 'alike' and cannot go on with ''"):
        tune(tmp_path / "alike", reward=("alike",), resume=True)


@pytest.mark.parametrize("rows", [0, 40], ids=["full", "with rows to spare"])
def test_a_critic_starts_as_one_fitted_from_a_policy_without_a_padding_token(
    rows: int, folder: Path, tmp_path: Path
) -> None:
    """As Llama 3 and GPT-2, whose vocabulary is full, and Qwen, which has rows to spare."""
    from rlchf.train.reward.backbone import load_backbone

    tokenizer = tiny_tokenizer(pad_is_eos=True)
    tokenizer.pad_token = None
    tiny_llama(len(tokenizer) + rows, pad_token_id=None).save_pretrained(tmp_path / "policy")
    tokenizer.save_pretrained(tmp_path / "policy")
    for part in load_backbone(tmp_path / "policy"):
        part.save_pretrained(tmp_path / "reward")
    tune(
        tmp_path / "out", policy=str(tmp_path / "policy"), reward=(str(tmp_path / "reward"),),
        critic=str(tmp_path / "reward"), updates=1,
    )  # fmt: skip
    assert len(lines(tmp_path / "out" / "metrics.jsonl")) == 1


def test_help_names_every_setting_once() -> None:
    help = rlchf("ppo", "--help").stdout
    for kind in (PPOJob, PPOConfig):
        for one in fields(kind):
            assert len(re.findall(rf"^ +(-\w, )?{flag(one.name)}[ ,]", help, re.M)) == 1, one.name
    assert "[default: 100]" in help
    assert "[default: (" not in help
    assert "--kl-coef, --beta" in help


def test_a_policy_that_goes_too_far_ends_with_a_sentence(
    folder: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--reward", "tastes:vowels", "--max-kl", 0.01, "--updates", 30)
    assert run(*more, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "the KL divergence is" in said
    assert "max_kl is 0.01" in said
    assert "Traceback" not in said
    assert not (tmp_path / "out" / "config.json").exists()


def test_settings_come_from_the_file_unless_they_are_given(write: Any) -> None:
    file = str(write("ppo.toml", 'learning_rate = 1\nkl_coef = 0.2\nstop_tokens = ["a"]\n'))
    found = settings({"kl_coef": 0.5}, file)
    assert (found.learning_rate, found.kl_coef, found.stop_tokens) == (1.0, 0.5, ("a",))
    run_file = str(write("run.toml", "seed = 3\n[model]\nname = 'tiny'\n[ppo]\nupdates = 7\n"))
    assert (settings({}, run_file).updates, settings({}, run_file).seed) == (7, 3)
    wrong = str(write("wrong.toml", "learning_rat = 1\n"))
    with pytest.raises(
        ValueError,
        match=r"wrong.toml: there is no setting 'learning_rat'; did you mean learning_rate",
    ):
        settings({}, wrong)


def test_a_policy_made_from_nothing_is_the_same_each_time(folder: Path, tmp_path: Path) -> None:
    job = PPOJob(policy=TINY, prompts="prompts.jsonl", reward=("tastes:vowels",))
    config = PPOConfig(**SMALL | {"updates": 1})
    for name in ("one", "two"):
        rows = run_ppo(job, config, tmp_path / name)
    assert [row["update"] for row in rows] == [1]
    assert_same_policy(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
def test_without_torch_help_is_there_and_work_says_what_to_install() -> None:
    code = "import sys; sys.modules['torch'] = None; from rlchf.cli.main import main; main()"
    start = [sys.executable, "-c", code, "ppo"]
    found = subprocess.run([*start, "--help"], capture_output=True, text=True, check=True)
    assert "--kl-coef" in found.stdout
    given = ["--policy", "p", "--reward", "r", "--prompts", "q", "--out", "o"]
    done = subprocess.run([*start, *given], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "PPO needs 'torch', which is not installed" in done.stderr
