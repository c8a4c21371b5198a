"""axolotl: a folder with rows for DPO and reward models, and what a configuration says of them."""

import json
from collections.abc import Mapping, Sequence

from rlchf.io.trainers import Layout, Row, Target
from rlchf.io.trainers._rows import messages, split_system
from rlchf.pairs import Pair
from rlchf.prompts import Prompt

ROLES = {"system", "user", "assistant", "tool"}


def axolotl_rows(pairs: Sequence[Pair], names: Sequence[str]) -> list[Row]:
    """Rows for ``chat_template.default`` and, if no prompt has several turns, for reward models.

    The former reads ``messages``, ``chosen`` and ``rejected``; the latter, ``bradley_terry.chat_template``,
    reads ``system`` and ``input`` in place of messages.
    """
    single = all(_is_single_turn(pair.prompt) for pair in pairs)
    return [
        {
            "messages": messages(pair.prompt),
            **(_single_turn(pair.prompt) if single else {}),
            "chosen": pair.chosen,
            "rejected": pair.rejected,
        }
        for pair in pairs
    ]


def _is_single_turn(prompt: Prompt) -> bool:
    return [message["role"] for message in split_system(prompt)[1]] == ["user"]


def _single_turn(prompt: Prompt) -> dict[str, str]:
    system, (message,) = split_system(prompt)
    return {"system": system, "input": message["content"]}


def configuration(layout: Layout) -> Mapping[str, str]:
    """What a configuration of axolotl says of the data: ``dpo.yaml``, ``reward.yaml``."""
    files = {"dpo.yaml": "rl: dpo\n" + _datasets(layout, "chat_template.default")}
    if "input" in layout.rows[0]:
        more = ""
        if not any(row["system"] for row in layout.rows):
            more = "    drop_system_message: true\n"  # an empty one, which this reader adds
        files["reward.yaml"] = "reward_model: true\n" + _datasets(
            layout, "bradley_terry.chat_template", more
        )
    return files


def _datasets(layout: Layout, kind: str, more: str = "") -> str:
    keys = {"train": "datasets", "test": "test_datasets"}
    return "".join(
        f"{keys[part]}:\n"
        f"  - path: {json.dumps(f'{layout.folder}/{file}', ensure_ascii=False)}\n"
        "    ds_type: json\n"
        "    split: train\n"  # the only one that a file has
        f"    type: {kind}\n{more}"
        for part, file in layout.files.items()
    )


TARGET = Target(
    name="axolotl",
    reader="chat_template.default (DPO), bradley_terry.chat_template (reward models)",
    rows=axolotl_rows,
    holds=frozenset(),
    is_folder=True,
    files=configuration,
    takes=lambda prompt: {message["role"] for message in messages(prompt)} <= ROLES,
    prompts="prompts with the roles system, user, assistant and tool",
)
