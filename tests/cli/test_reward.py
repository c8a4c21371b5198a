"""The commands `rlchf reward`, `rlchf score` and `rlchf jury`: whole jobs, and what they refuse."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlchf
from tests.support.cli import refused
from tests.support.cli import rlchf as call
from tests.support.reward_examples import tiny_backbone

FILES = ("rankings.csv", "prompts.jsonl", "responses.jsonl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten people rank three responses to each of 20 prompts; six of them like foxes, four dogs."""
    folder = tmp_path_factory.mktemp("reward")
    rng = np.random.default_rng(0)
    texts = {"fox": "the quick fox", "dog": "the lazy dog", "time": "once upon a time"}
    rows, prompts, responses = ["prompt_id,annotator_id,response_id,rank"], [], []
    for p in range(20):
        prompts.append({"prompt_id": f"p{p}", "prompt": "Tell me of " + "the " * (p % 3) + "girl."})
        for name, text in texts.items():
            said = text + " and " + str(rng.choice(["jumps", "votes", "should"]))
            responses.append({"prompt_id": f"p{p}", "response_id": name, "text": said})
        for a in range(10):
            order = ("fox", "dog", "time") if a < 6 else ("dog", "fox", "time")
            rows += [f"p{p},a{a},{name},{place}" for place, name in enumerate(order, 1)]
    (folder / "rankings.csv").write_text("\n".join(rows) + "\n")
    write(folder / "prompts.jsonl", prompts)
    write(folder / "responses.jsonl", responses)
    people = [f"a{a},{'fox' if a < 6 else 'dog'}" for a in range(10)]
    (folder / "people.csv").write_text("\n".join(["annotator_id,likes", *people]) + "\n")
    tiny_backbone(folder / "base")
    return folder


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def job(folder: Path, out: Path, *more: object) -> list[object]:
    rankings, prompts, responses = (folder / name for name in FILES)
    return [
        rankings, "--prompts", prompts, "--responses", responses, "--model", folder / "base",
        "--out", out, "--learning-rate", 0.01, *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def fitted(folder: Path) -> Path:
    out = folder / "reward"
    people = ("--annotators", folder / "people.csv", "--group", "likes", "--unseen", 0.2)
    done = call("reward", *job(folder, out, *people, "--rule", "borda", "--epochs", 4))
    assert done.returncode == 0, done.stderr
    assert "annotators never seen" in done.stdout
    return out


def test_one_command_leaves_the_checkpoint_and_its_figures(fitted: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(fitted)
    assert model.config.num_labels == 1
    AutoTokenizer.from_pretrained(fitted)
    found = json.loads((fitted / "evaluation.json").read_text())
    assert found["prompts"] == 4  # a fifth of 20
    assert found["collective_pairs"]["value"] > 0.9
    groups = {row["name"]: row["value"] for row in found["contested_groups"]}
    assert groups["fox"] > 0.9  # the majority of those seen
    assert groups["fox"] + groups["dog"] == pytest.approx(1)  # they contest one pair only
    unseen = json.loads((fitted / "unseen_annotators" / "evaluation.json").read_text())
    people = {row["name"] for row in found["annotators"]}
    assert len(people) == 8
    assert not people & {row["name"] for row in unseen["annotators"]}
    assert not fitted.with_name("reward.partial").exists()


def test_the_collective_rankings_are_those_of_the_annotators_that_are_learned_from(
    folder: Path, fitted: Path
) -> None:
    people = json.loads((fitted / "evaluation.json").read_text())["annotators"]
    seen = {row["name"] for row in people}
    rows = (folder / "rankings.csv").read_text().splitlines()
    kept = [row for row in rows[1:] if row.split(",")[1] in seen]
    (folder / "seen.csv").write_text("\n".join([rows[0], *kept]) + "\n")
    expected = rlchf.aggregate(rlchf.read_rankings(folder / "seen.csv"), "borda", seed=0)
    expected.write(folder / "expected.jsonl")
    assert (fitted / "aggregated.jsonl").read_text() == (folder / "expected.jsonl").read_text()


def test_scores_of_the_command_are_those_of_the_library(folder: Path, fitted: Path) -> None:
    from rlchf.train.reward.model import RewardModel

    rows = [
        {"prompt": "Tell me of the girl.", "response": text, "note": n}
        for n, text in enumerate(["the quick fox", "once upon a time and votes", "the lazy dog"])
    ]
    write(folder / "texts.jsonl", rows)
    done = call("score", fitted, folder / "texts.jsonl")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [{k: v for k, v in row.items() if k != "score"} for row in found] == rows
    expected = RewardModel.load(fitted)(
        [str(r["prompt"]) for r in rows], [str(r["response"]) for r in rows]
    )
    np.testing.assert_allclose([row["score"] for row in found], expected, atol=1e-6)


def test_a_responses_file_is_scored_with_its_prompts_file(folder: Path, fitted: Path) -> None:
    texts, prompts = folder / "responses.jsonl", folder / "prompts.jsonl"
    out = folder / "scored.jsonl"
    done = call("score", fitted, texts, "--prompts", prompts, "--out", out)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 60
    held_out = [json.loads(line) for line in (fitted / "held_out.jsonl").read_text().splitlines()]
    scored = {(row["prompt_id"], row["response_id"]): row["score"] for row in rows}
    for line in held_out:
        for name, score in line["scores"].items():
            assert scored[line["prompt_id"], name] == pytest.approx(score, abs=1e-5)


def test_an_ensemble_says_how_far_its_heads_are_apart(folder: Path) -> None:
    out = folder / "ensemble"
    more = ("--ensemble", "3", "--epochs", 1, "--held-out", 0, "--json")
    done = call("reward", *job(folder, out, *more))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["figures"]["loss"] > 0
    line = json.dumps({"prompt": "Tell me.", "response": "the quick fox"})
    done = call("score", out, "-", stdin=line + "\n")
    assert json.loads(done.stdout)["spread"] > 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--epoch", "2"], "No such option: --epoch"),
        (["--ensemble", "two"], "Invalid value for '--ensemble'"),
        (["--loss", "bt"], "Invalid value for '--loss'"),
        (["--ensemble", "0"], "ensemble is 0; it must be 1 or more"),
        (
            ["--loss", "plackett_luce", "--learn-from", "shares"],
            "this loss learns from 'ranking' or 'ballots'",
        ),
        (["--rule", "kemny"], "did you mean kemeny?"),
        (["--atoms", 5], "atoms is 5 and head is 'scalar'; atoms are for head = 'categorical'"),
        (
            ["--early-stopping", 2, "--held-out", 0],
            "early_stopping needs held-out prompts; set held",
        ),
        (
            ["--group-dro-step", 0.1, "--learn-from", "ballots"],
            "group_dro_step needs groups; give group (--group), a column of the annotators file",
        ),
        (["--group", "likes"], "needs an annotators file"),
        (["--held-out", 0.99], "leaves none of the 20 prompts"),
        (["--model", "nowhere"], "unknown model 'nowhere'"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    folder: Path, tmp_path: Path, more: list[str], message: str
) -> None:
    done = call("reward", *job(folder, tmp_path / "out", *more))
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_is_left_alone(folder: Path, fitted: Path) -> None:
    before = (fitted / "model.safetensors").stat().st_mtime_ns
    done = call("reward", *job(folder, fitted))
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert (fitted / "model.safetensors").stat().st_mtime_ns == before


def test_lines_that_cannot_be_scored_are_named(folder: Path, fitted: Path) -> None:
    write(folder / "bad.jsonl", [{"prompt": "Hi", "response": "a"}, {"prompt": "Hi", "text": "b"}])
    done = call("score", fitted, folder / "bad.jsonl")
    assert done.returncode == 2
    assert "bad.jsonl, line 2: there is no key 'response'" in done.stderr


@pytest.mark.slow
def test_a_stopped_training_goes_on_from_its_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, people = tmp_path / "out", folder / "people.csv"
    more = ("--epochs", 2, "--seed", 1, "--group", "likes", "--annotators", people)

    @contextmanager
    def stopped(name: str, quiet: bool = False) -> Iterator[Callable[..., None]]:
        def tick(done: int, total: int, **facts: float) -> None:
            if name.startswith("reward model") and done > total // 2:
                raise KeyboardInterrupt

        yield tick

    with monkeypatch.context() as patch:
        patch.setattr("rlchf.jobs.reward.stage", stopped)
        done = call("reward", *job(folder, out, *more))
    assert done.returncode == 130
    assert f"stopped; go on with: rlchf reward --resume {out}" in done.stderr
    again = call("reward", *job(folder, out, *more))
    assert again.returncode == 2
    assert f"go on with --resume {out}" in again.stderr
    message = refused(call("reward", "--resume", out, "--epochs", 3))
    assert "--resume reads epochs from the folder; leave it out" in message
    resumed = call("reward", "--resume", out)
    assert resumed.returncode == 0, resumed.stderr
    whole = tmp_path / "whole"
    assert call("reward", *job(folder, whole, *more)).returncode == 0
    for name in ("model.safetensors", "evaluation.json", "reward_config.json", "job.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    done = call("reward", "--resume", out)
    assert f"the reward model in {out} is done" in done.stderr
    done = call("reward", "--resume", tmp_path / "nowhere")
    assert "holds no training to go on with" in done.stderr


def test_a_training_stopped_in_its_first_epoch_goes_on_with_the_same_rankings_only(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step is kept, and another ranking file under the same name is not learned from."""
    for name in FILES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    out, steps = tmp_path / "out", []
    given = [*job(tmp_path, out, "--epochs", 1, "--batch-size", 4)]
    given[given.index(tmp_path / "base")] = folder / "base"

    def stage_of(stop_at: int) -> Callable[..., Any]:
        @contextmanager
        def stage(name: str, quiet: bool = False) -> Iterator[Callable[..., None]]:
            def tick(done: int, total: int, **facts: float) -> None:
                steps.append(done)
                if name.startswith("reward model") and done == stop_at:
                    os.kill(os.getpid(), signal.SIGTERM)

            yield tick

        return stage

    with monkeypatch.context() as patch:
        patch.setattr("rlchf.jobs.reward.stage", stage_of(2))
        done = call("reward", *given)
    assert done.returncode == 143
    assert f"stopped; go on with: rlchf reward --resume {out}" in done.stderr
    rows = (tmp_path / "rankings.csv").read_text()
    header, *ballots = rows.splitlines()
    turned = [f"{row[:-1]}{4 - int(row[-1])}" for row in ballots]
    (tmp_path / "rankings.csv").write_text("\n".join([header, *turned]) + "\n")
    done = call("reward", "--resume", out)
    assert done.returncode == 2
    assert "are not those with which the training" in done.stderr
    (tmp_path / "rankings.csv").write_text(rows)
    steps.clear()
    with monkeypatch.context() as patch:
        patch.setattr("rlchf.jobs.reward.stage", stage_of(0))
        done = call("reward", "--resume", out)
    assert done.returncode == 0, done.stderr
    assert steps == [3, 4]


def test_what_is_missing_is_named(folder: Path, tmp_path: Path) -> None:
    done = call("reward", folder / "rankings.csv", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert (
        "prompts is missing: Prompts file, jsonl with prompt_id and prompt; see --help"
        in done.stderr
    )
    done = call("reward", *job(folder, tmp_path / "out")[:7])
    assert "out is missing" in done.stderr


@pytest.mark.slow
def test_a_model_conditioned_on_features_serves_both_groups_and_a_jury_decides(
    folder: Path,
) -> None:
    out = folder / "conditioned"
    people = ("--annotators", folder / "people.csv", "--feature", "likes", "--unseen", 0.4)
    done = call("reward", *job(folder, out, *people, "--epochs", 20, "--seed", 3))
    assert done.returncode == 0, done.stderr
    found = json.loads((out / "evaluation.json").read_text())
    for part in ("held_out", "unseen_annotators"):
        assert {row["pairs"]["value"] > 0.9 for row in found[part].values()} == {True}
    assert len(found["held_out"]) == 2
    assert found["calibration"][0]["annotators"] == 4
    done = call(
        "jury", out, "--prompts", folder / "prompts.jsonl", "--responses",
        folder / "responses.jsonl", "--annotators", folder / "people.csv", "--rule", "kemeny",
        "--ballots", folder / "jury.csv",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 20
    firsts = [line["ranking"][0] for line in lines]
    assert firsts.count(["fox"]) > 15  # six of ten
    assert rlchf.read_rankings(folder / "jury.csv").n_ballots == 200
    (folder / "line.jsonl").write_text('{"prompt": "Hi", "response": "fox"}\n')
    done = call("score", out, folder / "line.jsonl")
    assert done.returncode == 0
    assert (
        "was conditioned on annotator features, and scores these texts without any" in done.stderr
    )
    done = call(
        "jury", folder / "reward", *job(folder, out)[1:5], "--annotators", folder / "people.csv"
    )
    assert done.returncode == 2
    assert "no conditioning.json" in done.stderr
