"""LLaMA-Factory: a folder with ranking data and the ``dataset_info.json`` that describes it."""

import json
from collections.abc import Mapping, Sequence

from rlchf.io.trainers import Layout, Row, Target
from rlchf.io.trainers._rows import messages, split_system
from rlchf.pairs import Pair
from rlchf.prompts import Prompt

TAGS = {"system": "system", "user": "human", "assistant": "gpt"}
"""What sharegpt calls the roles."""


def llama_factory_rows(pairs: Sequence[Pair], names: Sequence[str]) -> list[Row]:
    """Rows in the alpaca format for text, in the sharegpt format for chat messages."""
    return [_alpaca(pair) if isinstance(pair.prompt, str) else _sharegpt(pair) for pair in pairs]


def _alpaca(pair: Pair) -> Row:
    return {"instruction": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}


def _sharegpt(pair: Pair) -> Row:
    return {
        "conversations": [
            {"from": TAGS[message["role"]], "value": message["content"]}
            for message in messages(pair.prompt)
        ],
        "chosen": {"from": "gpt", "value": pair.chosen},
        "rejected": {"from": "gpt", "value": pair.rejected},
    }


def dataset_info(layout: Layout) -> Mapping[str, str]:
    """The description of each part, under the part's name."""
    is_chat = "conversations" in layout.rows[0]
    columns = {"messages": "conversations"} if is_chat else {"prompt": "instruction"}
    info = {
        part: {
            "file_name": file,
            "formatting": "sharegpt" if is_chat else "alpaca",
            "ranking": True,
            "columns": {**columns, "chosen": "chosen", "rejected": "rejected"},
        }
        for part, file in layout.files.items()
    }
    return {"dataset_info.json": json.dumps(info, indent=2) + "\n"}


def takes(prompt: Prompt) -> bool:
    """Whether user and assistant alternate from user to user, after a system message or none.

    Examples
    --------
    >>> takes([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    False
    """
    roles = [message["role"] for message in split_system(prompt)[1]]
    expected = [("user", "assistant")[n % 2] for n in range(len(roles))]
    return roles == expected and len(roles) % 2 == 1


TARGET = Target(
    name="llama_factory",
    reader="stage rm, and DPO",
    rows=llama_factory_rows,
    holds=frozenset({"text"}),
    is_folder=True,
    files=dataset_info,
    takes=takes,
    prompts="prompts in which user and assistant alternate and the user speaks last",
)
