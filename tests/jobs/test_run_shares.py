"""Share targets in a run file: where they come from, what is refused, and what the report says."""

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

pytest.importorskip("torch")

from rlchf.jobs import run as pipeline
from rlchf.plots.kept import kept_plot
from rlchf.report.shares import sentences
from rlchf.simulate import has_emoji
from rlchf.train.ppo.rewards import ShareTargets
from tests.support.emoji_runs import SETTINGS, small_emoji_run
from tests.support.ppo_runs import lines

SHARES: dict[str, Any] = {"targets": "annotators", "compare": "kemeny", "option": {"samples": 64}}
PPO = {"updates": 2, "kl_coef": 0.5, "advantages": "rloo", "responses_per_prompt": 4}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen prompts of the emoji example; those who enjoy emojis weigh twice as much in one column."""
    folder = tmp_path_factory.mktemp("data")
    small_emoji_run(folder)
    head, *rows = (folder / "annotators.csv").read_text().splitlines()
    tastes = [row + (",emoji,2" if row.endswith("enjoy") else ",plain,1") for row in rows]
    (folder / "weighted.csv").write_text("\n".join([f"{head},taste,weight", *tastes]) + "\n")
    return folder


def run_file(folder: Path, **changes: dict[str, Any]) -> Path:
    """A run file with share targets, of which sections are changed; an empty one is left out."""
    settings = tomllib.loads(SETTINGS)
    settings["share_targets"] = SHARES
    settings["ppo"] |= PPO
    for name, section in changes.items():
        kept = {} if name == "rule" else settings.get(name, {})
        settings[name] = kept | section if section else {}
    settings = {name: section for name, section in settings.items() if section != {}}
    path = folder / "run.toml"
    path.write_text(tomli_w.dumps(settings))
    return path


def start(files: Path, folder: Path, **changes: dict[str, Any]) -> pipeline.Pipeline:
    return pipeline.start(run_file(folder, **changes), data_folder=files, out=folder / "run")


def short(text: str) -> bool:
    return len(text) < 40


# -- where targets come from -----------------------------------------------------------------------


def test_targets_are_the_weight_of_the_annotators_whose_ballots_prefer_the_label(
    data: Path, tmp_path: Path
) -> None:
    work = start(data, tmp_path)
    assert work.shares.targets(work.result) == {"emoji": pytest.approx(0.4)}
    work = start(data, tmp_path, data={"annotators": "weighted.csv"})
    assert work.shares.targets(work.result) == {"emoji": pytest.approx(8 / 14)}


def test_targets_are_the_weight_by_a_column_of_the_annotators_file(
    data: Path, tmp_path: Path
) -> None:
    work = start(
        data,
        tmp_path,
        data={"annotators": "weighted.csv"},
        share_targets={"targets": "annotators:taste"},
    )
    assert work.shares.targets(work.result) == {"emoji": pytest.approx(8 / 14)}


def test_targets_are_the_rules_share_of_first_places(data: Path, tmp_path: Path) -> None:
    work = start(data, tmp_path, share_targets={"targets": "rule"})
    texts, counted = work.inputs.responses, 0.0
    for prompt in work.result.prompt_ids:
        first = work.result.ranking(prompt)[0]
        counted += sum(has_emoji(texts[prompt][response]) for response in first) / len(first)
    assert 0 < counted < 12
    assert work.shares.targets(work.result) == {"emoji": pytest.approx(counted / 12)}


def test_given_targets_order_the_labels_and_a_text_is_of_the_first(
    data: Path, tmp_path: Path
) -> None:
    more = {"targets": "short=0.2,emoji=0.3", "labels": {"short": f"{__name__}:short"}}
    work = start(data, tmp_path, share_targets=more)
    assert work.shares.targets(work.result) == {"short": 0.2, "emoji": 0.3}
    kinds = work.shares.kinds
    assert [kinds.of("Tea 🍵"), kinds.of("🍵" * 50), kinds.of("a" * 50)] == [
        "short",
        "emoji",
        "other",
    ]
    told = work.shares.objective(work.result)
    assert told["targets"] == "short=0.2,emoji=0.3"
    assert list(told["label"]) == ["short", "emoji"]


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ppo": {}}, r"\[share_targets\] is for the policy, and there is no \[ppo\]"),
        ({"label": {}}, r"\[share_targets\] needs labels"),
        ({"share_targets": {"targets": "people"}}, r"targets is 'people'; write shares such as"),
        ({"share_targets": {"targets": "short=0.4"}}, "the target has no label: 'short'"),
        (
            {"share_targets": {"targets": "emoji=1.4"}},
            r"targets are emoji=1\.4; each must be above 0",
        ),
        ({"share_targets": {"targets": "emoji=many"}}, "'emoji=many', which gives no share"),
        (
            {"share_targets": {"targets": "emoji=0.4", "labels": {"short": f"{__name__}:short"}}},
            "the label has no target: 'short'",
        ),
        ({"share_targets": {"targets": "annotators:taste"}}, "no column 'taste'"),
        (
            {"share_targets": {"targets": "annotators:group"}},
            "no annotator has 'emoji' in the column",
        ),
        (
            {"share_targets": {"option": {"sample": 3}}},
            r"option has no 'sample'; did you mean samples",
        ),
        ({"share_targets": {"target": "emoji=0.4"}}, "did you mean targets"),
        ({"share_targets": {"labels": {"emoji": "m:f"}}}, r"label 'emoji' is in \[label\] too"),
        ({"share_targets": {"labels": {"a=b": "m:f"}}}, "has a comma or =; choose another name"),
        (
            {"share_targets": {"compare": "kemmeny"}},
            r"\[share_targets\] compare: unknown rule 'kemmeny'; .*did you mean kemeny",
        ),
        ({"ppo": {"kl_coef": 0.0}}, "kl_coef is 0"),
        ({"ppo": {"reference": "uniform"}}, "reference is 'uniform'"),
        (
            {"rule": {"name": "kemeny"}, "share_targets": {"targets": "rule"}},
            "rule kemeny: no text in first place has the label emoji",
        ),
    ],
)
def test_share_targets_that_cannot_be_kept_are_refused_before_anything_is_written(
    data: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        start(data, tmp_path, **changes).aggregate()
    assert not (tmp_path / "run").exists()


# -- a whole run -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_with_share_targets_resumes_to_equal_bytes_and_reports_both_policies(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = start(data, tmp_path)
    whole()
    stopped = tmp_path / "stopped"
    shutil.copytree(
        whole.folder, stopped, ignore=shutil.ignore_patterns("policy", "*after.jsonl", "report*")
    )
    score, batches = ShareTargets.__call__, []

    def stops(self: ShareTargets, *given: Any) -> Any:
        batches.append(1)
        if len(batches) == 2:
            raise KeyboardInterrupt
        return score(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(ShareTargets, "__call__", stops)
        with pytest.raises(KeyboardInterrupt):
            pipeline.resume(stopped)()
    assert len(lines(stopped / "policy/metrics.jsonl")) == 1
    pipeline.resume(stopped)()
    same = (
        "aggregated.jsonl",
        "report.json",
        "shares.png",
        "samples.jsonl",
        "policy/model.safetensors",
    )
    for file in (*same, "compared/report.json", "compared/policy/model.safetensors"):
        assert (stopped / file).read_bytes() == (whole.folder / file).read_bytes(), file
    assert not (whole.folder / "compared/base").exists()

    report = json.loads((whole.folder / "report.json").read_text())
    assert report["targets"] == {"emoji": pytest.approx(0.4)}
    assert report["compared"]["rule"] == "kemeny"
    for rows in (report["shares"], report["compared"]["shares"]):
        assert [row["stage"] for row in rows[-2:]] == ["policy before PPO", "policy after PPO"]
        assert {row["label"] for row in rows} == {"emoji"}
    assert report["shares"][-2] == report["compared"]["shares"][-2]
    kept, alone = report["sentences"]
    share = f"{100 * report['shares'][-1]['share']:.0f} %"
    assert f"and {share} (" in kept
    assert kept.endswith("in the policy's texts; the target is 40 %.")
    assert alone.startswith("With kemeny and a KL penalty alone it is 40 % in the ballots, 0 % in")
    page = (whole.folder / "report.html").read_text()
    assert kept.replace("'", "&#39;") in page
    assert "share of emoji: ballots, perpetual_pav, share targets: 0.4 (" in page
    row = lines(whole.folder / "policy/metrics.jsonl")[-1]
    assert {"share of emoji", "multiplier of emoji", "emoji"} <= row.keys()


# -- in words and in a picture ---------------------------------------------------------------------


def two_kinds() -> dict[str, Any]:
    """What a report holds of two targets: both are met, and in the run beside it one kind is lost."""

    def row(label: str, stage: str, measure: str, share: float) -> dict[str, Any]:
        ends = {"low": share - 0.02, "high": share + 0.02}
        return {"label": label, "stage": stage, "measure": measure, "share": share, **ends}

    def rows(emoji: float, terse: float, rule: str) -> list[dict[str, Any]]:
        return [
            one
            for label, before, after in (("emoji", 0.3, emoji), ("terse", 0.2, terse))
            for one in (
                row(label, "ballots", "first places", before),
                row(label, f"aggregated ({rule})", "first places", before),
                row(label, f"aggregated ({rule})", "mixed pairs", 0.9),
                row(label, "policy after PPO", "texts", after),
            )
        ]

    return {
        "rule": "cpb",
        "targets": {"emoji": 0.3, "terse": 0.2},
        "shares": rows(0.31, 0.19, "cpb"),
        "compared": {"rule": "borda", "shares": rows(0.05, 0.02, "borda")},
    }


def test_each_of_several_kinds_has_its_sentences_of_first_places_and_texts() -> None:
    assert list(sentences(two_kinds()))[2:] == [
        "The share of terse is 20 % in the ballots, 20 % in the collective rankings and 19 % (17 to 21 %) "
        "in the policy's texts; the target is 20 %.",
        "With borda and a KL penalty alone it is 20 % in the ballots, 20 % in the collective rankings and "
        "2 % (0 to 4 %) in the policy's texts.",
    ]


def test_the_picture_has_a_panel_for_each_kind_and_says_what_it_shows() -> None:
    figure = kept_plot(two_kinds())
    assert [panel.get_ylabel() for panel in figure.axes] == ["share of emoji", "share of terse"]
    assert "terse, target 0.20, borda, KL penalty alone: ballots 0.20" in str(figure.get_label())
    assert "emoji, target 0.30, cpb, share targets: ballots 0.30" in str(figure.get_label())
