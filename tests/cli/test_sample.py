"""The command `rlchf sample`."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from rlchf.evaluation.diversity import diversity
from rlchf.io import read_responses
from rlchf.train.candidates import draws
from rlchf.train.models.tiny import tiny_llama
from rlchf.train.ppo.sampling import sample
from tests.support.cli import Done, refused, rlchf

PROMPTS: list[dict[str, Any]] = [
    {"prompt_id": "tea", "prompt": "Tea?"},
    {"prompt_id": "7", "prompt": "Please tell me in some detail how I boil an egg for a guest."},
    {"prompt_id": "chat", "prompt": [{"role": "user", "content": "How are you?"}]},
]


def small_model(seed: int = 0) -> tuple[Any, Any]:
    texts = [str(row["prompt"]) for row in PROMPTS]
    return tiny_llama(texts, vocab_size=300, hidden_size=32, max_length=4096, seed=seed)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "policy"
    for part in small_model():
        part.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROMPTS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(policy: object, *more: object) -> Done:
    return rlchf(
        "sample", "--policy", policy, "--prompts", "prompts.jsonl", "-n", 3, "--max-new-tokens", 6,
        "--batch-size", 2, *more,
    )  # fmt: skip


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that are drawn from now on."""
    sizes: list[int] = []

    def counting(policy: Any, tokenizer: Any, encoded: Any, *args: Any, **options: Any) -> Any:
        sizes.append(len(encoded))
        return sample(policy, tokenizer, encoded, *args, **options)

    monkeypatch.setattr(draws, "sample", counting)
    return sizes


