"""`rlchf bench`: from a file to figures, from scores made elsewhere, stopped runs, refusals."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from rlchf.io.rewardbench2 import read_rewardbench2
from rlchf.jobs import bench
from rlchf.jobs.bench_settings import BenchJob
from rlchf.train.reward.model import RewardModel
from tests.support.cli import Done, refused, rlchf
from tests.support.rewardbench2 import bench_rows, write_rows
from tests.support.tiny_models import tiny_classifier, tiny_tokenizer


def run(*arguments: object, stdin: str = "") -> Done:
    return rlchf("bench", "rewardbench2", *arguments, stdin=stdin)


def perfect(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Scores that are 1 for each correct response and 0 for the others."""
    scores = [[1] * len(row["chosen"]) + [0] * len(row["rejected"]) for row in rows]
    return [
        {"id": row["id"], "subset": row["subset"], "scores": of_row}
        for row, of_row in zip(rows, scores, strict=True)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the benchmark, scores of it, and two tiny reward models."""
    folder = tmp_path_factory.mktemp("bench")
    write_rows(folder / "bench.jsonl", bench_rows())
    write_rows(folder / "perfect.jsonl", perfect(bench_rows()))
    tokenizer = tiny_tokenizer([row["prompt"] for row in bench_rows()])
    for name, outputs in (("unsure", 2), ("plain", 1)):
        tiny_classifier(num_labels=outputs, layers=1).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}<eos>{% endfor %}"
    settings = {"head": "mean_variance", "max_length": 16}
    (folder / "unsure" / "reward_config.json").write_text(json.dumps(settings))
    return folder


def figures(done: Done) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_a_reward_model_is_measured_and_its_scores_give_the_same_figures(
    folder: Path, tmp_path: Path
) -> None:
    """The scores are those of the reward model, and each one's subset is measured by them."""
    out = tmp_path / "out"
    file = folder / "bench.jsonl"
    of_model = figures(run(file, "--reward", folder / "plain", "--out", out, "--json"))
    assert of_model == json.loads((out / "figures.json").read_text())
    assert (of_model["prompts"], of_model["responses"]) == (24, 97)
    assert [one["prompts"] for one in of_model["subsets"]] == [4] * 6
    assert of_model["mean"]["prompts"] == 24
    of_scores = figures(run(file, "--scores", out / "scores.jsonl", "--json"))
    assert of_scores == {**of_model, "measured": str(out / "scores.jsonl")}
    rows = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    prompts = read_rewardbench2(file)
    model = RewardModel.load(folder / "plain")
    responses = [(one.prompt, text) for one in prompts for text in one.responses]
    expected = model([p for p, _ in responses], [r for _, r in responses]).tolist()
    flat = [score for row in rows for score in row["scores"]]
    assert flat == pytest.approx(expected, abs=1e-5)
    assert not (tmp_path / "out.partial").exists()


def test_a_model_with_a_spread_is_measured_and_what_it_cuts_is_counted(folder: Path) -> None:
    done = run(folder / "bench.jsonl", "--reward", folder / "unsure", "--json")
    assert figures(done)["mean"]["score"] is not None
    assert "of 97 responses are, with their prompts, longer than the 16 tokens" in done.stderr


def test_the_table_has_every_figure(folder: Path) -> None:
    done = run(folder / "bench.jsonl", "--scores", folder / "perfect.jsonl", "--bootstrap", 40)
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert rows[0] == "RewardBench 2 score 95 % interval prompts"
    assert rows[3:7:3] == ["Math 1.000 1.000 to 1.000 4", "Ties 1.010 1.010 to 1.010 4"]
    assert rows[11:] == [
        "margin score 1.000 1.000 to 1.000 2",
        "mean of the six subsets 1.002 1.002 to 1.002 24",
    ]
    part = run(folder / "bench.jsonl", "--scores", folder / "perfect.jsonl", "--subset", "ties")
    assert "1.010" in part.stdout
    assert "There is no mean, because not all six subsets are measured." in part.stdout
    assert "Math" not in part.stdout


def test_the_file_may_be_parquet_compressed_or_standard_input(folder: Path, tmp_path: Path) -> None:
    rows, scores = bench_rows(), ["--scores", folder / "perfect.jsonl", "--json", "--bootstrap", 0]
    text = (folder / "bench.jsonl").read_text()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "bench.parquet")
    with pa.CompressedOutputStream(str(tmp_path / "bench.jsonl.zst"), "zstd") as file:
        file.write(text.encode())
    expected = figures(run(folder / "bench.jsonl", *scores))
    for done in (
        run(tmp_path / "bench.parquet", *scores),
        run(tmp_path / "bench.jsonl.zst", *scores),
        run("-", *scores, stdin=text),
    ):
        assert figures(done) == expected


