"""Comparisons with a probability: a split vote, in every file, rule, audit and training target."""

import json
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlchf
from rlchf import Rankings
from rlchf.evaluation import evaluate
from rlchf.io import read_rankings, write_rankings
from rlchf.preferences import examples
from rlchf.soft_labels import joined_weights

PRINCIPLES = ["harmless", "honest", "polite"]
Row = dict[str, Any]


def comparison(p: float, weight: float = 1.0, who: str = "harmless", prompt: str = "p") -> Row:
    """A comparison of a and b in which a is preferred with probability p."""
    chosen, rejected = ("a", "b") if p >= 0.5 else ("b", "a")
    return {
        "prompt_id": prompt,
        "annotator_id": who,
        "chosen": chosen,
        "rejected": rejected,
        "tie": p == 0.5,
        "weight": weight,
        "probability": max(p, 1 - p),
    }


def soft(probabilities: Sequence[float], weights: Sequence[float] | None = None) -> Rankings:
    """One prompt, a principle for each probability that a is better than b."""
    weights = weights or [1.0] * len(probabilities)
    return Rankings.from_frame(
        [
            comparison(p, w, f"principle-{i}")
            for i, (p, w) in enumerate(zip(probabilities, weights, strict=True))
        ]
    )


def same(one: Rankings, other: Rankings) -> bool:
    """Whether two rankings have the same ballots, to the last bit."""
    return (
        one.prompt_ids == other.prompt_ids
        and one.annotator_ids == other.annotator_ids
        and one.response_ids == other.response_ids
        and all(
            np.array_equal(getattr(one, name), getattr(other, name))
            for name in (
                "ballot_starts", "ballot_annotators", "ballot_weights", "ballot_counts",
                "entry_starts", "entry_responses", "entry_ranks",
            )
        )
    )  # fmt: skip


# --- the linear pool


def test_borda_scores_and_win_shares_are_the_linear_pool() -> None:
    rankings = soft([0.9, 0.3, 0.5], [2.0, 1.0, 1.0])
    pool = (2 * 0.9 + 1 * 0.3 + 1 * 0.5) / 4  # 0.65
    result = rlchf.aggregate(rankings, "borda")
    assert result.scores("p") == pytest.approx({"a": 4 * pool, "b": 4 * (1 - pool)})
    ((_, profiles),) = rankings.profiles()
    tied = 1.0 / 2  # a tie counts half for each side
    assert profiles.wins[0, 0, 1] / profiles.scale[0] + tied == pytest.approx(4 * pool)
    (example,) = examples(result, {"p": "Hi"}, {"p": {"a": "A", "b": "B"}}, ballots_of=rankings)
    assert example.ballots is not None
    assert example.ballots.shares()[0, 1] == pytest.approx(pool)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.01, 100.0)), min_size=1, max_size=8))
def test_the_share_of_any_soft_labels_is_their_weighted_mean(
    votes: list[tuple[float, float]],
) -> None:
    p, w = (np.array(column) for column in zip(*votes, strict=True))
    rankings = soft(p.tolist(), w.tolist())
    pool = float(w @ p / w.sum())
    scores = rlchf.aggregate(rankings, "borda").scores("p")
    assert scores["a"] / (scores["a"] + scores["b"]) == pytest.approx(pool, abs=1e-9)
    if abs(pool - 0.5) > 1e-9:
        better, worse = ("a", "b") if pool > 0.5 else ("b", "a")
        assert rlchf.aggregate(rankings, "kemeny").ranking("p") == [[better], [worse]]
    whole, _ = joined_weights(rankings.ballot_weights, rankings.ballot_counts)
    assert whole[~rankings.is_reverse].tolist() == w.tolist()  # w p + w (1 - p) is w, exactly


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.5, 1.0), st.floats(1e-3, 1e3)), min_size=1, max_size=8),
    st.floats(1e-3, 1e3),
)
def test_what_is_written_is_read_back_to_the_last_bit(
    votes: list[tuple[float, float]], factor: float
) -> None:
    p, w = (list(column) for column in zip(*votes, strict=True))
    rankings = soft(p, w)
    assert same(Rankings.from_frame(rankings.to_frame()), rankings)
    weighted = rankings.weighted({"principle-0": factor})
    assert same(Rankings.from_frame(weighted.to_frame()), weighted)


def test_a_cycle_of_soft_labels_ranks_by_its_margins() -> None:
    def row(chosen: str, rejected: str, p: float) -> Row:
        return {
            "prompt_id": "p", "annotator_id": "ann", "chosen": chosen, "rejected": rejected,
            "probability": p,
        }  # fmt: skip

    rows = [row("a", "b", 0.9), row("b", "c", 0.8), row("c", "a", 0.6)]
    result = rlchf.aggregate(Rankings.from_frame(rows), "kemeny")
    assert result.ranking("p") == [["a"], ["b"], ["c"]]
    # Four comparisons leave out a pair with the response, which counts half.
    assert rlchf.aggregate(Rankings.from_frame(rows), "borda").scores("p") == pytest.approx(
        {"a": 2 + 0.9 + 0.4, "b": 2 + 0.8 + 0.1, "c": 2 + 0.6 + 0.2}
    )


