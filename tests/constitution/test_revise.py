"""The command `rlchf constitution revise`, and the rounds behind it."""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from rlchf.constitution.principles import Principle
from rlchf.constitution.revising import INSTRUCTION, Example
from rlchf.io import read_responses
from rlchf.io.revisions import read_revisions
from rlchf.train.candidates import draws
from rlchf.train.constitution.revise_config import ReviseConfig
from rlchf.train.constitution.revising import Revised, revise
from rlchf.train.models.tiny import tiny_llama
from rlchf.train.ppo.responses import Rollout
from rlchf.train.ppo.sampling import sample
from tests.support.cli import Done, refused, rlchf
from tests.support.tiny_models import tiny_llama as random_llama
from tests.support.tiny_models import tiny_tokenizer

PROMPTS: dict[str, Any] = {
    "tea": "Tea?",
    "7": "Please tell me in some detail how I boil an egg for a guest.",
    "chat": [{"role": "system", "content": "Be a pirate."}, {"role": "user", "content": "How are you?"}],
}  # fmt: skip
CONSTITUTION = """
[[principles]]
name = "polite"
critique = "Is the last response polite?"
revision = "Write the response politely."

[[principles]]
name = "brief"
revision = "Write a shorter response."

[[principles]]
name = "judged only"
question = "Which is better?"
"""
PRINCIPLES = [
    Principle("polite", critique="Is it polite?", revision="Be polite."),
    Principle("kind", critique="Is it kind?", revision="Be kind."),
]
EXAMPLE = Example(
    "Who?", "You.", "Why is it bad?", "It is curt.", "Do better.", "It was you, I think."
)

CHATML = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
TEMPLATES = {
    "system": CHATML,
    "refuses": "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    + CHATML,
    "drops": CHATML.replace(
        "{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}"
    ),
    "none": None,
}


@pytest.fixture(scope="module")
def model() -> Any:
    return random_llama(max_position_embeddings=8192)


class Script:
    """Stands in for sampling: it notes what is asked and writes what a function says."""

    def __init__(self, write: Callable[[str], str]) -> None:
        self.write = write
        self.asked: list[str] = []

    def __call__(
        self,
        policy: Any,
        tokenizer: Any,
        encoded: Sequence[Sequence[int]],
        keys: Any,
        **options: Any,
    ) -> Rollout:
        ends = options["ends"]
        texts = [tokenizer.decode(list(row)) for row in encoded]
        self.asked += texts
        rows = [[*tokenizer(self.write(text))["input_ids"], ends[0]] for text in texts]
        return Rollout.of(encoded, rows, ends)


def revised(model: Any, template: str | None = CHATML, **options: Any) -> Revised:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    settings = {"rounds": 2, "max_new_tokens": 6, "batch_size": 2} | options.pop("settings", {})
    prompts = options.pop("prompts", PROMPTS)
    return revise(model, tokenizer, prompts, PRINCIPLES, ReviseConfig(**settings), **options)


