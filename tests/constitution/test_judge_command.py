"""The command `rlchf constitution judge`."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import rlchf as package
from rlchf.train.constitution.judge import LocalJudge
from rlchf.train.models.tiny import fit_supervised, tiny_llama
from tests.support.cli import refused, rlchf
from tests.support.judge_jobs import CONSTITUTION, PROMPTS, rows, run, write_inputs


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned to name an option, and no taste."""
    folder = tmp_path_factory.mktemp("models") / "judge"
    lm, tokenizer = tiny_llama(
        list(PROMPTS.values()), vocab_size=300, hidden_size=32, max_length=2048
    )
    pairs = [(text, f"The answer is: ({letter})") for text in PROMPTS.values() for letter in "AB"]
    fit_supervised(lm, tokenizer, pairs, epochs=30, learning_rate=1e-2)
    for part in (lm, tokenizer):
        part.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def stop(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the user stop the command while the judge answers a batch."""
    answer, done = LocalJudge.__call__, 0

    def stopped(self: LocalJudge, questions: Any) -> Any:
        nonlocal done
        done += 1
        if done > after:
            raise KeyboardInterrupt
        return answer(self, questions)

    monkeypatch.setattr(LocalJudge, "__call__", stopped)


def test_a_function_judges_and_its_rankings_are_read(folder: Path) -> None:
    done = run("judges_of_tests:shorter", "--json")
    assert done.returncode == 0, done.stderr
    assert (
        "to ask: 20 questions about 5 pairs of 3 prompts x 2 principles x 2 orders, with 10 distinct "
        "beginnings"
    ) in done.stderr
    assert (
        "judgements: 10 of 10 comparisons, 0 of them ties; 0 of 20 answers name no option"
        in done.stderr
    )
    assert json.loads(done.stdout) == {
        "out": "rankings.jsonl", "judge": "judges_of_tests:shorter", "method": "function", "prompts": 3,
        "pairs": 5, "principles": 2, "questions": 20, "comparisons": 10, "judgements": 10, "ties": 0,
        "left_out": 0, "one_order": 0, "answers": 20, "nonsense": 0, "position_bias": 0.0,
    }  # fmt: skip
    assert rows()[0] == {
        "prompt_id": "tea", "annotator_id": "kind", "chosen": "r2", "rejected": "r1", "tie": False,
        "weight": 2.0, "probability": 0.75, "method": "function", "shown_first": 0.25,
        "shown_second": 0.25, "cannot_tell": 0.0, "nonsense": 0,
    }  # fmt: skip
    rankings = package.read_rankings("rankings.jsonl")
    assert rankings.annotator_ids == ["kind", "brief"]
    assert package.aggregate(rankings, "borda").ranking("7") == [["r10"], ["r2"], ["r1"]]
    assert not Path("rankings.jsonl.partial").exists()


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--method", "samples", "--samples", 3, "--cannot-tell"],
        ["--method", "answer", "--orders", "one"],
        ["--chain-of-thought", "--max-new-tokens", 5, "--sample-one"],
    ],
)
def test_a_run_that_was_stopped_goes_on_to_equal_bytes(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, more: list[object]
) -> None:
    whole = run(model, *more, out="whole.jsonl")
    assert whole.returncode == 0, whole.stderr
    with monkeypatch.context() as patch:
        stop(patch, after=1)
        stopped = run(model, *more)
    assert stopped.returncode == 130
    assert "stopped; go on with: rlchf constitution judge --resume rankings.jsonl" in stopped.stderr
    assert not Path("rankings.jsonl").exists()
    partial = Path("rankings.jsonl.partial")
    partial.write_text(partial.read_text() + '[[["tea", "r1')  # a line that was cut off
    assert "holds a run that was stopped; go on with --resume" in refused(run(model, *more))
    done = rlchf("constitution", "judge", "--resume", "rankings.jsonl")
    assert done.returncode == 0, done.stderr
    assert Path("rankings.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
    assert not partial.exists()


@pytest.mark.parametrize(
    ("file", "change", "problem"),
    [
        (
            "prompts.jsonl",
            "Tea?",
            "prompts, responses or principles are not those with which the run",
        ),
        ("responses.jsonl", "No.", "prompts, responses or principles are not those"),
        ("three.toml", "kinder", "prompts, responses or principles are not those"),
        ("examples.jsonl", "Hello", "examples are not those with which the run began"),
    ],
)
def test_a_run_does_not_go_on_with_other_inputs(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, file: str, change: str, problem: str
) -> None:
    example = {"prompt": "Hi", "responses": ["Hello", "Go"], "question": "Kind?", "answer": "(A)"}
    Path("examples.jsonl").write_text(json.dumps(example))
    with monkeypatch.context() as patch:
        stop(patch, after=1)
        run(model, "--examples", "examples.jsonl")
    path = Path(file)
    before = path.read_text()
    path.write_text(before.replace(change, "Other"))
    resume = ["constitution", "judge", "--resume", "rankings.jsonl"]
    refusal = rlchf(*resume)
    assert refusal.returncode == 2
    assert problem in refusal.stderr
    path.write_text(before)
    assert rlchf(*resume).returncode == 0


def test_a_run_does_not_go_on_with_another_model(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = list(PROMPTS.values())
    for part in tiny_llama(texts, vocab_size=300, hidden_size=32, max_length=2048):
        part.save_pretrained("judge")
    with monkeypatch.context() as patch:
        stop(patch, after=1)
        run("judge")
    tiny_llama(texts, vocab_size=300, hidden_size=32, max_length=2048, seed=1)[0].save_pretrained(
        "judge"
    )
    done = rlchf("constitution", "judge", "--resume", "rankings.jsonl")
    assert done.returncode == 2
    assert "the judge's weights are not those with which the run began" in done.stderr


def test_the_batch_size_may_be_given_anew(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(model, out="whole.jsonl")
    with monkeypatch.context() as patch:
        stop(patch, after=2)
        run(model)
    done = rlchf("constitution", "judge", "--resume", "rankings.jsonl", "--batch-size", 16)
    assert done.returncode == 0, done.stderr
    for row, other in zip(rows(), rows("whole.jsonl"), strict=True):
        assert row["probability"] == pytest.approx(other["probability"], abs=1e-5)
    assert "--resume reads method from rankings.jsonl.partial; leave it out" in refused(
        rlchf("constitution", "judge", "--resume", "rankings.jsonl", "--method", "samples")
    )


def test_a_principle_names_a_judge_of_its_own(model: Path, folder: Path) -> None:
    Path("three.toml").write_text(
        CONSTITUTION.replace("shorter?\"", "shorter?\"\njudge = \"judges_of_tests:shorter\"")
    )  # fmt: skip
    done = run(model)
    assert done.returncode == 0, done.stderr
    methods = {row["annotator_id"]: row["method"] for row in rows()}
    assert methods == {"kind": "logprobs", "brief": "function"}
    assert {row["probability"] for row in rows() if row["annotator_id"] == "brief"} == {0.75}


def test_a_tiny_judge_needs_no_model(folder: Path) -> None:
    done = run("tiny", "--pairs", 1)
    assert done.returncode == 0, done.stderr
    assert [row["prompt_id"] for row in rows()] == ["tea", "tea", "7", "7", "chat", "chat"]


def test_nonsense_alone_is_refused_and_leaves_nothing(folder: Path) -> None:
    done = run("judges_of_tests:silent")
    assert done.returncode == 2
    assert "none of the judge's 20 answers to 20 questions names an option" in done.stderr
    assert [path.name for path in folder.glob("rankings*")] == []


@pytest.mark.parametrize(
    ("judge", "more", "problem"),
    [
        (
            "nobody",
            [],
            "unknown model 'nobody'; choose an existing folder, 'smollm2', or a model on the",
        ),
        ("nobody", [], "openai:MODEL for one behind an endpoint, or a function as module:function"),
        ("nowhere:shorter", [], "judge is 'nowhere:shorter', which names no function"),
        ("judges_of_tests:shorter", ["--method", "samples"], "method is for language models"),
        ("judges_of_tests:shorter", ["--cannot-tell"], "cannot_tell is for language models"),
        (
            "judges_of_tests:shorter",
            ["--retries", 1],
            "retries is for a judge behind an endpoint, and",
        ),
        ("openai:", [], "judge is 'openai:'; name the model, as in openai:gpt-4o-mini"),
        ("judges_of_tests:shorter", ["--pairs", "few"], "pairs is 'few'; give all, or the number"),
        ("judges_of_tests:shorter", ["--clamp", "0.9,1"], "clamp is '0.9,1'; give two numbers"),
        ("judges_of_tests:shorter", ["--constitution", "none"], "there is no constitution 'none'"),
        ("tiny", ["--examples", "prompts.jsonl"], "line 1: there is no key 'responses' among"),
    ],
)
def test_bad_input_is_refused(folder: Path, judge: str, more: list[object], problem: str) -> None:
    done = run(judge, *more)
    assert done.returncode == 2
    assert problem in done.stderr
    assert [path.name for path in folder.glob("rankings*")] == []


def test_a_file_of_judgements_is_not_overwritten(folder: Path) -> None:
    assert run("judges_of_tests:shorter").returncode == 0
    assert "rankings.jsonl is there already" in refused(run("judges_of_tests:shorter"))
    assert (
        "rankings.jsonl is complete: there is no rankings.jsonl.partial, and so nothing"
        in refused(rlchf("constitution", "judge", "--resume", "rankings.jsonl"))
    )
    assert "there is no other.jsonl.partial" in refused(
        rlchf("constitution", "judge", "--resume", "other.jsonl")
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"answer": "D"}, "examples.jsonl, line 1: answer is 'D'; give A, B or C"),
        ({"answer": "C"}, "example 1 has the answer 'C'; give one of A, B"),
        ({"responses": ["one"]}, "give two texts, those of (A) and (B)"),
        ({"question": ""}, "line 1: question is ''; give text"),
        ({"prompt": 7}, "line 1: the prompt is '7'; give text or chat messages"),
    ],
)
def test_wrong_examples_are_refused(folder: Path, change: dict[str, Any], problem: str) -> None:
    example = {"prompt": "Hi", "responses": ["Hello", "Go"], "question": "Kind?", "answer": "B"}
    Path("examples.jsonl").write_text(json.dumps(example | change))
    assert problem in refused(run("tiny", "--examples", "examples.jsonl"))
