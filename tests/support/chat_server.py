"""An OpenAI-compatible endpoint on this machine, which answers as a test says."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True)
class Say:
    """What the server answers to a request.

    Attributes
    ----------
    body
        A dictionary, or text as it is.
    status, headers
        Of the answer.
    delay
        Seconds before it.
    """

    body: Body | str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


def completion(
    text: str | None,
    *,
    prompt_tokens: int = 100,
    completion_tokens: int = 4,
    finish: str = "stop",
    **more: Any,
) -> Body:
    """A chat completion in OpenAI's shape."""
    return {
        "id": "c", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish, **more,
        }],
        "usage": {
            "prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }  # fmt: skip


def with_logprobs(*tokens: tuple[str, dict[str, float]]) -> Body:
    """A chat completion whose tokens come with their alternatives; each token is its first alternative."""
    content = [
        {
            "token": token, "logprob": tops.get(token, 0.0), "bytes": None,
            "top_logprobs": [{"token": t, "logprob": p, "bytes": None} for t, p in tops.items()],
        }
        for token, tops in tokens
    ]  # fmt: skip
    return completion("".join(token for token, _ in tokens), logprobs={"content": content})


def failed(status: int, message: str, **headers: str) -> Say:
    """An error in OpenAI's shape; a client may try again at once."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Say({"error": {"message": message}}, status, {"retry-after-ms": "1"} | names)


class ChatServer:
    """A running server, what it was asked and when.

    Parameters
    ----------
    answer
        Given a request's body and its number, from 0: what is said.
    """

    def __init__(self, answer: Callable[[Body, int], Say | Body]) -> None:
        self.answer = answer
        self.requests: list[Body] = []
        self.keys: list[str | None] = []
        self.answered = 0
        self.busy = self.most_at_once = 0
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # headers and body are written apart

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer.lock:
                    number = len(outer.requests)
                    outer.requests.append(body)
                    outer.keys.append(self.headers["Authorization"])
                    outer.busy += 1
                    outer.most_at_once = max(outer.most_at_once, outer.busy)
                try:
                    if self.path != "/v1/chat/completions":
                        self._say(failed(404, f"no {self.path}"))
                        return
                    said = outer.answer(body, number)
                    self._say(said if isinstance(said, Say) else Say(said))
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client has gone
                finally:
                    with outer.lock:
                        outer.busy -= 1

            def _say(self, said: Say) -> None:
                time.sleep(said.delay)
                text = said.body if isinstance(said.body, str) else json.dumps(said.body)
                self.send_response(said.status)
                for name, value in ({"Content-Type": "application/json"} | said.headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())
                with outer.lock:
                    outer.answered += said.status == 200

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


@contextmanager
def chat_server(answer: Callable[[Body, int], Say | Body]) -> Iterator[ChatServer]:
    """Run a server while the block runs."""
    one = ChatServer(answer)
    thread = threading.Thread(target=one.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.server.shutdown()
        one.server.server_close()
        thread.join()


def asked_text(body: Body) -> str:
    """What the user said in a request."""
    return str(body["messages"][-1]["content"])
