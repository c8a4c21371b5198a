"""What a judge behind an endpoint has used, and the limits that it keeps: requests per minute, and cost."""

import time
from dataclasses import dataclass, field, fields
from threading import Condition, Lock
from typing import Any, Protocol

MILLION = 1_000_000


class Clock(Protocol):
    """What tells the time and waits; the module `time` is one."""

    def monotonic(self) -> float:
        """Seconds from some moment on."""

    def sleep(self, seconds: float, /) -> None:
        """Wait."""


class SpendingLimitError(ValueError):
    """The limit on spending is reached; what was answered is kept."""


class StoppedError(BaseException):
    """Another request failed, or Ctrl-C was pressed, so that this one is not sent.

    It is no `Exception`, because the client would repeat the request after one.
    """


@dataclass
class Usage:
    """What was asked of an endpoint, and what it cost.

    Attributes
    ----------
    requests
        Requests sent, retries included.
    answered
        Answers that came, and are paid for.
    cached
        Answers that were there already.
    prompt_tokens, completion_tokens
        Tokens of the answers that came, as the endpoint counts them.
    unmetered
        Answers that came without counts of tokens; they are not in the cost.
    nonsense
        Answers that named no option.
    cut_off
        Those of them that ended at the largest number of tokens.
    price_in, price_out
        Prices of a million tokens.

    Examples
    --------
    >>> Usage(prompt_tokens=2_000_000, completion_tokens=500_000, price_in=0.15, price_out=0.6).cost
    0.6
    """

    requests: int = 0
    answered: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unmetered: int = 0
    nonsense: int = 0
    cut_off: int = 0
    price_in: float = 0.0
    price_out: float = 0.0
    _lock: Any = field(default_factory=Lock, repr=False, compare=False)

    @property
    def cost(self) -> float:
        """What the answers that came cost, in the currency of the prices."""
        return self.cost_of(self.prompt_tokens, self.completion_tokens)

    def cost_of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """What some tokens cost."""
        return (prompt_tokens * self.price_in + completion_tokens * self.price_out) / MILLION

    def add(self, **numbers: int) -> None:
        """Add to counts; threads may do so at once."""
        with self._lock:
            for name, number in numbers.items():
                setattr(self, name, getattr(self, name) + number)

    def to_dict(self) -> dict[str, int | float]:
        """The counts and the cost, for JSON."""
        with self._lock:
            counts = {
                one.name: getattr(self, one.name) for one in fields(self) if one.name[0] != "_"
            }
        return counts | {"cost": self.cost}


class RateLimit:
    """Lets requests through at equal distances in time, so that a minute never has more than its number.

    Parameters
    ----------
    per_minute
        0 is no limit.
    """

    def __init__(self, per_minute: float, clock: Clock = time) -> None:
        self.distance = 60 / per_minute if per_minute else 0.0
        self.clock = clock
        self._next = float("-inf")
        self._lock = Lock()

    def wait(self) -> float:
        """Wait for one's turn; gives the moment of it, in the clock's seconds."""
        with self._lock:
            now = self.clock.monotonic()
            turn = max(now, self._next)
            self._next = turn + self.distance
        if turn > now:
            self.clock.sleep(turn - now)
        return turn


class Budget:
    """Holds back requests that could exceed the limit on spending, those on their way included.

    Parameters
    ----------
    limit
        The most that may be spent; 0 is no limit.
    """

    def __init__(self, limit: float, usage: Usage) -> None:
        self.limit, self.usage = limit, usage
        self.stopped = False
        self._reserved = 0.0
        self._pending = 0
        self._change = Condition()

    def reserve(self, estimate: float) -> None:
        """Set an amount aside for a request, once the others leave enough.

        Raises
        ------
        SpendingLimitError
            If what is spent already leaves too little.
        """
        with self._change:
            while not self.stopped and self._exceeds(estimate):
                if not self._pending:
                    raise SpendingLimitError(
                        f"the limit of {self.limit:g} on spending is reached: {self.usage.cost:g} is spent, "
                        f"and the next request may cost {estimate:.2g}; give a higher --max-cost"
                    )
                self._change.wait()
            if self.stopped:
                raise StoppedError
            self._reserved += estimate
            self._pending += 1

    def _exceeds(self, estimate: float) -> bool:
        spent = self.usage.cost + self._reserved + estimate
        return bool(self.limit) and spent > self.limit

    def release(self, estimate: float) -> None:
        """Take the amount back when the request is done, and counted if it was answered."""
        with self._change:
            self._reserved -= estimate
            self._pending -= 1
            if not self._pending:
                self._reserved = 0.0  # rid of what rounding left
            self._change.notify_all()

    def stop(self, stopped: bool = True) -> None:
        """Let no further request through, or let them through again."""
        with self._change:
            self.stopped = stopped
            self._change.notify_all()