def test_scores_belong_to_prompts_by_id_and_may_be_columns_of_lists(
    folder: Path, tmp_path: Path
) -> None:
    """The reference implementation writes such columns, and each score as a list of one."""
    file, rows = folder / "bench.jsonl", perfect(bench_rows())[::-1]
    columns = {name: [row[name] for row in rows] for name in ("id", "subset")}
    columns["scores"] = [[[float(score)] for score in row["scores"]] for row in rows]
    path = tmp_path / "scores.json"
    path.write_text(json.dumps({**columns, "model": "ours"}, indent=1))
    expected = figures(run(file, "--scores", folder / "perfect.jsonl", "--json"))
    found = figures(run(file, "--scores", path, "--json"))
    assert found == {**expected, "measured": str(path)}
    more = write_rows(tmp_path / "more.jsonl", [*rows, {"id": "x", "scores": [1.0]}])
    assert "1 row of scores belong to no prompt" in run(file, "--scores", more).stderr


def test_a_prompt_may_be_chat_messages(folder: Path, tmp_path: Path) -> None:
    chat = [{**row, "prompt": [{"role": "user", "content": row["prompt"]}]} for row in bench_rows()]
    file = write_rows(tmp_path / "chat.jsonl", chat)
    options = ["--reward", folder / "plain", "--subset", "Math", "--out"]
    for name, path in (("text", folder / "bench.jsonl"), ("chat", file)):
        assert run(path, *options, tmp_path / name).returncode == 0
    texts = [(tmp_path / name / "scores.jsonl").read_text() for name in ("text", "chat")]
    assert texts[0] == texts[1]
    done = run(file, "--reward", folder / "unsure", "--out", tmp_path / "none")
    assert done.returncode == 2
    assert "the tokenizer has no chat template" in done.stderr
    assert not (tmp_path / "none.partial").exists()


def test_a_stopped_run_goes_on_to_the_same_scores(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "CHUNK", 4)
    job = BenchJob(file=str(folder / "bench.jsonl"), reward=str(folder / "unsure"))
    with pytest.warns(UserWarning, match="of 97 responses are, with") as cut:
        whole = bench.run_rewardbench2(job)
    inner, calls = bench._scores, iter(range(3))

    def stops(*arguments: Any) -> list[list[float]]:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return inner(*arguments)

    out = tmp_path / "out"
    monkeypatch.setattr(bench, "_scores", stops)
    with pytest.raises(KeyboardInterrupt):
        bench.run_rewardbench2(job, str(out))
    assert not out.exists()
    monkeypatch.setattr(bench, "_scores", inner)
    again = refused(run(job.file, "--reward", job.reward, "--out", out))
    assert f"go on with --resume {out}" in again
    other = refused(run("--resume", out, "--reward", folder / "plain"))
    assert "--resume reads reward from" in other
    done = run("--resume", out, "--bootstrap", 40, "--json")
    assert figures(done)["responses"] == 97
    rows = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    assert [row["scores"] for row in rows] == whole.scores
    assert str(cut[0].message) in done.stderr
    assert not (tmp_path / "out.partial").exists()
    assert "there is no" in refused(run("--resume", tmp_path / "none"))


def changed(row: int, **values: Any) -> list[dict[str, Any]]:
    """The rows with one of them changed; ... takes a key away."""
    rows = bench_rows()
    rows[row] |= values
    rows[row] = {name: value for name, value in rows[row].items() if value is not ...}
    return rows


