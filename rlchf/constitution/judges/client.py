"""One chat completion at a time from an OpenAI-compatible endpoint, and what can go wrong, in sentences."""

import json
import os
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from rlchf.constitution.judges.limits import Clock
from rlchf.constitution.judges.requests import Request
from rlchf.constitution.judges.settings import EndpointSettings
from rlchf.display import shortened
from rlchf.installing import pip_install
from rlchf.io.reply_cache import Reply

OPENAI = "https://api.openai.com/v1"
Change = Callable[[Any], dict[str, Any]]
FEW = 5
"""Alternatives to each token that are asked for where an endpoint refuses more."""
FORMS: dict[str, tuple[str, Change]] = {
    "max_tokens": ("max_completion_tokens", lambda value: {"max_completion_tokens": value}),
    "top_logprobs": ("top_logprobs", lambda value: {"top_logprobs": min(value, FEW)}),
    "seed": ("seed", lambda value: {}),
}
"""Parameters that some endpoints know in another form: what they say then, and the form."""


class EndpointError(ValueError):
    """An endpoint gave no answer; the message says which and why."""


class Client:
    """The `openai` client of one model.

    Parameters
    ----------
    before_sending
        Called before each request, retries included.
    clock
        What tells how long an answer took.

    Raises
    ------
    ValueError
        If the client is not installed, the URL is none, or OpenAI's own endpoint is asked without a key.
    """

    def __init__(
        self,
        model: str,
        settings: EndpointSettings,
        before_sending: Callable[[], None],
        clock: Clock,
    ) -> None:
        if not find_spec("openai"):
            raise ValueError(
                "judges behind an endpoint need 'openai', which is not installed; run "
                f"{pip_install('judge')}"
            )
        import openai

        self.openai, self.model, self.retries, self.clock = openai, model, settings.retries, clock
        self.url = (settings.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI).rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(
                f"the URL of the endpoint is {self.url!r}; give one that begins with http:// or https://"
            )
        key = os.environ.get("OPENAI_API_KEY", "").strip()
        if not key and self.url == OPENAI:
            raise ValueError(
                f"OPENAI_API_KEY is not set, and {OPENAI} needs a key; set it, or give the --base-url of "
                "another endpoint"
            )
        self.has_key = bool(key)
        self.client = openai.OpenAI(
            base_url=self.url, api_key=key or "none", max_retries=settings.retries,
            timeout=settings.timeout, http_client=openai.DefaultHttpxClient(
                event_hooks={"request": [lambda _: before_sending()]}, timeout=settings.timeout,
            ),
        )  # fmt: skip
        self.changes: dict[str, Change] = {}

    def complete(self, request: Request) -> Reply:
        """The reply to a request.

        Raises
        ------
        EndpointError
            If the endpoint refuses it, or does not answer after all retries.
        """
        began = self.clock.monotonic()
        problem = ""
        for _ in range(
            self.retries + 1
        ):  # the client repeats requests, but not after a broken body
            body = self._body(request)
            try:
                reply = json.loads(body)
                problem = _problem(reply)
            except (ValueError, RecursionError):
                problem = f"what is not JSON: {shortened(repr(body), 80)}"
            if not problem:
                counts = reply.get("usage") or {}
                return Reply(
                    body,
                    _count(counts, "prompt_tokens"),
                    _count(counts, "completion_tokens"),
                    self.clock.monotonic() - began,
                )
        raise EndpointError(f"{self.url} answered with {problem}")

    def _body(self, request: Request) -> str:
        """The text of an answer; parameters that the endpoint knows in another form are put in that form."""
        while True:
            changes = dict(self.changes)  # which other threads may change
            try:
                answer = self.client.chat.completions.with_raw_response.create(
                    model=self.model,
                    messages=request.messages,
                    **_changed(request.parameters, changes),
                )
                return str(answer.text if isinstance(answer.text, str) else answer.text())
            except self.openai.APIStatusError as error:
                if not self._adapts(request, error, changes):
                    raise EndpointError(self._refusal(error)) from None
            except self.openai.APITimeoutError:
                raise EndpointError(
                    f"{self.url} did not answer in {self.client.timeout:g} s, {self.retries + 1} times; "
                    "give a longer --timeout, or try later"
                ) from None
            except self.openai.APIConnectionError as error:
                cause = error.__cause__ or error
                raise EndpointError(
                    f"{self.url} cannot be reached: {cause}; check --base-url or OPENAI_BASE_URL"
                ) from None
            except self.openai.OpenAIError as error:
                raise EndpointError(f"{self.url}: {shortened(error, 200)}") from None

    def _adapts(self, request: Request, error: Any, tried: Mapping[str, Change]) -> bool:
        """Whether a refused parameter has another form that this request has not tried."""
        if error.status_code not in (400, 422):
            return False
        text = _message(error)
        for name, (mark, change) in FORMS.items():
            if mark in text and name in request.parameters and name not in tried:
                if name == "seed" and name not in self.changes:
                    warnings.warn(
                        f"{self.url} takes no seed: its samples cannot be repeated, but are kept",
                        stacklevel=2,
                    )
                self.changes[name] = change
                return True
        return False

    def _refusal(self, error: Any) -> str:
        status = error.status_code
        text = f"{self.url} answered {status}: {shortened(_message(error), 200)}"
        if status == 401:
            which = "the key that is there" if self.has_key else "no key is there"
            return f"{text}; set OPENAI_API_KEY to a key of that endpoint ({which})"
        if status == 404:
            return f"{text}; check the model {self.model!r} and --base-url"
        if status in (400, 422) and "logprobs" in text:
            return (
                f"{text}; it gives no log-probabilities of {self.model!r}: choose --method samples"
            )
        if status == 429:
            return f"{text}; give a lower --requests-per-minute or --concurrency, or try later"
        return text

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def _changed(parameters: Mapping[str, Any], changes: Mapping[str, Change]) -> dict[str, Any]:
    """The parameters in the forms that an endpoint knows."""
    changed: dict[str, Any] = {}
    for name, value in parameters.items():
        changed |= changes[name](value) if name in changes else {name: value}
    return changed


def _message(error: Any) -> str:
    """What an endpoint says about an error."""
    body = error.body
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        body = inner.get("message") if isinstance(inner, Mapping) else inner
    return " ".join(str(body or error.response.reason_phrase or error).split())


def _problem(reply: Any) -> str:
    """What an answer has instead of a choice; empty if it has one."""
    if not isinstance(reply, dict):
        return f"{shortened(repr(reply), 80)}, which is no chat completion"
    if reply.get("error"):
        error = reply["error"]
        return f"an error: {error.get('message', error) if isinstance(error, dict) else error}"
    choices = reply.get("choices")
    if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
        return (
            f"no choice among {', '.join(map(str, reply)) or 'no keys'}; it is no chat completion"
        )
    if not isinstance(choices[0].get("message"), dict):
        return "a choice without a message; it is no chat completion"
    return ""


def _count(counts: Mapping[str, Any], name: str) -> int:
    value = counts.get(name) if isinstance(counts, Mapping) else None
    return value if isinstance(value, int) else 0
