"""The share audit: without noise its exact part is the closed form; what its trained part sets up."""

import importlib
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks/share_audit.py"


def test_without_noise_proportional_labels_obey_the_law(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    command = [sys.executable, str(SCRIPT), "--noise", "0", "--seeds", "1", "--out", str(tmp_path)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = json.loads((tmp_path / "bandit.json").read_text())["rows"]
    means = {
        (row["population"], row["rule"]): {k: cell["mean"] for k, cell in row["shares"].items()}
        for row in rows
    }
    law = means["60/40", "law"]
    assert [round(law[f"KL {beta}"], 3) for beta in ("1", "0.5", "0.2")] == [0.4, 0.308, 0.116]
    assert law["PM"] == pytest.approx(0.4)
    assert law["PPA"] == pytest.approx(0.4)
    for rule in ("pooled", "perpetual_pav", "cpb", "nash_welfare"):
        assert means["60/40", rule] == pytest.approx(law, abs=2e-3), rule
    for rule in ("kemeny", "borda"):
        assert means["60/40", rule]["labels"] == 0
        assert means["60/40", rule]["PM"] < 0.01
    pooled = means["50/30/20", "pooled"]
    assert pooled["PPA"] == pytest.approx(means["50/30/20", "law"]["PPA"], abs=2e-3)
    assert (tmp_path / "shares.png").stat().st_size > 10_000
    assert "nash_welfare" in shown


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("torch", "transformers", "peft"):
        pytest.importorskip(name)
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    return importlib.import_module("share_texts")


def test_ppa_is_paid_the_logarithm_of_the_reward_models_win_share(texts: Any) -> None:
    def reward(prompts: object, responses: list[str]) -> list[float]:
        return [math.log(0.6) if text.isascii() else math.log(0.4) for text in responses]

    paid = texts.proportional(reward)(["p"] * 4, ["Hi.", "Hi \U0001f600", "Hi.", "Yes."])
    assert paid.exp().tolist() == pytest.approx([0.5, 0.4, 0.5, 0.5])  # two plain texts tie
    paid = texts.proportional(reward)(["p"] * 2, ["Hi.", "Hi \U0001f600"])
    assert paid.exp().tolist() == pytest.approx([0.6, 0.4])


def test_the_law_starts_from_the_shares_before_unless_the_reference_is_uniform(texts: Any) -> None:
    gap = math.log(0.4 / 0.6)
    regularisers = texts.REGULARISERS
    assert texts.law(0.5, gap, regularisers["KL 1"]) == pytest.approx(0.4)
    assert texts.law(0.5, gap, regularisers["KL 0.2"]) == pytest.approx(0.1164, abs=1e-4)
    assert texts.law(0.1, gap, regularisers["KL 1"]) == pytest.approx(0.4 / 5.8)
    assert texts.law(0.1, gap, regularisers["PM"]) == pytest.approx(0.4)
    assert texts.law(0.1, gap, regularisers["PPA"]) == pytest.approx(0.4)


@pytest.mark.parametrize("model", ["tiny", "smollm2"])
def test_pooled_learns_from_the_ballots_and_other_rules_from_the_ranking(
    texts: Any, model: str
) -> None:
    for rule in texts.FULL[model]:
        for changes in texts.REGULARISERS.values():
            run = texts.run_of(model, rule, changes)
            assert run.reward.learn_from == ("shares" if rule == "pooled" else "ranking")
            assert (run.ppo.kl_coef, run.ppo.batch_size % 4) == (changes["kl_coef"], 0)
