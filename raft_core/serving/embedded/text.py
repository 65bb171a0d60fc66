"""From tokens to text, one at a time: half characters and half stop strings are held back."""

from __future__ import annotations

from typing import Any

HALF_CHARACTER = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """The text of one answer as its tokens arrive, cut before the first stop string.

    Where nobody reads along (`live` false) and no stop string has to be found, tokens are decoded
    once at the end.
    """

    def __init__(self, tokenizer: Any, stop: tuple[str, ...], *, live: bool, skip_special: bool) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._eager = live or bool(stop)
        self._skip_special = skip_special
        self._ids: list[int] = []
        self._window = 0  # decoding starts here: a few tokens of context, for spaces between words
        self._read = 0  # tokens before this one are in `_text`
        self._text = ""
        self._taken = 0
        self.stopped = False

    def push(self, token: int) -> None:
        """Take one more token; sets `stopped` when a stop string is complete."""
        self._ids.append(token)
        if self._eager:
            self._decode(last=False)

    def take(self, *, last: bool) -> str:
        """Return what is new and certain; with `last` all that is left."""
        if last and not self.stopped:
            self._decode(last=True)
        end = len(self._text) - (0 if last or self.stopped else self._held_back())
        new = self._text[self._taken : end]
        self._taken = max(self._taken, end)
        return new

    def _decode(self, *, last: bool) -> None:
        # The method of Hugging Face's text-generation-inference: the difference that the new tokens
        # make behind the same context, once they end in a whole character.
        before = self._plain(self._ids[self._window : self._read])
        after = self._plain(self._ids[self._window :])
        if len(after) <= len(before) or (after.endswith(HALF_CHARACTER) and not last):
            return
        searched = len(self._text)
        self._text += after[len(before) :]
        self._window, self._read = self._read, len(self._ids)
        self._find_stop(searched)

    def _find_stop(self, searched: int) -> None:
        found = [
            place
            for stop in self._stop
            if (place := self._text.find(stop, max(0, searched - len(stop) + 1))) >= 0
        ]
        if found:
            self._text = self._text[: min(found)]
            self.stopped = True

    def _held_back(self) -> int:
        """Return the length of the longest end of the text that may yet become a stop string."""
        longest = max((len(stop) for stop in self._stop), default=1) - 1
        for size in range(min(longest, len(self._text)), 0, -1):
            if any(stop.startswith(self._text[-size:]) for stop in self._stop):
                return size
        return 0

    def _plain(self, ids: list[int]) -> str:
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=self._skip_special, clean_up_tokenization_spaces=False
        )
        return text
