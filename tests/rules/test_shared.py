"""One suite for all rules: what every rule must do, and that each equals its textbook definition."""

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlchf
from rlchf import Profiles, Rankings
from rlchf.numeric.arrays import to_numpy
from rlchf.rules import get_rule, is_across, list_rules
from rlchf.rules._parts import threads
from tests.oracles import textbook as oracles
from tests.oracles.textbook import Ballots, Blocks, as_blocks, blocks_of
from tests.support.profiles import Case, cases, random_cases, rule_parameters, scores_of, together

RULES = list(list_rules())
PER_PROMPT = [name for name in RULES if not is_across(get_rule(name))]
CLAIMS = {name: set(card.axioms) for name, card in list_rules().items()}


def is_neutral(name: str) -> bool:
    """Whether a rule is neutral on all elections, those with ties included."""
    return "neutrality" in CLAIMS[name] and "neutrality" not in list_rules()[name].scopes


SHARED = Path(oracles.__file__).parent

Oracle = Callable[[Ballots, int], Any]


def textbook(name: str) -> Oracle:
    """The definition of that name in tests/oracles/textbook.py or one of its sister files."""
    sisters = [file for file in sorted(SHARED.glob("[a-z]*.py")) if file.stem != "axioms"]
    for file in [SHARED / "textbook.py", *sisters]:
        module = importlib.import_module(f"tests.oracles.{file.stem}")
        if hasattr(module, name):
            definition: Oracle = getattr(module, name)
            return definition
    raise LookupError(
        f"write the definition of {name} in tests/oracles/textbook.py or a file beside it"
    )


def expected(name: str, case: Case) -> Blocks:
    """The textbook ranking; a definition gives scores or the ranking itself."""
    if name == "perpetual_pav":  # on a single prompt it is its base rule
        return [[i] for i in oracles.first_kemeny_order(case.ballots, case.m)]
    result = textbook(name)(case.ballots, case.m)
    if name == "ranked_pairs":
        return [[i] for i in result]
    return as_blocks(result)


def scores(name: str, case: Case) -> np.ndarray:
    return scores_of(name, [case])[0]


def ranking(name: str, case: Case) -> Blocks:
    return blocks_of(scores(name, case).tolist())


def test_the_rules_are_all_there() -> None:
    assert len(RULES) >= 55


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_a_rule_equals_its_textbook_definition_on_a_thousand_profiles(name: str) -> None:
    for m, count in ((2, 120), (3, 360), (4, 360), (5, 240)):
        batch = random_cases(100 * RULES.index(name) + m, count, m)
        for case, row in zip(batch, scores_of(name, batch), strict=True):
            assert blocks_of(row.tolist()) == expected(name, case), case


@pytest.mark.parametrize("name", ["borda", "copeland", "plurality", "schulze"])
def test_scores_are_those_of_the_textbook(name: str) -> None:
    for case in random_cases(7, 120, 4):
        known = [float(s) for s in getattr(oracles, name)(case.ballots, 4)]
        assert scores(name, case).tolist() == known


@pytest.mark.parametrize("name", rule_parameters(RULES))
@settings(max_examples=30, deadline=None)
@given(case=cases())
def test_any_shape_of_ballots_gives_the_textbook_ranking(name: str, case: Case) -> None:
    assert ranking(name, case) == expected(name, case)


@pytest.mark.parametrize("name", rule_parameters(RULES))
@settings(max_examples=30, deadline=None)
@given(case=cases(st.sampled_from([0.0, 2.0**-30, 1e-9, 0.1, 1.0, 3.0, 1e6, 2.0**50])))
def test_any_weights_give_finite_scores(name: str, case: Case) -> None:
    assert np.isfinite(scores(name, case)).all()


@pytest.mark.parametrize("name", rule_parameters(RULES))
def test_weight_two_is_two_ballots_and_weight_zero_none(name: str) -> None:
    weighted, repeated = [], []
    for case in random_cases(4, 120, 4):
        times = np.arange(len(case.weights)) % 3
        if not times.any():
            times += 1
        weighted.append(Case(case.ranks, times.astype(np.float64)))
        repeated.append(Case(np.repeat(case.ranks, times, axis=1), np.ones(times.sum())))
    for one, other in zip(scores_of(name, weighted), scores_of(name, repeated), strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("name", PER_PROMPT)
@pytest.mark.parametrize("m", [2, 3, *(pytest.param(m, marks=pytest.mark.slow) for m in (5, 8))])
def test_batching_and_the_order_of_prompts_change_nothing(name: str, m: int) -> None:
    batch = random_cases(5, 60, m)
    result = to_numpy(get_rule(name)(together(batch)))
    assert np.array_equal(result, np.stack([scores(name, case) for case in batch]))
    assert np.array_equal(to_numpy(get_rule(name)(together(batch[::-1]))), result[::-1])


@pytest.mark.parametrize("name", PER_PROMPT)
def test_the_number_of_processors_changes_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "CHUNK", 400)
    profiles = together(random_cases(15, 90, 4))
    assert len(threads._slices(profiles)) > 3
    known = get_rule(name)(profiles)
    for number in (1, 3):
        assert np.array_equal(threads.scores_in_chunks(get_rule(name), profiles, number), known)


