"""A judge behind an OpenAI-compatible endpoint: replies are kept, rate and cost are limited."""

import json
import math
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, get_args

from rlchf.constitution.answers import chosen_option, counted_answers
from rlchf.constitution.judge_examples import JudgeExample, check_examples
from rlchf.constitution.judges.client import Client, EndpointError
from rlchf.constitution.judges.limits import (
    Budget,
    Clock,
    RateLimit,
    SpendingLimitError,
    StoppedError,
    Usage,
)
from rlchf.constitution.judges.option_tokens import lists_alternatives, option_probabilities
from rlchf.constitution.judges.requests import Method, Request, requests_of
from rlchf.constitution.judges.settings import EndpointSettings
from rlchf.constitution.questions import Answer, Question
from rlchf.display import counted
from rlchf.io.reply_cache import Reply, ReplyCache
from rlchf.options import listed

__all__ = ["EndpointError", "EndpointJudge", "EndpointSettings", "SpendingLimitError", "Usage"]

BYTES_PER_TOKEN = 3
"""Of a prompt, a low figure: what a request may cost is estimated from it before it is sent."""


class EndpointJudge:
    """Answers questions by a model behind an OpenAI-compatible endpoint.

    Every reply is kept before the next question is asked, so that a judge that was stopped, by an error, a
    limit or Ctrl-C, asks only for the rest when it is given the same questions and cache again.

    Parameters
    ----------
    model
        The model's name, as the endpoint knows it.
    method
        "logprobs" reads the probabilities of the options' tokens, "samples" counts answers, "answer" takes
        one.
    samples
        Number of answers with "samples", and of chains of thought with "logprobs".
    chain_of_thought
        Whether the model thinks first; its answer is what follows the last "The answer is".
    cannot_tell
        Whether there is a third option.
    temperature, seed
        Of sampled answers. Probabilities without a chain of thought are read at temperature 0.
    cache_path
        File of the cache where the settings name none; without either, replies are kept in memory.
    max_tokens
        Largest number of tokens of a chain of thought with its answer.
    examples
        Questions with their answers, which stand before each question as a conversation.
    clock
        What tells the time and waits for the limit on the rate.

    Attributes
    ----------
    usage
        Requests, answers, tokens and cost so far.

    Raises
    ------
    ValueError
        If the client is not installed, there is no key, or the cache cannot be used.
    """

    def __init__(
        self,
        model: str,
        settings: EndpointSettings | None = None,
        *,
        method: Method = "logprobs",
        samples: int = 1,
        chain_of_thought: bool = False,
        cannot_tell: bool = False,
        temperature: float = 1.0,
        seed: int = 0,
        cache_path: str = "",
        max_tokens: int = 1024,
        examples: Sequence[JudgeExample] = (),
        clock: Clock = time,
    ) -> None:
        settings = settings or EndpointSettings()
        if method not in get_args(Method):
            methods = get_args(Method)
            raise ValueError(f"method is {method!r}; choose from {listed(methods, str(method))}")
        if samples < 1:
            raise ValueError(f"samples is {samples}; it must be 1 or more")
        self.model, self.settings, self.method = model, settings, method
        self.options = ("A", "B", "C") if cannot_tell else ("A", "B")
        self._how: dict[str, Any] = {
            "samples": samples, "chain_of_thought": chain_of_thought, "cannot_tell": cannot_tell,
            "temperature": temperature, "seed": seed, "max_tokens": max_tokens,
            "examples": list(examples),
        }  # fmt: skip
        check_examples(examples, cannot_tell)
        self.usage = Usage(price_in=settings.price_in, price_out=settings.price_out)
        self.budget = Budget(settings.max_cost, self.usage)
        self._rate = RateLimit(settings.requests_per_minute, clock)
        self._client = Client(model, settings, self._before_sending, clock)
        self.cache = ReplyCache(settings.cache or cache_path)

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer questions, in their order.

        Many questions at once keep all connections busy.

        Raises
        ------
        EndpointError
            If the endpoint gives no answer after all retries, refuses, or gives no log-probabilities.
        SpendingLimitError
            If the limit on spending is reached. What was answered before either is kept.
        """
        wanted = [requests_of(one, self.method, **self._how) for one in questions]
        keys = [[one.key(self.model, self._client.url) for one in requests] for requests in wanted]
        by_key = {
            key: request
            for requests, names in zip(wanted, keys, strict=True)
            for request, key in zip(requests, names, strict=True)
        }
        replies = {key: reply for key in by_key if (reply := self.cache.get(key))}
        missing = {key: one for key, one in by_key.items() if key not in replies}
        self.usage.add(cached=sum(map(len, keys)) - len(missing))
        replies |= self._ask(missing)
        return [self._answer([replies[key] for key in names]) for names in keys]

    def _ask(self, requests: dict[str, Request]) -> dict[str, Reply]:
        """Send requests, several at a time; on any exception those on their way are waited for and kept."""
        self.budget.stop(False)
        replies: dict[str, Reply] = {}
        with ThreadPoolExecutor(self.settings.concurrency) as pool:
            futures = {pool.submit(self._send, key, one): key for key, one in requests.items()}
            try:
                for future in as_completed(futures):
                    replies[futures[future]] = future.result()
            except BaseException as error:
                self.budget.stop()
                for future in futures:
                    future.cancel()
                pool.shutdown()
                if isinstance(error, StoppedError):  # which came before the error that stopped it
                    error = _cause(futures) or error
                if isinstance(error, EndpointError | SpendingLimitError):
                    done = sum(self.cache.get(key) is not None for key in requests)
                    raise type(error)(f"{error}{self._kept(done, len(requests))}") from None
                raise error
        return replies

    def _kept(self, done: int, count: int) -> str:
        if not self.cache.path:
            return ""
        return (
            f"; {done} of the last {counted(count, 'answer')} are in {self.cache.path}, and are not asked "
            "for again"
        )

    def _send(self, key: str, request: Request) -> Reply:
        """Ask, count and keep."""
        size = request.size / BYTES_PER_TOKEN
        estimate = self.usage.cost_of(size, request.parameters["max_tokens"])
        self.budget.reserve(estimate)
        try:
            reply = self._client.complete(request)
            metered = reply.prompt_tokens > 0
            self.usage.add(
                answered=1, prompt_tokens=reply.prompt_tokens, unmetered=not metered,
                completion_tokens=reply.completion_tokens,
            )  # fmt: skip
            self._check(reply, metered)
            self.cache.put(key, reply)
        except Exception:
            self.budget.stop()  # before this thread takes another request
            raise
        finally:
            self.budget.release(estimate)
        return reply

    def _before_sending(self) -> None:
        self._rate.wait()
        if self.budget.stopped:
            raise StoppedError
        self.usage.add(requests=1)

    def _check(self, reply: Reply, metered: bool) -> None:
        """Refuse a reply that can serve for nothing, before more are paid for."""
        url = self._client.url
        tokens = _tokens(reply)
        if (
            self.method == "logprobs"
            and _text(reply)
            and not lists_alternatives(tokens, self.options)
        ):
            raise EndpointError(
                f"{url} gives no log-probabilities of {len(self.options)} alternatives with {self.model!r}; "
                "choose --method samples"
            )
        if self.settings.max_cost and not metered:
            raise EndpointError(
                f"{url} gives no counts of tokens, so that --max-cost cannot be kept; leave it out"
            )

    def _answer(self, replies: Sequence[Reply]) -> Answer:
        """One answer of the replies to a question."""
        if self.method == "logprobs":
            read = [option_probabilities(_tokens(one), self.options) for one in replies]
            self._count([one is not None for one in read], replies)
            return _mean(read, sampled=bool(self._how["chain_of_thought"]))
        chosen = [chosen_option(_text(one), self.options) for one in replies]
        self._count([one is not None for one in chosen], replies)
        return counted_answers(chosen)

    def _count(self, named: Sequence[bool], replies: Sequence[Reply]) -> None:
        lost = [reply for ok, reply in zip(named, replies, strict=True) if not ok]
        cut_off = sum(_choice(one).get("finish_reason") == "length" for one in lost)
        self.usage.add(nonsense=len(lost), cut_off=cut_off)

    def close(self) -> None:
        """Close the connections and the cache."""
        self._client.close()
        self.cache.close()

    def __enter__(self) -> "EndpointJudge":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _cause(futures: Iterable[Future[Reply]]) -> BaseException | None:
    """The error because of which other requests were not sent."""
    ended = [one.exception() for one in futures if one.done() and not one.cancelled()]
    return next((one for one in ended if one and not isinstance(one, StoppedError)), None)


def _mean(read: Sequence[dict[str, float] | None], *, sampled: bool) -> Answer:
    """The mean of the options' probabilities over the replies that name an option."""
    named = [one for one in read if one is not None]
    nonsense = len(read) - len(named)
    if not named:
        return Answer(float("nan"), nonsense=nonsense)
    first, unsure = (math.fsum(one.get(x, 0.0) for one in named) / len(named) for x in "AC")
    return Answer(first, unsure, nonsense=nonsense, samples=len(named) if sampled else 0)


def _choice(reply: Reply) -> dict[str, Any]:
    choice: dict[str, Any] = json.loads(reply.body)["choices"][0]
    return choice


def _text(reply: Reply) -> str:
    return str(_choice(reply)["message"].get("content") or "")


def _tokens(reply: Reply) -> list[dict[str, Any]]:
    """The tokens with their log-probabilities; none if the endpoint gives none."""
    found = (_choice(reply).get("logprobs") or {}).get("content") or []
    return [one for one in found if isinstance(one, dict)]
