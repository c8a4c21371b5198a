"""What a judge behind an endpoint is told."""

from collections.abc import Iterator
from dataclasses import dataclass

from rlchf.settings import Settings, setting

GROUP = "Endpoint"


@dataclass(frozen=True)
class EndpointSettings(Settings):
    """How an OpenAI-compatible endpoint is asked, and what it may cost."""

    base_url: str = setting(
        "",
        "URL of the endpoint, such as http://localhost:8000/v1; by default OPENAI_BASE_URL, then "
        "OpenAI's. The key is OPENAI_API_KEY.",
        group=GROUP,
    )
    requests_per_minute: float = setting(
        0.0,
        "Largest number of requests per minute, retries included; 0 is no limit.",
        at_least=0,
        group=GROUP,
    )
    concurrency: int = setting(4, "Number of requests at a time.", at_least=1, group=GROUP)
    timeout: float = setting(60.0, "Seconds to wait for an answer.", above=0, group=GROUP)
    retries: int = setting(
        5,
        "Number of times that a request is repeated after a time-out, 429 or a server's error.",
        at_least=0,
        group=GROUP,
    )
    price_in: float = setting(
        0.0, "Price of a million tokens of a prompt.", at_least=0, group=GROUP
    )
    price_out: float = setting(
        0.0, "Price of a million tokens of an answer.", at_least=0, group=GROUP
    )
    max_cost: float = setting(
        0.0,
        "Most that this run may spend, in the currency of the prices; 0 is no limit.",
        at_least=0,
        group=GROUP,
    )
    cache: str = setting(
        "", "SQLite file that keeps every answer, so that none is paid for twice.", group=GROUP
    )

    def contradictions(self) -> Iterator[tuple[bool, str]]:
        """A limit on spending needs prices."""
        yield (
            self.max_cost > 0 and not (self.price_in or self.price_out),
            "max_cost needs the prices; give price_in and price_out",
        )
