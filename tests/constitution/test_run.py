"""A whole run of Constitutional AI on a tiny model, stopped and resumed."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from rlchf.constitution.principles import Principle
from rlchf.constitution.revising import Step
from rlchf.io.json import read_json, read_jsonl
from rlchf.jobs.constitution import pipeline
from rlchf.jobs.constitution.runfile import read_constitution_run
from rlchf.jobs.constitution.trajectory import stage_texts
from rlchf.simulate.judges import SimulatedJudge
from tests.support.cli import refused, rlchf
from tests.support.commands import program
from tests.support.processes import forked

ROOT = Path(__file__).parents[2]
SCENE = """
seed = 2
[constitution]
file = "principles.toml"
prompts = "prompts.jsonl"
helpful_prompts = "helpful.jsonl"
responses = "responses.jsonl"
judge = "tests.constitution.test_run:judge"
compare_by = ["plain"]
[model]
name = "tiny"
epochs = 1
[revise]
examples = "none"
rounds = 2
max_new_tokens = 8
[sft]
batch_size = 4
helpful_samples = 1
max_new_tokens = 8
[rule]
name = "borda"
[reward]
epochs = 1
held_out = 0.25
learn_from = "shares"
[ppo]
updates = 2
batch_size = 8
minibatch_size = 8
max_new_tokens = 8
[label]
name = "emoji"
test = "rlchf.simulate:has_emoji"
texts = 12
"""
PRINCIPLES = """
[[principles]]
name = "plain"
critique = "Name each emoji."
revision = "Leave out each emoji."
question = "Which is plainer?"
weight = 3
[[principles]]
name = "brief"
revision = "Be brief."
question = "Which is shorter?"
"""

judge = SimulatedJudge(
    {"plain": lambda text: -2.0 * (not text.isascii()), "brief": lambda text: -len(text) / 20},
    position_bias=0.1,
)


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight prompts of the emoji example, two of which ask for help only."""
    folder = tmp_path_factory.mktemp("scene")
    source = ROOT / "examples/emoji"
    prompts = (source / "prompts.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:8]
    (folder / "prompts.jsonl").write_text("".join(prompts[:6]), encoding="utf-8")
    (folder / "helpful.jsonl").write_text("".join(prompts[6:]), encoding="utf-8")
    ids = {json.loads(line)["prompt_id"] for line in prompts}
    responses = (source / "responses.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in responses if json.loads(line)["prompt_id"] in ids]
    (folder / "responses.jsonl").write_text("".join(kept), encoding="utf-8")
    (folder / "principles.toml").write_text(PRINCIPLES)
    (folder / "scene.toml").write_text(SCENE)
    return folder / "scene.toml"


def busy(questions: list[object]) -> list[float]:
    raise ValueError("the judge is busy")


def test_an_error_of_the_judge_says_how_the_run_goes_on(run_file: Path, tmp_path: Path) -> None:
    text = (
        SCENE.replace("test_run:judge", "test_run:busy").replace('"plain"]', "]").replace("]]", "]")
    )
    (tmp_path / "busy.toml").write_text(text[: text.index("[revise]")])
    out = tmp_path / "run"
    done = rlchf("run", tmp_path / "busy.toml", "--data", run_file.parent, "--out", out)
    assert done.returncode == 2
    assert "the judge is busy" in done.stderr
    assert f"go on with: rlchf run --resume {out}" in done.stderr
    assert "rlchf constitution judge" not in done.stderr


def test_share_targets_of_a_constitutions_run_are_those_of_its_second_stage(
    run_file: Path, tmp_path: Path
) -> None:
    text = SCENE + '[share_targets]\ntargets = "annotators"\n'
    (tmp_path / "shares.toml").write_text(text)
    work = pipeline.start(
        tmp_path / "shares.toml", data_folder=run_file.parent, out=tmp_path / "run"
    )
    inner = work.run.inner(work.files, "tiny")
    assert inner.share_targets == work.run.share_targets
    assert inner.share_targets is not None
    (tmp_path / "shares.toml").write_text(
        text.replace("[ppo]\nupdates = 2", "[ppo]\nkl_coef = 0.0")
    )
    with pytest.raises(ValueError, match="kl_coef is 0"):
        pipeline.start(tmp_path / "shares.toml", data_folder=run_file.parent, out=tmp_path / "run")


@pytest.fixture(scope="module")
def whole(run_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing stopped."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    pipeline.start(run_file, out=folder)()
    return folder


@pytest.mark.slow
def test_a_run_leaves_both_stages_and_a_report(whole: Path) -> None:
    revisions = read_jsonl(whole / "revisions.jsonl")
    assert len(revisions) == 6 * 3  # a first response and two revisions to each prompt
    judgements = read_jsonl(whole / "judgements.jsonl")
    assert len(judgements) == 8 * 6 * 2  # six pairs of four responses, two principles
    assert {row["weight"] for row in judgements if row["annotator_id"] == "plain"} == {3}
    for name in ("sft", "policy"):
        AutoModelForCausalLM.from_pretrained(whole / name)
    assert AutoModelForSequenceClassification.from_pretrained(whole / "reward").num_labels == 1
    report = read_json(whole / "report.json")["constitution"]
    (bias,) = [one for one in report["position"] if one["name"] == "all"]
    assert abs(bias["bias"]["value"] - 0.1) < 1e-6
    stages = list(dict.fromkeys(row["stage"] for row in report["stages"]))
    assert stages == ["first response", "revision 1", "revision 2", "fine-tuned", "after PPO"]
    assert (whole / "constitution.html").stat().st_size > 0
    assert "[constitution]" in (whole / "config.toml").read_text()
    assert not list(whole.glob("*.partial"))


@pytest.mark.slow
def test_a_run_that_lost_its_last_stages_makes_them_again_with_equal_bytes(
    whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "again"
    shutil.copytree(whole, folder)
    for name in ("judgements.jsonl", "samples-after.jsonl", "report.json", "constitution.json"):
        (folder / name).unlink()
    for name in ("sft", "stages"):
        shutil.rmtree(folder / name)
    pipeline.resume(folder)()
    for name in ("judgements.jsonl", "samples-after.jsonl", "sft/model.safetensors"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    for stage in (whole / "stages").glob("*.jsonl"):
        assert (folder / "stages" / stage.name).read_bytes() == stage.read_bytes(), stage.name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_without_a_comparison_every_stage_is_still_measured(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "measured"
    shutil.copytree(whole, folder)
    for name in ("report.json", "constitution.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "stages")
    config = (folder / "config.toml").read_text()
    start, end = config.index("compare_by = ["), config.index("]", config.index("compare_by = ["))
    (folder / "config.toml").write_text(f"{config[:start]}compare_by = [{config[end:]}")
    pipeline.resume(folder)()
    report = read_json(folder / "report.json")["constitution"]
    stages = ["first response", "revision 1", "revision 2", "fine-tuned", "after PPO"]
    assert [row["name"] for row in report["evasiveness"]][1:] == stages
    assert {row["measure"] for row in report["stages"]} == {"refusals", "I don't know", "words"}
    assert not list((folder / "stages").glob("*-judgements.jsonl"))


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_policy(
    run_file: Path, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    words = ["rlchf", "run", str(run_file), "--out", str(folder)]
    process = forked(program, words, ROOT, [os.devnull, os.devnull])
    while process.is_alive() and not (folder / "sft").exists():
        time.sleep(0.05)
    process.kill()
    process.join()
    assert not (folder / "constitution.json").exists()
    rlchf("run", "--resume", str(folder))
    for name in ("revisions.jsonl", "judgements.jsonl", "policy/model.safetensors"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


def test_the_stages_of_a_run_without_revisions_are_before_and_after_ppo() -> None:
    rows = [
        {"stage": "before", "prompt": "Hi", "response": "Hello!"},
        {"stage": "before", "prompt": "Hi", "response": "Second"},
        {"stage": "after", "prompt": "Hi", "response": "Hey."},
        {"stage": "after", "prompt": "Unknown", "response": "Hey."},
    ]
    texts = stage_texts({"p": "Hi"}, [], rows, supervised=False)
    assert texts == {"before PPO": {"p": "Hello!"}, "after PPO": {"p": "Hey."}}
    dropped = [Step("other", 0, "", "", "Hello", True, "Hi")]
    assert stage_texts({"p": "Hi"}, dropped, [], supervised=True) == {}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('judge = "tests.constitution.test_run:judge"', "", "cannot judge; give"),
        ('responses = "responses.jsonl"', "", "learns from responses; give"),
        ('compare_by = ["plain"]', 'compare_by = ["plane"]', "'plane'; choose from plain, brief"),
        ('"helpful.jsonl"', '"prompts.jsonl"', "give it another prompt_id"),
        ("[revise]", "[revize]", "revize"),
        ('prompts = "prompts.jsonl"', 'prompts = "none.jsonl"', "none.jsonl"),
        ('file = "principles.toml"', 'file = "missing.toml"', "missing.toml"),
        ('name = "borda"', 'name = "bordaa"', "did you mean borda"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    run_file: Path, tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in SCENE
    path = run_file.with_name("wrong.toml")
    path.write_text(SCENE.replace(old, new, 1))
    out = tmp_path / "out"
    assert problem in refused(rlchf("run", str(path), "--out", str(out)))
    assert not out.exists()


@pytest.mark.parametrize(
    ("file", "line", "names"),
    [
        ("principles.toml", "", ("plain", "brief")),
        ("default", "", ("harmless", "helpful_without_evasion")),
        ("default", 'compare_by = ["kind"]', ("kind",)),
        ("default", "compare_by = []", ()),
    ],
)
def test_stages_are_compared_by_the_usual_principles_or_the_first_two(
    run_file: Path, file: str, line: str, names: tuple[str, ...]
) -> None:
    path = run_file.with_name("compare.toml")
    path.with_name("judging").mkdir(exist_ok=True)
    scene = SCENE.replace('compare_by = ["plain"]', line).replace("principles.toml", file)
    scene = scene.replace("tests.constitution.test_run:judge", "judging")
    path.write_text(scene.replace('examples = "none"', 'examples = "worked.toml"'))
    run = read_constitution_run(path)
    assert run.constitution.compare_by == names
    assert run.revise is not None
    assert run.revise.examples == str(path.with_name("worked.toml"))  # from the run file's folder
    assert run.constitution.judge == str(path.with_name("judging"))


@pytest.mark.parametrize(
    ("judge", "more", "problem"),
    [
        ("nowhere:judge", "", "judge is 'nowhere:judge', which names no function"),
        ("nobody", "", "unknown model 'nobody'; choose an existing folder"),
        ("openai:", "", "judge is 'openai:'; name the model"),
        ("openai:m", "", "OPENAI_API_KEY is not set"),
        (
            "rlchf.simulate:default_judge",
            "[judge]\nmethod = 'samples'",
            "method is for language models",
        ),
    ],
)
@pytest.mark.parametrize("of_one_principle", [False, True])
def test_a_judge_that_is_not_there_is_refused_before_anything_is_written(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judge: str, more: str,
    problem: str, of_one_principle: bool,
) -> None:  # fmt: skip
    if judge == "openai:m":
        pytest.importorskip("openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    scene, principles = SCENE, PRINCIPLES
    if of_one_principle:
        principles = principles.replace("weight = 3", f'judge = "{judge}"')
        scene = scene.replace("principles.toml", "own-judges.toml")
        run_file.with_name("own-judges.toml").write_text(principles)
    else:
        scene = scene.replace("tests.constitution.test_run:judge", judge)
    path, out = run_file.with_name("wrong-judge.toml"), tmp_path / "out"
    path.write_text(f"{scene}{more}\n")
    assert problem in refused(rlchf("run", str(path), "--out", str(out)))
    assert not out.exists()


def test_groups_are_for_people(run_file: Path) -> None:
    assert "no groups" in refused(rlchf("run", str(run_file), "--group", "source"))


def test_a_principle_may_be_only_a_question() -> None:
    assert Principle("brief", question="Which is shorter?").revision == ""
