"""A whole small run, stopped and resumed."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

pytest.importorskip("torch")

from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from rlchf.installing import pip_install
from rlchf.jobs import run as pipeline
from rlchf.jobs.aggregate import aggregate_rankings
from tests.support.cli import rlchf
from tests.support.emoji_runs import small_emoji_run
from tests.support.ppo_runs import lines

PROMPTS = 12


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The emoji example, cut down to a dozen prompts and a few steps."""
    return small_emoji_run(tmp_path_factory.mktemp("small"), PROMPTS)


@pytest.fixture(scope="module")
def whole(run_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    pipeline.start(run_file, out=folder)()
    return folder


@pytest.mark.slow
def test_a_run_leaves_the_promised_files(whole: Path) -> None:
    tables = "aggregated.jsonl", "audit.json", "metrics.jsonl", "samples.jsonl"
    for name in ("config.toml", *tables, "report.html"):
        assert (whole / name).stat().st_size > 0, name
    assert AutoModelForSequenceClassification.from_pretrained(whole / "reward").num_labels == 1
    AutoModelForCausalLM.from_pretrained(whole / "policy")
    assert len((whole / "aggregated.jsonl").read_text().splitlines()) == PROMPTS
    config = (whole / "config.toml").read_text()
    assert "seed = 3" in config
    assert "learning_rate" in config  # a default that the file left out
    assert not list(whole.glob("*.partial"))


@pytest.mark.slow
def test_a_run_reports_the_share_at_every_stage(whole: Path) -> None:
    report = json.loads((whole / "report.json").read_text())
    stages = [row["stage"] for row in report["shares"]]
    assert stages == [
        "ballots", "ballots", "aggregated (perpetual_pav)", "aggregated (perpetual_pav)",
        "reward model, held out", "reward model, held out", "policy before PPO", "policy after PPO",
    ]  # fmt: skip
    assert all(row["low"] <= row["share"] <= row["high"] for row in report["shares"])
    assert report["shares"][-1]["n"] == 24
    assert set(report["reward_accuracy"]["groups"]) == {"dislike", "enjoy"}
    samples = [json.loads(line) for line in (whole / "samples.jsonl").read_text().splitlines()]
    assert sum(row["stage"] == "after" for row in samples) == 24
    page = (whole / "report.html").read_text()
    assert page.count('class="chart"') > 8
    assert "policy after PPO" in page
    assert all(isinstance(row["score"], float) for row in samples)


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    run_file: Path, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stopped"
    command = [sys.executable, "-m", "rlchf", "run"]
    work = subprocess.Popen(
        [*command, run_file, "--out", folder], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 300
    metrics = folder / "policy/metrics.jsonl"
    while not (metrics.exists() and metrics.read_text()):
        assert work.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    work.send_signal(signal.SIGINT)
    _, said = work.communicate(timeout=120)
    assert work.returncode == 130
    assert f"rlchf run --resume {folder}" in said
    assert not (folder / "report.json").exists()

    assert rlchf("run", "--resume", folder).returncode == 0
    for name in ("aggregated.jsonl", "report.json", "samples.jsonl", "config.toml"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow
def test_a_finished_run_is_not_done_again(whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (whole / "policy").iterdir()}
    pipeline.resume(whole)()
    assert before == {path: path.stat().st_mtime_ns for path in (whole / "policy").iterdir()}


@pytest.mark.slow
def test_a_run_goes_on_with_what_its_config_has_been_changed_to(
    whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(whole, folder)
    (folder / "policy/config.json").unlink()  # as a run leaves it that is not finished
    config = tomllib.loads((folder / "config.toml").read_text())
    config["ppo"] |= {"kl_coef": 0.5, "learning_rate": 1e-6, "updates": 31}
    (folder / "config.toml").write_text(tomli_w.dumps(config))
    pipeline.resume(folder)()
    rows = [json.loads(line) for line in (folder / "policy/metrics.jsonl").read_text().splitlines()]
    assert [row["kl_coef"] for row in rows] == [0.05] * 30 + [0.5]


@pytest.mark.slow
def test_a_run_does_what_its_commands_do_one_by_one(
    run_file: Path, whole: Path, tmp_path: Path
) -> None:
    """`rlchf aggregate`, `audit`, `reward` and `ppo` leave the files of `rlchf run`."""
    data = {name: run_file.parent / name for name in ("rankings.csv", "annotators.csv")}
    prompts, responses = run_file.parent / "prompts.jsonl", run_file.parent / "responses.jsonl"
    rule = ("--rule", "perpetual_pav", "-o", "base=borda", "--seed", 3)
    done = rlchf("aggregate", data["rankings.csv"], *rule, "--out", tmp_path / "aggregated.jsonl")
    assert done.returncode == 0, done.stderr
    done = rlchf(
        "reward", data["rankings.csv"], "--prompts", prompts, "--responses", responses,
        "--annotators", data["annotators.csv"], "--group", "group", *rule,
        "--model", whole / "base", "--epochs", 1, "--held-out", 0.25, "--out", tmp_path / "reward",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = rlchf(
        "ppo", "--policy", whole / "base", "--reward", tmp_path / "reward", "--prompts", prompts,
        "--label", "emoji=rlchf.simulate:has_emoji", "--config", run_file,
        "--out", tmp_path / "policy",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = rlchf(
        "audit", data["rankings.csv"], tmp_path / "aggregated.jsonl", "--group", "group",
        "--annotators", data["annotators.csv"], "--out", tmp_path / "audit.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    same = ["aggregated.jsonl", "audit.json"]
    for folder, different in (("reward", set()), ("policy", {"job.json", "metrics.jsonl"})):
        names = {path.name for path in (whole / folder).iterdir() if path.is_file()}
        assert {path.name for path in (tmp_path / folder).iterdir() if path.is_file()} == names
        same += [f"{folder}/{name}" for name in sorted(names - different)]
    assert {"reward/model.safetensors", "policy/model.safetensors", "reward/evaluation.json"} <= {
        *same
    }
    for name in same:
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes(), name
    assert lines(tmp_path / "policy/metrics.jsonl") == lines(whole / "policy/metrics.jsonl")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('group = "group"', 'group = ["group", "nothing"]', "no column 'nothing'"),
        ('annotators = "annotators.csv"', "", "--group group needs an annotators file"),
        ('group = "group"', 'feature = "group"', "PPO has none; leave \\[ppo\\] out"),
        ("max_new_tokens = 12", 'max_new_tokens = 12\nstop_tokens = "!"', "write it as a list"),
        ("seed = 3", "seed = 3\nmodels = 1", "there is no setting 'models'; did you mean model"),
        ("held_out = 0.25", "held_outt = 0.25", "\\[reward\\] .*did you mean held_out"),
        ('group = "group"', "group = 3", r'\[data\] group is 3; write it as a list, \["3"\]'),
        ("held_out = 0.25", 'report_to = "tensorbord"', "no tracker 'tensorbord'; did you mean"),
        ("seed = 3", 'seed = "3"', r"run.toml: seed is '3'; it must be of type int"),
    ],
)
def test_a_run_file_that_cannot_work_is_refused(
    run_file: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = run_file.read_text()
    assert old in text
    (tmp_path / "run.toml").write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=message):
        pipeline.start(tmp_path / "run.toml", data_folder=run_file.parent, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_groups_of_the_command_line_come_before_those_of_the_run_file(run_file: Path) -> None:
    work = pipeline.start(run_file, group=("group",), out=run_file.parent / "other")
    assert work.run.data.group == ("group",)
    with pytest.raises(ValueError, match="no column 'nothing'"):
        pipeline.start(run_file, group=("nothing",), out=run_file.parent / "other")


def test_a_new_folder_is_named_after_the_file_and_the_rule_and_has_no_colon(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rule = "rlchf.rules.borda:borda"
    assert pipeline.start(run_file, rule="borda").folder == Path("runs/small-borda")
    assert pipeline.start(run_file, rule=rule).folder == Path("runs/small-rlchf.rules.borda.borda")
    (tmp_path / "runs/small-borda").mkdir(parents=True)
    assert pipeline.start(run_file, rule="borda").folder == Path("runs/small-borda-2")


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("rule = 1")
    with pytest.raises(ValueError, match=r"rule is 1; it must be a table, \[rule\]"):
        pipeline.start(tmp_path / "run.toml")


def test_a_run_that_could_not_be_reported_on_is_refused(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlchf.report.page.find_spec", lambda name: name != "altair")
    hint = re.escape(pip_install("report"))
    with pytest.raises(ValueError, match=f"a report needs altair, .* run {hint}"):
        pipeline.start(run_file, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_stopped_run_aggregates_once(
    run_file: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counted(*given: Any) -> Any:
        calls.append(1)
        return aggregate_rankings(*given)

    monkeypatch.setattr(pipeline, "aggregate_rankings", counted)
    folder = tmp_path / "again"
    shutil.copytree(whole, folder)
    for name in ("report.json", "report.html"):
        (folder / name).unlink()
    pipeline.resume(folder)()
    assert calls == []
    assert (folder / "report.json").read_bytes() == (whole / "report.json").read_bytes()
    work = pipeline.start(run_file, out=tmp_path / "anew")
    work.aggregate()
    work.aggregate()
    assert calls == [1]


@pytest.mark.slow
def test_the_texts_of_a_run_end_at_its_stop_tokens(whole: Path) -> None:
    from rlchf.train.models.load import load_policy, load_tokenizer
    from rlchf.train.ppo.sampling import sample_texts

    model = load_policy(whole / "base"), load_tokenizer(whole / "base")
    texts = sample_texts(*model, ["Hello."], n_per_prompt=8, max_new_tokens=20)
    token = next(t for t in model[1](texts[0], add_special_tokens=False)["input_ids"][2:])
    ended = sample_texts(*model, ["Hello."], n_per_prompt=8, max_new_tokens=20, stop_tokens=[token])
    assert ended[0] != texts[0]
    assert texts[0].startswith(ended[0])


def test_texts_before_and_after_ppo_obey_its_ends_and_lengths(
    run_file: Path, tmp_path: Path
) -> None:
    from rlchf.train.models.load import load_tokenizer
    from rlchf.train.models.text import prompt_ids

    settings = tomllib.loads(run_file.read_text())
    settings["ppo"] |= {"stop_tokens": ["e w", "a t"], "long_prompts": "drop", "temperature": 0.7}
    settings["ppo"] |= {"max_prompt_length": 9, "max_new_tokens": 24}
    changed = run_file.with_name("ends.toml")
    changed.write_text(tomli_w.dumps(settings))
    run = pipeline.start(changed, out=tmp_path / "run")
    run.folder.mkdir()
    base = run.base_policy()
    with pytest.warns(
        UserWarning, match=r"\d+ of 12 prompts are longer than 9 tokens, and are left"
    ):
        run.sample("before", base)
    rows = lines(run.folder / "samples-before.jsonl")
    tokenizer = load_tokenizer(base)
    assert max(len(prompt_ids(tokenizer, row["prompt"])) for row in rows) <= 9
    assert 24 <= len(rows) < 36
    assert len({row["prompt"] for row in rows}) < 12
    assert not [row for row in rows if "e w" in row["response"] or "a t" in row["response"]]