def test_one_principle_with_all_the_weight_is_that_principle_alone() -> None:
    rows = [
        comparison(p, weight, who, prompt)
        for who, weight, ps in [("harmless", 1.0, (0.8, 0.3)), ("honest", 0.0, (0.1, 0.9))]
        for prompt, p in zip("pq", ps, strict=True)
    ]
    together, alone = Rankings.from_frame(rows), Rankings.from_frame(rows[:2])
    for rule in ("borda", "kemeny", "copeland", "maximal_lottery", "perpetual_pav"):
        one, other = rlchf.aggregate(together, rule), rlchf.aggregate(alone, rule)
        assert one.response_scores.tolist() == other.response_scores.tolist(), rule


def test_a_random_dictator_draws_the_label_too() -> None:
    rows = [comparison(0.7, prompt=str(i)) for i in range(4000)]
    result = rlchf.aggregate(Rankings.from_frame(rows), "random_dictator", seed=1)
    share = np.mean([result.ranking(str(i))[0] == ["a"] for i in range(4000)])
    assert share == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("rule", ["perpetual_pav", "perpetual_equality", "perpetual_quota"])
def test_a_perpetual_rule_gives_a_minority_its_share_under_soft_labels(
    rule: str, exact: bool
) -> None:
    def wins(certainty: float) -> int:
        """Prompts on which the one in three who prefers a prevails."""
        votes = {"ann": certainty, "bob": 1 - certainty, "cid": 1 - certainty}
        rows = [comparison(p, 1.0, who, str(i)) for i in range(12) for who, p in votes.items()]
        result = rlchf.aggregate(Rankings.from_frame(rows), rule, exact=exact)
        return sum(result.ranking(str(i))[0] == ["a"] for i in range(12))

    assert wins(0.999) == wins(1.0) > 2


# --- counts


def test_a_soft_label_is_one_comparison_where_ballots_are_counted() -> None:
    rankings = soft([0.9, 0.3, 0.5])
    assert rlchf.aggregate(rankings, "borda").ballots.tolist() == [3]
    assert "3 ballots" in repr(rankings)
    assert "principle-1: b > a (probability 0.7)" in repr(rankings)
    audit = rlchf.audit(rankings, rlchf.aggregate(rankings, "borda"))
    assert [row.ballots for row in audit.annotators] == [1, 1, 1]


def test_the_agreement_of_a_principle_is_its_expected_agreement() -> None:
    rankings = soft([0.9, 0.9, 0.3])
    audit = rlchf.audit(rankings, rlchf.aggregate(rankings, "borda"))
    assert [row.pairs for row in audit.annotators] == pytest.approx([0.9, 0.9, 0.3])
    assert [row.weight for row in audit.annotators] == pytest.approx([1 / 3] * 3)
    accuracy = evaluate({"p": {"a": 1.0, "b": 0.0}}, rankings)
    assert accuracy.pairs.value == pytest.approx((0.9 + 0.9 + 0.3) / 3)
    assert accuracy.ballots == 3


def test_a_soft_label_is_no_repeat_and_two_of_them_are() -> None:
    rows = [comparison(0.9), comparison(0.8)]
    with pytest.raises(ValueError, match="1 repeated ballot"):
        Rankings.from_frame(rows)
    with pytest.warns(UserWarning, match="left out 1 repeated ballot"):
        rankings = Rankings.from_frame(rows, repeats="last")
    assert rankings.ballot_weights == pytest.approx([0.8, 0.2])


def test_anonymous_principles_stay_anonymous() -> None:
    rankings = Rankings.from_frame([comparison(0.9, who="anonymous:1")])
    assert rankings.anonymous == ["anonymous:1"]


# --- files


def test_labels_of_probability_1_give_the_bytes_of_a_file_without_the_column(
    tmp_path: Path,
) -> None:
    rows = [comparison(p, who=who) for who, p in zip(PRINCIPLES, (1.0, 0.0, 0.5), strict=True)]
    plain = [{k: v for k, v in row.items() if k != "probability"} for row in rows]
    outputs = []
    for name, table in (("soft", rows), ("hard", plain)):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in table))
        rankings = read_rankings(path)
        write_rankings(tmp_path / f"{name}.csv", rankings)
        rlchf.aggregate(rankings, "borda").write(tmp_path / f"{name}.out.jsonl")
        outputs.append([(tmp_path / f"{name}{end}").read_bytes() for end in (".csv", ".out.jsonl")])
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_every_kind_of_file_has_the_column(kind: str, tmp_path: Path) -> None:
    rows = [comparison(0.9), comparison(0.3, 2.0, "honest"), comparison(0.5, 1.0, "polite")]
    path = tmp_path / f"rankings.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    rankings = read_rankings(path)
    assert same(rankings, Rankings.from_frame(rows))
    back = tmp_path / f"back.{kind}"
    write_rankings(back, rankings)
    assert same(read_rankings(back), rankings)


