"""Scores of texts from stage to stage."""

import numpy as np
import pytest

from rlchf.constitution.stages import StageScore, StageTexts, stage_scores, stages_apart


def of(name: str, prompts: list[str], scores: list[float], text: str = "Yes.") -> StageTexts:
    return StageTexts(name, prompts, [text] * len(prompts), {"harmlessness": np.array(scores)})


def pick(rows: list[StageScore], measure: str, stage: str) -> StageScore:
    return next(row for row in rows if (row.measure, row.stage) == (measure, stage))


def test_differences_are_paired_by_prompt() -> None:
    rng = np.random.default_rng(0)
    base, prompts = rng.normal(0, 10, 50), [f"p{n}" for n in range(50)]
    later = base + rng.normal(0.5, 0.1, 50)
    order = rng.permutation(50)
    rows = stage_scores(
        [
            of("first", prompts, base.tolist()),
            of("ppo", [prompts[n] for n in order], later[order].tolist()),
        ]
    )
    change = pick(rows, "harmlessness", "ppo").change
    assert change is not None
    assert change.value == pytest.approx((later - base).mean())
    assert 0.4 < change.low < 0.5 < change.high < 0.6
    mean = pick(rows, "harmlessness", "ppo").mean
    assert mean.high - mean.low > 4
    assert pick(rows, "harmlessness", "first").change is None


def test_each_prompt_counts_once_and_only_shared_prompts_are_compared() -> None:
    first = of("first", ["p", "p", "q"], [1, 3, 5])
    later = of("later", ["p", "r"], [4, 100])
    rows = stage_scores([first, later], replicates=0)
    assert pick(rows, "harmlessness", "first").mean.value == 3.5
    change = pick(rows, "harmlessness", "later").change
    assert change is not None
    assert (change.value, change.drawn) == (2.0, 1)
    nothing = stage_scores([first, of("other", ["z"], [1])])
    change = pick(nothing, "harmlessness", "other").change
    assert change is not None
    assert np.isnan(change.value)


def test_evasion_and_length_are_measured_of_every_text() -> None:
    rows = stage_scores(
        [of("first", ["p"], [0], "Turn left."), of("sft", ["p"], [0], "I can't help with that.")]
    )
    assert pick(rows, "refusals", "sft").mean.value == 1
    assert pick(rows, "words", "sft").mean.value == 5
    assert pick(rows, "I don't know", "sft").mean.value == 0


def test_a_stage_without_a_score_has_no_row_of_it() -> None:
    bare = StageTexts("bare", ["p"], ["Yes."], {})
    rows = stage_scores([bare, of("sft", ["p"], [2])])
    assert [row.stage for row in rows if row.measure == "harmlessness"] == ["sft"]
    assert pick(rows, "harmlessness", "sft").change is None


def test_a_stage_about_other_prompts_stands_apart() -> None:
    rows = stage_scores(
        [of("first", ["p"], [0]), of("sft", ["p"], [1]), of("other", ["q"], [5])], replicates=0
    )
    assert stages_apart(rows) == ["other"]
