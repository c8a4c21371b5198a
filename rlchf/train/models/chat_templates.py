"""Chat templates: programs that come with a tokenizer, rendered in transformers' sandbox within limits."""

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SECONDS = 10.0
"""Processor time that a template may take for one conversation."""


class TemplateProblemError(ValueError):
    """A chat template refuses a conversation, or fails at it; the message is the template's own."""


def rendered(
    tokenizer: "PreTrainedTokenizerBase",
    messages: Sequence[Mapping[str, str]],
    *,
    header: bool = False,
) -> str:
    """A conversation in the tokenizer's chat template.

    Parameters
    ----------
    header
        Whether to add the header of the assistant's turn.

    Raises
    ------
    TemplateProblemError
        If the template refuses the conversation, or raises any other error.
    ValueError
        If it does not end in `SECONDS` of processor time.
    """
    try:
        with _time_limit(SECONDS):
            text = tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=header
            )
    except _OverTimeError:
        raise ValueError(
            f"the tokenizer's chat template does not end in {SECONDS:g} s of processor time; give a model "
            "with another"
        ) from None
    except Exception as error:  # a template is a program, and raises what it likes
        raise TemplateProblemError(" ".join(str(error).split()) or type(error).__name__) from None
    return str(text)


class _OverTimeError(BaseException):
    """A template has used up its time; no handler of a library's catches this."""


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise `_OverTimeError` in a block that takes more processor time.

    Only the main thread of a system with interval timers can be stopped so; elsewhere there is no limit.
    """
    timed = hasattr(signal, "setitimer")
    if not timed or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise _OverTimeError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