def test_pairs_of_texts_have_the_column_too() -> None:
    row = {"prompt": "Tea?", "chosen": "Green.", "rejected": "No.", "probability": 0.75}
    rankings = Rankings.from_frame([row])
    assert rankings.ballot_weights.tolist() == [0.75, 0.25]


def test_a_file_with_the_column_joins_one_without(tmp_path: Path) -> None:
    (tmp_path / "ai.jsonl").write_text(json.dumps(comparison(0.8)) + "\n")
    (tmp_path / "human.jsonl").write_text(
        '{"prompt_id": "p", "annotator_id": "ann", "chosen": "b", "rejected": "a"}\n'
    )
    rankings = read_rankings([tmp_path / "ai.jsonl", tmp_path / "human.jsonl"])
    assert rankings.ballot_weights == pytest.approx([0.8, 0.2, 1.0])


@pytest.mark.parametrize(
    ("cell", "tie", "message"),
    [
        ("0.4", "false", "row 3: the probability is 0.4; give the probability .* from 0.5 "),
        ("1.01", "false", "row 3: the probability is 1.01; "),
        ("", "false", "row 3: the probability is empty; "),
        ("high", "false", "row 3: the probability is 'high'; "),
        ("nan", "false", "row 3: the probability is nan; "),
        ("0.9", "true", "row 3: tie is true and the probability is 0.9; that of a tie is 0.5"),
    ],
)
def test_a_bad_probability_is_refused_with_its_row(
    cell: str, tie: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "votes.csv"
    path.write_text(
        "prompt_id,annotator_id,chosen,rejected,tie,probability\n"
        f"p,ann,a,b,false,0.75\np,bob,a,b,{tie},{cell}\n"
    )
    with pytest.raises(ValueError, match=message):
        read_rankings(path)


def test_a_probability_beside_three_ranks_or_scores_is_refused() -> None:
    rows = [
        {"prompt_id": "p", "annotator_id": "ann", "response_id": r, "rank": k, "probability": 0.8}
        for k, r in enumerate("abc", start=1)
    ]
    with pytest.raises(
        ValueError, match=r"0.8 on a ballot of 3 responses; .* --columns probability="
    ):
        Rankings.from_frame(rows)
    assert Rankings.from_frame(rows, columns={"probability": ""}).n_ballots == 1
    scores = [{**row, "score": row["rank"]} for row in rows[:2]]
    scores = [{k: v for k, v in row.items() if k != "rank"} for row in scores]
    with pytest.raises(ValueError, match="there are scores and a probability"):
        Rankings.from_frame(scores)


# --- training


def test_the_margin_of_a_soft_label_is_its_expected_strength() -> None:
    rankings = Rankings.from_frame([comparison(0.75) | {"strength": 2.0}])
    result = rlchf.aggregate(rankings, "borda")
    texts = {"p": {"a": "A", "b": "B"}}
    (example,) = examples(result, {"p": "Hi"}, texts, ballots_of=rankings, margin_scale=1.0)
    assert example.margins is not None
    assert example.margins[0, 1] == pytest.approx(2.0 * (0.75 - 0.25))


def test_a_principle_approves_what_its_likelier_order_puts_first() -> None:
    rankings = soft([0.9, 0.8, 0.4])
    audit = rlchf.audit(rankings, rlchf.aggregate(rankings, "borda"))
    assert audit.approvals.without == ["principle-2"]
    assert audit.approvals.ballots == 3


@pytest.mark.parametrize("learn_from", ["shares", "ballots"])
def test_the_loss_of_a_training_step_is_the_cross_entropy_against_the_pool(learn_from: str) -> None:
    torch = pytest.importorskip("torch")
    from rlchf.train.reward.batch_loss import batch_weight, ranking_loss
    from rlchf.train.reward.collator import Collator, EncodedExamples
    from rlchf.train.reward.config import RewardConfig
    from rlchf.train.reward.targets import targets_of
    from tests.support.tiny_models import tiny_tokenizer

    rankings = soft([0.9, 0.3, 0.5], [2.0, 1.0, 1.0])
    pool, gap = 0.65, 0.7
    (example,) = examples(
        rlchf.aggregate(rankings, "borda"),
        {"p": "Hi"},
        {"p": {"a": "the dog", "b": "a girl"}},
        ballots_of=rankings,
    )
    config = RewardConfig(learn_from=learn_from)  # type: ignore[arg-type]
    data = EncodedExamples([example], tiny_tokenizer(), 64, partial(targets_of, config=config))
    batch = Collator(1)([data[0]])
    loss = ranking_loss(torch.tensor([[gap], [0.0]]), batch, config, batch_weight(batch))
    sigmoid = 1 / (1 + math.exp(-gap))
    cross_entropy = -pool * math.log(sigmoid) - (1 - pool) * math.log(1 - sigmoid)
    assert float(loss) == pytest.approx(cross_entropy, rel=1e-5)