def stops(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the user stop the command while it draws a batch."""
    done = 0

    def stopped(*args: Any, **options: Any) -> Any:
        nonlocal done
        done += 1
        if done > after:
            raise KeyboardInterrupt
        return sample(*args, **options)

    monkeypatch.setattr(draws, "sample", stopped)


def test_independent_draws_become_a_responses_file(policy: Path, folder: Path) -> None:
    done = run(policy, "--out", "responses.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (folder / "responses.jsonl").read_text().splitlines()]
    assert list(rows[0]) == ["prompt_id", "response_id", "text", "method"]
    responses = read_responses("responses.jsonl")
    assert list(responses) == ["tea", "7", "chat"]
    assert all(list(texts) == ["r1", "r2", "r3"] for texts in responses.values())
    figures = json.loads(done.stdout)
    assert figures["diversity"] == diversity(list(texts.values()) for texts in responses.values())
    assert (figures["responses"], figures["drawn"], figures["merged"]) == (9, 9, 0)
    assert "responses: 9 to 3 prompts; 0 of 9 (0%) were exact duplicates" in done.stderr
    assert f"diversity: {figures['diversity']:.3f}, the mean distance" in done.stderr
    assert "9 of 9 responses are cut off after 6 tokens" in done.stderr
    assert [path.name for path in folder.iterdir()].count("responses.jsonl.partial") == 0


def test_system_prompts_are_named_and_compared_with_independent_draws(
    policy: Path, folder: Path
) -> None:
    (folder / "system.jsonl").write_text(
        '{"name": "kind", "prompt": "Be kind."}\n{"name": "brief", "prompt": "Be brief."}\n'
    )
    done = run(
        policy, "--method", "system_prompts", "--system-prompts", "system.jsonl", "--baseline", 2,
        "--out", "responses.jsonl",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (folder / "responses.jsonl").read_text().splitlines()]
    assert {row["asked"] for row in rows} == {"kind", "brief"}
    assert {row["method"] for row in rows} == {"system_prompts"}
    assert "on the first 2 prompts" in done.stderr
    assert done.stdout == ""


def test_a_policy_that_does_not_follow_the_template(policy: Path, folder: Path) -> None:
    (folder / "template.txt").write_text("{n} answers to {prompt}\n")
    done = run(
        policy, "--method", "one_prompt", "--template", "template.txt", "--out", "responses.jsonl"
    )
    assert done.returncode == 0, done.stderr
    assert "did not give 3 different answers to 3 of 3 prompts in 3 attempts" in done.stderr
    assert all(len(texts) == 3 for texts in read_responses("responses.jsonl").values())


def test_a_tiny_policy_is_made_for_the_job(folder: Path) -> None:
    done = run("tiny", "--method", "one_prompt", "--out", "responses.jsonl")
    assert done.returncode == 0, done.stderr
    assert len(read_responses("responses.jsonl")) == 3


def test_prompts_with_one_response_are_named(policy: Path, folder: Path) -> None:
    done = run(policy, "--top-k", 1, "--out", "responses.jsonl", "--json")
    assert "3 of 3 prompts have fewer than two distinct responses" in done.stderr
    assert "'tea', '7', 'chat'; give --distinct" in done.stderr
    figures = json.loads(done.stdout)
    assert (figures["merged"], figures["merged_share"], figures["diversity"]) == (6, 6 / 9, 0)
    assert figures["alone"] == ["tea", "7", "chat"]


@pytest.mark.parametrize(
    ("method", "after"),
    [("independent", 0), ("independent", 3), ("system_prompts", 5), ("one_prompt", 2), ("one_prompt", 7)],
)  # fmt: skip
def test_a_stopped_run_goes_on_to_the_same_bytes(
    policy: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, method: str, after: int
) -> None:
    options = ("--method", method, "--distinct")
    with monkeypatch.context() as patched:
        batches = counted(patched)
        assert run(policy, *options, "--out", "whole.jsonl").returncode == 0
    with monkeypatch.context() as patched:
        stops(patched, after)
        done = run(policy, *options, "--out", "stopped.jsonl")
    assert done.returncode == 130
    assert "go on with: rlchf sample --resume stopped.jsonl" in done.stderr
    assert not (folder / "stopped.jsonl").exists()
    partial = folder / "stopped.jsonl.partial"
    assert len(partial.read_text().splitlines()) == 1 + after
    assert "holds a run that was stopped" in refused(run(policy, "--out", "stopped.jsonl"))
    with partial.open("a") as file:
        file.write('[[["independent", "te')  # as a power cut leaves it
    with monkeypatch.context() as patched:
        more = counted(patched)
        resumed = rlchf("sample", "--resume", "stopped.jsonl")
    assert resumed.returncode == 0, resumed.stderr
    assert (folder / "stopped.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()
    assert not partial.exists()
    assert len(more) == len(batches) - after, "what was drawn should not be drawn again"


def test_a_run_goes_on_with_the_same_inputs_only(
    policy: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        stops(patched, 1)
        run(policy, "--out", "responses.jsonl")
    message = refused(rlchf("sample", "--resume", "responses.jsonl", "-n", 5))
    assert "--resume reads responses_per_prompt from responses.jsonl.partial" in message
    before = (folder / "prompts.jsonl").read_text()
    (folder / "prompts.jsonl").write_text(before.replace("Tea?", "Coffee?"))
    done = rlchf("sample", "--resume", "responses.jsonl")
    assert done.returncode == 2
    assert (
        "the prompts or what is asked of them are not those with which the run began" in done.stderr
    )
    (folder / "prompts.jsonl").write_text(before)
    shutil.copytree(policy, folder / "policy")
    partial = folder / "responses.jsonl.partial"
    partial.write_text(partial.read_text().replace(json.dumps(str(policy)), '"policy"'))
    small_model(seed=1)[0].save_pretrained(folder / "policy")
    message = rlchf("sample", "--resume", "responses.jsonl").stderr
    assert "the policy's weights are not those with which the run began" in message
    shutil.copytree(policy, folder / "policy", dirs_exist_ok=True)
    assert rlchf("sample", "--resume", "responses.jsonl", "--batch-size", 3).returncode == 0
    assert len(read_responses("responses.jsonl")) == 3


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "out is missing: jsonl file for the responses"),
        (["--out", "r.csv"], "--out is 'r.csv'; give a file that ends in .jsonl"),
        (["--out", "-"], "give a file that ends in .jsonl"),
        (["--out", "prompts.jsonl"], "is there already, and rankings may refer to its responses"),
        (["--out", "none/r.jsonl"], "there is no folder 'none' to write to"),
        (["--out", "r.jsonl", "-n", 1], "responses_per_prompt is 1; it must be 2 or more"),
        (["--out", "r.jsonl", "--method", "both"], "'both' is not one of"),
        (["--out", "r.jsonl", "--top-p", 0], "top_p is 0.0; it must be above 0"),
        (
            ["--out", "r.jsonl", "--template", "prompts.jsonl"],
            "template is for --method one_prompt, and method is 'independent'",
        ),
        (
            ["--out", "r.jsonl", "--method", "one_prompt", "--template", "prompts.jsonl"],
            "prompts.jsonl has no {prompt} and no {n}",
        ),
        (
            ["--out", "r.jsonl", "--method", "system_prompts", "--system-prompts", "no.txt"],
            "no.txt: there is no such file",
        ),
        (["--resume", "r.jsonl"], "--resume reads policy from r.jsonl.partial; leave it out"),
    ],
)
def test_wrong_usage_is_one_sentence_and_writes_nothing(
    policy: Path, folder: Path, more: list[object], said: str
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert said in refused(run(policy, *more))
    assert sorted(path.name for path in folder.iterdir()) == before


def test_there_is_nothing_to_go_on_with(folder: Path) -> None:
    message = refused(rlchf("sample", "--resume", "responses.jsonl"))
    assert "there is no responses.jsonl.partial, and so no run to go on with" in message
    for text in ("", "x\n", "[]\n", '{"job": {}}\n'):
        (folder / "responses.jsonl.partial").write_text(text)
        message = refused(rlchf("sample", "--resume", "responses.jsonl"))
        assert "responses.jsonl.partial holds no run to go on with; remove it" in message
