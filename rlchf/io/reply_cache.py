"""A file of an endpoint's replies, so that none is paid for twice: SQLite, one row per request."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

VERSION = 1
"""Of the table; kept in the file."""


@dataclass(frozen=True)
class Reply:
    """What an endpoint answered to one request.

    Attributes
    ----------
    body
        The answer as it came.
    prompt_tokens, completion_tokens
        Its counts of tokens; 0 if it gave none.
    seconds
        How long it took, waiting included.
    """

    body: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


class ReplyCache:
    """Replies by the key of their request; each is on disk before the next request is sent.

    Several threads may use it, and several processes the same file.

    Parameters
    ----------
    path
        The file, which is made if it is not there; empty keeps the replies in memory.

    Raises
    ------
    ValueError
        If the file holds something else, or cannot be written.

    Examples
    --------
    >>> cache = ReplyCache()
    >>> cache.put("k", Reply("{}", 10, 2))
    >>> cache.get("k"), cache.get("other")
    (Reply(body='{}', prompt_tokens=10, completion_tokens=2, seconds=0.0), None)
    """

    def __init__(self, path: str | Path = "") -> None:
        self.path = str(path)
        self._lock = Lock()
        try:
            self._open()
        except sqlite3.Error as error:
            raise ValueError(
                f"{self.path} cannot be used as a cache ({error}); name a new file, or remove this one"
            ) from None

    def _open(self) -> None:
        self._file = sqlite3.connect(
            self.path or ":memory:", timeout=60, isolation_level=None, check_same_thread=False
        )
        version = self._file.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"it is of version {version}, not {VERSION}")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, body TEXT NOT NULL, "
            "prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, seconds REAL NOT NULL, "
            "at TEXT NOT NULL)"
        )
        self._file.execute(f"PRAGMA user_version = {VERSION}")

    def get(self, key: str) -> Reply | None:
        """The reply to a request; None if it has none."""
        with self._lock:
            row = self._file.execute(
                "SELECT body, prompt_tokens, completion_tokens, seconds FROM replies WHERE key = ?",
                (key,),
            ).fetchone()
        return Reply(*row) if row else None

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply.

        Raises
        ------
        ValueError
            If it cannot be written.
        """
        row = (key, reply.body, reply.prompt_tokens, reply.completion_tokens, reply.seconds)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            with self._lock:
                self._file.execute(
                    "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?, ?)", (*row, now)
                )
        except sqlite3.Error as error:
            raise ValueError(
                f"{self.path}: a reply that is paid for cannot be written: {error}"
            ) from None

    def __len__(self) -> int:
        with self._lock:
            return int(self._file.execute("SELECT COUNT(*) FROM replies").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()
