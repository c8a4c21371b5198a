"""What the commands take as rankings: several files, other names, other shapes."""

import json
from pathlib import Path

import pytest

from rlchf.jobs import runfile
from rlchf.jobs.inputs import read_inputs
from rlchf.jobs.settings import AggregateJob, RewardJob
from tests.support.cli import refused, rlchf
from tests.support.files import Write

HEAD = "question_id;user;answer;stars\n"
DAYS = [
    HEAD + "p;ann;a;1,5\np;ann;b;2,5\n",
    HEAD + "p;bob;a;1\np;bob;b;0,5\np;eve;a;3\np;eve;b;1\n",
]
COLUMNS = "prompt_id=question_id,annotator_id=user,response_id=answer,score=stars"


@pytest.fixture
def days(write: Write) -> list[Path]:
    return [write(f"day-{n}.csv", text) for n, text in enumerate(DAYS, start=1)]


def test_aggregate_and_audit_take_several_files_with_other_names(days: list[Path]) -> None:
    folder = days[0].parent
    out, people = folder / "out/aggregated.jsonl", folder / "out/people.csv"
    out.parent.mkdir()
    people.write_text("user;Weight;group\nann;1;x\nbob;0,5;y\neve;1;y\n")
    more = ("--columns", COLUMNS, "--annotators", people)
    done = rlchf("aggregate", *days, "--rule", "borda", "--out", out, *more)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(out.read_text())["scores"] == {"a": 1.5, "b": 1.0}
    for files in (days, [folder / "day-*.csv"]):
        done = rlchf("audit", *files, out, *more, "--group", "group", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["overall"]["ballots"] == 3


def test_errors_name_the_file_among_several(days: list[Path], write: Write) -> None:
    write("day-2.csv", DAYS[1] + "p;sam;a;x\n")
    message = refused(rlchf("aggregate", *days, "--columns", COLUMNS))
    assert "day-2.csv, row 6: the score is 'x'; give a number" in message
    message = refused(rlchf("aggregate", *days))
    assert f"day-1.csv: the columns {HEAD.strip().replace(';', ', ')} look like ours" in message
    assert f"--columns {COLUMNS} (higher is better" in message


def test_an_output_is_none_of_the_inputs(days: list[Path]) -> None:
    pattern = days[0].parent / "day-*.csv"
    message = refused(rlchf("aggregate", pattern, "--out", days[1], "--columns", COLUMNS))
    assert "day-2.csv is an input; choose another file to write to" in message
    assert days[1].read_text() == DAYS[1]
    assert "several files are standard input" in refused(rlchf("aggregate", "-", "-"))


def test_a_wide_table_is_read_by_the_option_that_its_refusal_names(write: Write) -> None:
    path = write("votes.csv", "prompt_id,annotator_id,A,B\np,ann,1,2\np,bob,1,2\np,eve,2,1\n")
    assert "--format wide_ranks (1 is best), wide_scores" in refused(rlchf("aggregate", path))
    done = rlchf("aggregate", path, "--format", "wide_ranks")
    assert json.loads(done.stdout)["ranking"] == [["A"], ["B"]]
    done = rlchf("aggregate", path, "--format", "wide_scores")
    assert json.loads(done.stdout)["ranking"] == [["B"], ["A"]]


def test_pairs_and_votes_of_an_arena_are_aggregated(write: Write) -> None:
    pairs = write("pairs.jsonl", '{"prompt": "Tea?", "chosen": "Yes.", "rejected": "No."}')
    done = rlchf("aggregate", pairs, "--rule", "copeland")
    assert json.loads(done.stdout)["ranking"] == [["Yes."], ["No."]]
    arena = write("games.csv", "model_a,model_b,winner\nx,y,model_b\ny,x,tie (bothbad)\n")
    done = rlchf("aggregate", arena, "--rule", "borda")
    assert json.loads(done.stdout) == {
        "prompt_id": "games", "rule": "borda", "ranking": [["y"], ["x"]],
        "scores": {"x": 0.5, "y": 1.5}, "ballots": 2,
    }  # fmt: skip


def test_a_reward_model_and_a_run_take_several_files(days: list[Path], write: Write) -> None:
    write("prompts.jsonl", '{"prompt_id": "p", "prompt": "Tea?"}')
    texts = [{"prompt_id": "p", "response_id": name, "text": name} for name in "ab"]
    write("responses.jsonl", "\n".join(map(json.dumps, texts)))
    folder = days[0].parent
    prompts, responses = (str(folder / f"{name}.jsonl") for name in ("prompts", "responses"))
    paths = tuple(map(str, days))
    job = RewardJob(
        rankings=paths, columns=COLUMNS, model="tiny", prompts=prompts, responses=responses
    )
    assert read_inputs(job).rankings.n_ballots == 3
    assert AggregateJob(rankings="a.csv").rankings == ("a.csv",)  # type: ignore[arg-type]
    toml = f"""
        [data]
        rankings = ["day-1.csv", "day-2.csv"]
        columns = "{COLUMNS}"
        prompts = "prompts.jsonl"
        responses = "responses.jsonl"
        [model]
        name = "tiny"
        """
    run = runfile.read(write("run.toml", toml))
    assert run.data.rankings == paths
    assert read_inputs(run.reward_job("tiny")).rankings.n_ballots == 3


@pytest.mark.slow
def test_a_reward_model_is_trained_on_several_files(days: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.support.reward_examples import tiny_backbone

    tiny_backbone(tmp_path / "base")
    lines = [
        f'{{"prompt_id": "p", "response_id": "{name}", "text": "{name} tea"}}' for name in "ab"
    ]
    (tmp_path / "responses.jsonl").write_text("\n".join(lines))
    (tmp_path / "prompts.jsonl").write_text('{"prompt_id": "p", "prompt": "Tea?"}')
    done = rlchf(
        "reward", *days, "--columns", COLUMNS, "--prompts", tmp_path / "prompts.jsonl", "--responses",
        tmp_path / "responses.jsonl", "--model", tmp_path / "base", "--out", tmp_path / "reward",
        "--held-out", 0, "--rule", "borda",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "reward/config.json").exists()
