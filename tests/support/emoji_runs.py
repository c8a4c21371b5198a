"""The emoji example, cut down to a dozen prompts and a few steps."""

import json
from pathlib import Path

EMOJI = Path(__file__).parents[2] / "examples/emoji"
SETTINGS = """
seed = 3
[data]
rankings = "rankings.csv"
prompts = "prompts.jsonl"
responses = "responses.jsonl"
annotators = "annotators.csv"
group = "group"
[rule]
name = "perpetual_pav"
base = "borda"
[model]
name = "tiny"
epochs = 1
[reward]
epochs = 1
held_out = 0.25
[ppo]
updates = 30
batch_size = 8
minibatch_size = 8
max_new_tokens = 12
checkpoint_every = 1
[label]
name = "emoji"
test = "rlchf.simulate:has_emoji"
texts = 24
"""


def small_emoji_run(folder: Path, prompts: int = 12, settings: str = SETTINGS) -> Path:
    """Write the data of the first prompts, and a run file, into a folder."""
    chosen: set[str] = set()
    for name in ("prompts.jsonl", "responses.jsonl"):
        lines = (EMOJI / name).read_text(encoding="utf-8").splitlines(keepends=True)
        if not chosen:
            chosen = {json.loads(line)["prompt_id"] for line in lines[:prompts]}
        kept = [line for line in lines if json.loads(line)["prompt_id"] in chosen]
        (folder / name).write_text("".join(kept), encoding="utf-8")
    head, *rows = (EMOJI / "rankings.csv").read_text().splitlines(keepends=True)
    kept = [row for row in rows if row.split(",")[0] in chosen]
    (folder / "rankings.csv").write_text(head + "".join(kept))
    (folder / "annotators.csv").write_text((EMOJI / "annotators.csv").read_text())
    (folder / "small.toml").write_text(settings)
    return folder / "small.toml"