@pytest.mark.parametrize("name", PER_PROMPT)
def test_scores_have_one_row_per_prompt_and_are_floats(name: str) -> None:
    result = get_rule(name)(together(random_cases(6, 12, 4)))
    assert result.shape == (12, 4)
    assert result.dtype == np.float64


@pytest.mark.parametrize("name", PER_PROMPT)
@pytest.mark.parametrize("m", [2, 4, 7])
def test_torch_gives_what_numpy_gives(name: str, m: int) -> None:
    torch = pytest.importorskip("torch")
    profiles = together(random_cases(8, 120, m))
    result = get_rule(name)(profiles.map(torch.as_tensor))
    assert isinstance(result, torch.Tensor)
    assert np.array_equal(result.numpy(), get_rule(name)(profiles))


@pytest.mark.parametrize("name", [name for name in PER_PROMPT if list_rules()[name].any_device])
@pytest.mark.parametrize("m", [3, 5])
def test_tensors_stay_where_they_are(name: str, m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Array code never brings a tensor to numpy, and so runs on an accelerator as it is."""
    torch = pytest.importorskip("torch")
    profiles = together(random_cases(8, 30, m)).map(torch.as_tensor)
    assert profiles.integer_weights is not None  # the weights are looked at once, on the CPU

    def refuse(self: object, *_: object, **__: object) -> None:
        raise AssertionError("a tensor was brought to numpy")

    for way in ("numpy", "__array__", "cpu", "tolist"):
        monkeypatch.setattr(torch.Tensor, way, refuse)
    assert get_rule(name)(profiles).shape == (30, m)


@pytest.mark.parametrize("name", PER_PROMPT)
@pytest.mark.parametrize("voters", [1, 2])
def test_two_hundred_responses_are_ranked(name: str, voters: int) -> None:
    case = random_cases(9, 1, 200)[0]
    rng = np.random.default_rng(voters)
    ranks = (rng.random((200, voters)).argsort(axis=0).argsort(axis=0) + 1).astype(np.int16)
    case = Case(ranks, np.ones(voters))
    result = scores(name, case)
    if voters == 1 and "unanimity" in CLAIMS[name]:
        assert np.array_equal(np.argsort(-result), np.argsort(ranks[:, 0]))
    assert np.isfinite(result).all()


@pytest.mark.parametrize("name", [name for name in PER_PROMPT if is_neutral(name)])
@pytest.mark.parametrize("m", [2, 5, 200])
def test_ballots_that_tie_everything_leave_everything_tied(name: str, m: int) -> None:
    assert len(ranking(name, Case(np.ones((m, 2), dtype=np.int16), np.ones(2)))) == 1


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_what_it_does_in_one_line(name: str) -> None:
    card = list_rules()[name]
    assert card.line.endswith(".")
    assert len(card.line) <= 100
    assert card.kind
    assert card.cost
    assert card.cited
    assert "Examples" in (get_rule(name).__doc__ or "")


@pytest.fixture
def folder_with_a_new_rule(tmp_path: Path) -> Iterator[None]:
    """The package with one more file in its rules folder, in place of the real one."""
    package = tmp_path / "rlchf"
    shutil.copytree(Path(rlchf.__file__).parent, package, symlinks=False)
    (package / "rules" / "shortest.py").write_text(
        "def shortest(profiles):\n"
        '    """Score nothing."""\n'
        "    return profiles.margins.sum(axis=2) * 0\n"
    )
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("rlchf")}
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("rlchf")]:
        del sys.modules[name]
    sys.modules.update(ours)


def test_a_new_file_in_the_rules_folder_is_a_new_rule(folder_with_a_new_rule: None) -> None:
    rules = importlib.import_module("rlchf.rules")
    assert rules.list_rules()["shortest"].line == "Score nothing."
    assert rules.get_rule("shortest").__name__ == "shortest"


def test_a_function_of_ones_own_is_a_rule() -> None:
    def first_response(profiles: Profiles) -> np.ndarray:
        scores: np.ndarray = np.eye(profiles.n_responses)[np.zeros(profiles.n_prompts, dtype=int)]
        return scores

    rankings = Rankings.from_ballots([("p", "ann", [["b"], ["a"]])])
    assert rlchf.aggregate(rankings, first_response).ranking("p") == [["a"], ["b"]]


def test_an_unknown_rule_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown rule 'bordaa'; did you mean borda"):
        get_rule("bordaa")


@pytest.mark.parametrize("returned", [np.full((1, 2), np.nan), np.zeros((2, 2)), None])
def test_a_rule_that_returns_no_scores_is_refused(returned: object) -> None:
    def broken(profiles: Profiles) -> object:
        return returned

    rankings = Rankings.from_ballots([("p", "ann", "a > b")])
    with pytest.raises(ValueError, match="rule 'broken' returned"):
        rlchf.aggregate(rankings, broken)
