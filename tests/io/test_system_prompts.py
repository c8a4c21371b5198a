"""Files of system prompts."""

import pytest

from rlchf.io.system_prompts import read_system_prompts, read_text
from tests.support.files import Write


def test_text_and_jsonl(write: Write) -> None:
    path = write("system.txt", "Be brief.\r\n\n  Be kind.  \n")
    assert read_system_prompts(path) == {"Be brief.": "Be brief.", "Be kind.": "Be kind."}
    path = write(
        "system.jsonl", '{"name": "brief", "prompt": "Be brief."}\n{"prompt": "Be kind."}\n'
    )
    assert read_system_prompts(path) == {"brief": "Be brief.", "Be kind.": "Be kind."}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no system prompts; give two or more"),
        ("Be brief.\n", "has 1 system prompt; give two or more"),
        ("Be brief.\n\nBe brief.\n", "line 3: the system prompt 'Be brief.' is on line 1 too"),
        ('{"name": "a"}\n', "line 1: found "),
        ('{"name": 1, "prompt": "x"}\n', "with texts"),
        ('{"name": "a", "prompt": " "}\n', "with texts"),
        ('{"name": "a", "prompt": "x"}\nBe brief.\n', "line 2: not JSON"),
        (b"\xff\n", "not UTF-8"),
    ],
)
def test_bad_files_are_refused(write: Write, text: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_system_prompts(write("system.txt", text))


def test_a_text_loses_its_last_line_break_only(write: Write) -> None:
    assert read_text(write("template.txt", "{n}\n{prompt}\n\n")) == "{n}\n{prompt}\n"
    assert read_text(write("template.txt", "{n} {prompt}\r\n")) == "{n} {prompt}"