def test_each_round_goes_on_from_the_revision_and_forgets_the_rest(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(lambda text: f"R{len(script.asked)}")
    monkeypatch.setattr(draws, "sample", script)
    steps = revised(model, prompts={"tea": "Tea?"}, examples=[EXAMPLE]).steps
    assert [step.revision for step in steps] == ["R1", "R3", "R5"]
    assert [step.critique for step in steps] == ["", "R2", "R4"]
    first, critique, revision, again, last = script.asked
    assert first == "<user>Tea?</s><assistant>"
    one, two = (next(p for p in PRINCIPLES if p.name == step.principle) for step in steps[1:])
    shown = "".join(
        f"<{turn['role']}>{turn['content']}</s>"
        for turn in [{"role": "system", "content": INSTRUCTION}, *EXAMPLE.turns()]
    )
    assert critique == (
        f"{shown}<user>Tea?</s><assistant>R1</s><user>{one.critique}</s><assistant>"
    )
    assert revision == (critique + f"R2</s><user>{one.revision}</s><assistant>")
    assert again == f"{shown}<user>Tea?</s><assistant>R3</s><user>{two.critique}</s><assistant>"
    assert last == again + f"R4</s><user>{two.revision}</s><assistant>"


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_instruction_is_read_with_every_template(
    name: str, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(lambda text: "Hello.\n\nHuman: And you?")
    monkeypatch.setattr(draws, "sample", script)
    with (
        pytest.warns(match="without system prompts")
        if name in ("refuses", "drops")
        else nullcontext()
    ):
        steps = revised(model, TEMPLATES[name], prompts={"tea": "Tea?"}).steps
    asked = script.asked[1]
    begin = {
        "system": f"<system>{INSTRUCTION}</s><user>Tea?",
        "refuses": f"<user>{INSTRUCTION}\n\nTea?",
        "drops": f"<user>{INSTRUCTION}\n\nTea?",
        "none": f"{INSTRUCTION}\n\nHuman:\nTea?\n\nAssistant:\nHello.\n\nHuman:\n",
    }
    assert asked.startswith(begin[name])
    assert asked.count(INSTRUCTION) == 1
    if name == "none":
        assert asked.endswith("\n\nAssistant:\n")
        assert {step.revision for step in steps} == {"Hello."}, "the other side's turn is cut off"
    else:
        assert {step.revision for step in steps} == {"Hello.\n\nHuman: And you?"}


def test_a_plain_text_ends_where_the_other_side_begins(model: Any) -> None:
    from rlchf.train.constitution.plain import in_turns

    tokenizer, config, turn_of = in_turns(tiny_tokenizer(), ReviseConfig())
    assert config.stop_tokens == ("\nHuman:",)
    assert turn_of(" Yes.\nHuman: why?") == "Yes."
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
    assert text == "Human:\nHi\n\nAssistant:\n"


def test_what_is_in_front_of_a_plain_text_stays_there() -> None:
    from tokenizers.processors import TemplateProcessing

    from rlchf.train.constitution.plain import with_template
    from rlchf.train.models.text import prompt_ids

    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )
    ids = prompt_ids(with_template(tokenizer), "Hi")
    assert ids.count(tokenizer.bos_token_id) == 1
    assert tokenizer.decode(ids) == "<s>Human:\nHi\n\nAssistant:\n"
    assert tokenizer.chat_template is None


def test_responses_depend_on_neither_batch_size_nor_other_prompts(model: Any) -> None:
    whole = revised(model, examples=[EXAMPLE])
    alone = revised(model, examples=[EXAMPLE], settings={"batch_size": 1})
    assert alone.steps == whole.steps
    assert len(whole.steps) == 3 * 3
    fewer = revised(model, examples=[EXAMPLE], prompts={"chat": PROMPTS["chat"], "tea": "Tea?"})
    assert fewer.steps == [s for p in ("chat", "tea") for s in whole.steps if s.prompt_id == p]
    others = revised(model, examples=[EXAMPLE], settings={"seed": 1})
    assert others.steps != whole.steps


def test_what_a_reader_should_know_is_counted(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(text: str) -> str:
        if re.search(r"Is it (polite|kind)\?</s><assistant>$", text):
            return " "
        return "" if "Egg" in text and "Be " in text.rpartition("<user>")[2] else "Yes."

    monkeypatch.setattr(draws, "sample", Script(write))
    one = revised(model, prompts={"tea": "Tea?", "egg": "Egg?"}, settings={"rounds": 3})
    assert (one.counts["critiques"], one.counts["empty_critiques"]) == (6, 6)
    assert (one.counts["revisions"], one.counts["empty_revisions"]) == (6, 3)
    assert one.counts["unchanged_revisions"] == 3
    assert [s.revision for s in one.steps if s.prompt_id == "egg"] == ["Yes.", "", "", ""]
    assert sum(one.principles.values()) == 6


def test_long_prompts_are_refused_or_left_out(model: Any) -> None:
    prompts = {"tea": "Tea?", "long": "word " * 8000}
    with pytest.raises(
        ValueError,
        match=r"prompt 'long' takes up to \d+ tokens with examples, response.*\(--no-examples\), or leave "
        r"long prompts out \(--long-prompts drop\)",
    ):
        revised(model, prompts=prompts)
    one = revised(model, prompts=prompts, settings={"long_prompts": "drop"})
    assert (one.dropped, {step.prompt_id for step in one.steps}) == (["long"], {"tea"})
    with pytest.raises(
        ValueError, match=r"lower --max-new-tokens, give fewer or no examples \(--no-examples\)$"
    ):
        revised(model, prompts={"long": prompts["long"]}, settings={"long_prompts": "drop"})


def test_a_text_that_is_longer_when_it_is_read_again_costs_examples(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(lambda text: "x" * 3000)  # more tokens than max_new_tokens
    monkeypatch.setattr(draws, "sample", script)
    one = revised(model, prompts={"tea": "Tea?"}, examples=[EXAMPLE] * 20, settings={"rounds": 1})
    assert one.counts["with_fewer_examples"] == 1
    assert 0 < script.asked[2].count("It is curt.") < 20


# --- the command


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "policy"
    texts = [str(prompt) for prompt in PROMPTS.values()]
    for part in tiny_llama(texts, vocab_size=300, hidden_size=32, max_length=8192):
        part.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rows = [{"prompt_id": p, "prompt": prompt} for p, prompt in PROMPTS.items()]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "mine.toml").write_text(CONSTITUTION)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(policy: object, *more: object) -> Done:
    return rlchf(
        "constitution", "revise", "--policy", policy, "--constitution", "mine.toml", "--prompts",
        "prompts.jsonl", "--rounds", 2, "--max-new-tokens", 6, "--batch-size", 2, *more,
    )  # fmt: skip


def test_every_step_is_kept_with_its_principle(policy: Path, folder: Path) -> None:
    table = "".join(f"{name} = {json.dumps(text)}\n" for name, text in vars(EXAMPLE).items())
    (folder / "e.toml").write_text(f"[[examples]]\n{table}")
    done = run(
        policy,
        "--examples",
        "e.toml",
        "--out",
        "r.jsonl",
        "--responses-out",
        "responses.jsonl",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()]
    assert list(rows[0]) == [
        "prompt_id", "round", "principle", "critique", "revision", "finished", "prompt",
    ]  # fmt: skip
    assert [(row["prompt_id"], row["round"]) for row in rows] == [
        (prompt_id, number) for prompt_id in PROMPTS for number in range(3)
    ]
    assert all(row["prompt"] == PROMPTS[row["prompt_id"]] for row in rows)
    assert {row["principle"] for row in rows if not row["round"]} == {""}
    assert {row["principle"] for row in rows if row["round"]} <= {"polite", "brief"}
    assert all(not row["critique"] for row in rows if row["principle"] != "polite")
    assert [vars(step) for step in read_revisions("r.jsonl")] == rows
    responses = read_responses("responses.jsonl")
    assert responses["tea"] == {f"round{n}": rows[n]["revision"] for n in range(3)}
    figures = json.loads(done.stdout)
    assert (figures["prompts"], figures["revisions"]) == (3, 6)
    assert figures["critiques"] == figures["principles"].get("polite", 0)
    assert "6 of 6 revisions are cut off after 6 tokens; raise --max-new-tokens" in done.stderr
    assert not (folder / "r.jsonl.partial").exists()


def test_first_responses_can_be_given(policy: Path, folder: Path) -> None:
    rows = [{"prompt_id": p, "response_id": "r1", "text": f"Answer to {p}. "} for p in PROMPTS]
    (folder / "first.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run(
        policy, "--responses", "first.jsonl", "--no-critique", "--no-examples", "--out", "r.jsonl"
    )
    assert done.returncode == 0, done.stderr
    steps = read_revisions("r.jsonl")
    assert [s.revision for s in steps if s.round == 0] == [f"Answer to {p}." for p in PROMPTS]
    assert {step.critique for step in steps} == {""}
    assert "0 critiques" in done.stderr
    (folder / "first.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:2]))
    message = refused(run(policy, "--responses", "first.jsonl", "--out", "q.jsonl"))
    assert "first.jsonl has no response to 1 of 3 prompts, such as 'chat'" in message
    more = [*rows, {"prompt_id": "7", "response_id": "r2", "text": "Another."}]
    (folder / "first.jsonl").write_text("".join(json.dumps(row) + "\n" for row in more))
    message = refused(run(policy, "--responses", "first.jsonl", "--out", "q.jsonl"))
    assert "first.jsonl has 2 responses to prompt '7'; give one to each prompt" in message


def test_own_examples_need_no_critiques_where_none_are_asked_for(
    policy: Path, folder: Path
) -> None:
    names = ("prompt", "response", "revision_request", "revision")
    lines = "".join(f"{name} = {json.dumps(getattr(EXAMPLE, name))}\n" for name in names)
    (folder / "e.toml").write_text(f"[[examples]]\n{lines}")
    message = refused(run(policy, "--examples", "e.toml", "--out", "r.jsonl"))
    assert "e.toml, example 1: critique_request, critique is missing" in message
    assert "(--no-critique)" in message
    done = run(policy, "--examples", "e.toml", "--no-critique", "--out", "r.jsonl")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_a_stopped_run_goes_on_to_the_same_bytes(
    policy: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    drawn = 0

    def counting(*args: Any, **options: Any) -> Any:
        nonlocal drawn
        drawn += 1
        if stop_after is not None and drawn > stop_after:
            raise KeyboardInterrupt
        return sample(*args, **options)

    monkeypatch.setattr(draws, "sample", counting)
    stop_after: int | None = None
    assert run(policy, "--no-examples", "--out", "whole.jsonl").returncode == 0
    batches, drawn, stop_after = drawn, 0, after
    done = run(policy, "--no-examples", "--out", "stopped.jsonl")
    assert done.returncode == 130
    assert "go on with: rlchf constitution revise --resume stopped.jsonl" in done.stderr
    assert not (folder / "stopped.jsonl").exists()
    assert "holds a run that was stopped" in refused(run(policy, "--out", "stopped.jsonl"))
    drawn, stop_after = 0, None
    resumed = rlchf("constitution", "revise", "--resume", "stopped.jsonl")
    assert resumed.returncode == 0, resumed.stderr
    assert (folder / "stopped.jsonl").read_bytes() == (folder / "whole.jsonl").read_bytes()
    assert drawn == batches - after, "what was drawn should not be drawn again"


def test_a_run_goes_on_with_the_same_inputs_only(
    policy: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    shutil.copy(folder / "mine.toml", folder / "other.toml")
    with monkeypatch.context() as patched:
        patched.setattr(draws, "sample", stopped)
        run(policy, "--no-examples", "--out", "r.jsonl")
    message = refused(rlchf("constitution", "revise", "--resume", "r.jsonl", "--rounds", 3))
    assert "--resume reads rounds from r.jsonl.partial" in message
    (folder / "mine.toml").write_text(CONSTITUTION.replace("politely", "kindly"))
    message = rlchf("constitution", "revise", "--resume", "r.jsonl").stderr
    assert "the prompts or what is asked of them are not those with which the run began" in message
    (folder / "mine.toml").write_text(CONSTITUTION)
    assert rlchf("constitution", "revise", "--resume", "r.jsonl", "--batch-size", 3).returncode == 0
    message = refused(rlchf("constitution", "revise", "--resume", "r.jsonl"))
    assert "r.jsonl is complete: there is no r.jsonl.partial, and so nothing to go on" in message


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "out is missing: jsonl file for all answers"),
        (["--out", "r.csv"], "--out is 'r.csv'; give a file that ends in .jsonl"),
        (["--out", "prompts.jsonl"], "prompts.jsonl is there already; choose another file"),
        (["--out", "r.jsonl", "--responses-out", "no/r.jsonl"], "there is no folder 'no'"),
        (["--out", "r.jsonl", "--rounds", 0], "rounds is 0; it must be 1 or more"),
        (
            ["--out", "r.jsonl", "--constitution", "judges.toml"],
            "no principle of the constitution has a rev",
        ),
        (["--out", "r.jsonl", "--constitution", "nothing"], "there is no constitution 'nothing'"),
        (["--out", "r.jsonl", "--prompts", "empty.jsonl"], "empty.jsonl: the file is empty"),
        (
            ["--out", "r.jsonl", "--examples", "mine.toml"],
            "mine.toml has no examples; begin each with",
        ),
        (["--out", "r.jsonl", "--examples", "no.toml"], "no.toml"),
        (["--out", "r.jsonl", "--examples", "e.toml", "--no-examples"], "give one of them"),
        (["--resume", "r.jsonl"], "--resume reads policy from r.jsonl.partial; leave it out"),
    ],
)
def test_wrong_usage_is_one_sentence_and_writes_nothing(
    policy: Path, folder: Path, more: list[object], said: str
) -> None:
    (folder / "judges.toml").write_text('[[principles]]\nname = "a"\nquestion = "Which?"\n')
    (folder / "empty.jsonl").write_text("")
    before = sorted(path.name for path in folder.iterdir())
    assert said in refused(run(policy, *more))
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_tiny_policy_is_made_for_the_job(folder: Path) -> None:
    done = run("tiny", "--no-examples", "--out", "r.jsonl")
    assert done.returncode == 0, done.stderr
    assert len(read_revisions("r.jsonl")) == 9
