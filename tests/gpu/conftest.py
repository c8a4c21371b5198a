"""Tests that need a CUDA device: `make test-gpu`.

`RLCHF_GPU_DRY_RUN=1` runs them on the CPU with a tiny model, to see that the code works.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

DRY_RUN = os.environ.get("RLCHF_GPU_DRY_RUN") == "1"
MEASURED = pytest.StashKey[list[tuple[str, dict[str, float]]]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and skip them where there is no device."""
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.gpu)
        if not torch.cuda.is_available() and not DRY_RUN:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the figures."""
    config.stash[MEASURED] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the figures of all tests."""
    rows = config.stash[MEASURED]
    if rows:
        terminalreporter.section("memory in GB, speed in tokens per second")
    for name, figures in rows:
        shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
        terminalreporter.write_line(f"{name}: {shown}")


@dataclass
class Meter:
    """Notes figures of a test, and the peak of the GPU's memory."""

    name: str
    rows: list[tuple[str, dict[str, float]]]
    figures: dict[str, float] = field(default_factory=dict)

    def __call__(self, **figures: float) -> None:
        self.figures |= figures

    def peak(self) -> int:
        """Bytes that tensors took at most since the test began; 0 without a GPU."""
        return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0


@pytest.fixture
def meter(request: pytest.FixtureRequest) -> Iterator[Meter]:
    """The figures of one test."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    one = Meter(request.node.name, request.config.stash[MEASURED])
    yield one
    if one.peak():
        one(peak=one.peak() / 1e9)
    if one.figures:
        one.rows.append((one.name, one.figures))


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a policy of random weights, prompts, rankings, responses and a function, to work in."""
    import json
    import sys

    from rlchf.train.models.tiny import tiny_llama

    folder = tmp_path_factory.mktemp("gpu")
    words = [f"{a}{b}" for a in "bdfgklmnprst" for b in "aeiou"]
    texts = [" ".join(words[i : i + 8]) for i in range(len(words) - 8)]
    size: dict[str, Any] = {"hidden_size": 64} if DRY_RUN else {"hidden_size": 1024, "layers": 12}
    heads = {} if DRY_RUN else {"heads": 16}
    policy, tokenizer = tiny_llama(texts, vocab_size=600, max_length=512, **size, **heads)
    policy.save_pretrained(folder / "policy")
    tokenizer.save_pretrained(folder / "policy")
    prompts = [{"prompt_id": f"p{n}", "prompt": text} for n, text in enumerate(texts[:32])]
    responses = [
        {"prompt_id": row["prompt_id"], "response_id": name, "text": f"{word} {row['prompt'][:9]}"}
        for row in prompts
        for name, word in zip("abc", ("ba", "do", "ti"), strict=True)
    ]
    for name, rows in (("prompts", prompts), ("responses", responses)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ballots = [f"{row['prompt_id']},{who},a > b > c" for row in prompts for who in ("x", "y")]
    (folder / "rankings.csv").write_text(
        "\n".join(["prompt_id,annotator_id,ranking", *ballots, ""])
    )
    (folder / "tastes.py").write_text(
        "def vowels(prompts, responses):\n"
        "    return [sum(c in 'aeiou' for c in text) / 10 for text in responses]\n"
    )
    before, path = Path.cwd(), list(sys.path)
    os.chdir(folder)
    yield folder
    os.chdir(before)
    sys.path[:] = path