def wrong_files() -> Iterator[tuple[list[dict[str, Any]], str]]:
    yield changed(1, prompt=...), "line 2: there is no key 'prompt' among id, chosen"
    yield changed(1, rejected=[], num_incorrect=None), "line 2: rejected has no response"
    yield changed(1, chosen="Honey."), "line 2: chosen is 'Honey.'; there should be a list"
    yield changed(1, chosen=[{"a": 1}]), "line 2: chosen 1: the text is"
    yield changed(1, num_correct=2), "line 2: num_correct is 2, and it should be 1"
    yield changed(20, id="7"), "line 21: the id '7' of the subset Ties is neither tied:N nor ref:N"
    yield changed(20, chosen=["Red."]), "line 21: the prompt 'tied:0' has one chosen response"
    yield changed(20, id="tied:1"), "the prompt 'tied:1' of Ties is there twice"
    yield bench_rows()[:22], "no tied prompt with its reference prompt"


@pytest.mark.parametrize(("rows", "problem"), wrong_files(), ids=range(9))
def test_rows_that_cannot_be_measured_are_refused(
    rows: list[dict[str, Any]], problem: str, folder: Path, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "wrong.jsonl", rows)
    found = refused(run(file, "--scores", folder / "perfect.jsonl"))
    assert f"{file}" in found
    assert problem in found


def test_wrong_scores_and_settings_are_refused(folder: Path, tmp_path: Path) -> None:
    file, scores = folder / "bench.jsonl", perfect(bench_rows())
    path = tmp_path / "scores.jsonl"
    for changes, problem in (
        ({"scores": [1, 0]}, "line 1: there are 2 scores and the prompt '0' has 4 responses"),
        ({"scores": [1, 0, 0, "high"]}, "line 1: a score is 'high'; there should be a number"),
        ({"scores": [float("nan"), 0, 0, 0]}, "line 1: a score is empty"),
        ({"id": "9"}, "there are no scores of the prompt '0' of Factuality"),
    ):
        write_rows(path, [{**scores[0], **changes}, *scores[1:]])
        assert problem in refused(run(file, "--scores", path)), problem
    csv = tmp_path / "scores.csv"
    csv.write_text("id,scores\n")
    assert "this is a csv file; give jsonl or Parquet" in refused(run(file, "--scores", csv))
    assert "give either --reward" in refused(run(file))
    assert "give either --reward" in refused(run(file, "--reward", "x", "--scores", "y"))
    assert "choose from Factuality" in refused(run(file, "--scores", path, "--subset", "Chat"))
    assert "unknown model 'nowhere'" in refused(run(file, "--reward", "nowhere"))
    assert "is there already" in refused(run(file, "--scores", path, "--out", folder))


def test_outside_of_ties_the_first_chosen_response_alone_is_correct(
    folder: Path, tmp_path: Path
) -> None:
    rows = changed(0, chosen=["Mercury.", "Venus."], num_correct=None, total_completions=None)
    file = write_rows(tmp_path / "several.jsonl", rows)
    scores = write_rows(tmp_path / "scores.jsonl", perfect(rows))
    done = run(file, "--scores", scores, "--subset", "Factuality", "--json")
    assert "1 prompt outside of Ties has several chosen responses" in done.stderr
    assert figures(done)["subsets"][0]["score"] == (1 / 2 + 3) / 4  # the second shares its score


def test_an_unknown_subset_is_measured_by_itself_with_a_warning(
    folder: Path, tmp_path: Path
) -> None:
    rows = changed(0, subset="Poetry")
    file = write_rows(tmp_path / "poetry.jsonl", rows)
    scores = write_rows(tmp_path / "scores.jsonl", perfect(rows))
    done = run(file, "--scores", scores, "--json")
    assert "'Poetry' is no subset of RewardBench 2" in done.stderr
    found = figures(done)
    assert [one["name"] for one in found["others"]] == ["Poetry"]
    assert found["mean"]["prompts"] == 23
