"""Ctrl-C and SIGTERM, noted so that a training can keep what it has done."""

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def interruption(noted: Sequence[int]) -> KeyboardInterrupt:
    """What to raise for signals that were noted; it says which came first, if this process knows.

    Examples
    --------
    >>> interruption([15]), interruption([])
    (KeyboardInterrupt(15), KeyboardInterrupt())
    """
    return KeyboardInterrupt(*[int(number) for number in noted[:1] if number])


@contextmanager
def signals_noted() -> Iterator[list[int]]:
    """Note Ctrl-C and SIGTERM instead of acting on them; the second one interrupts at once."""
    noted: list[int] = []

    def note(number: int, frame: object) -> None:
        if noted:
            raise KeyboardInterrupt(number)
        noted.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield noted  # only the main thread may install handlers
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
