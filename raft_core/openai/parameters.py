"""Parameters that a server refuses: left out or renamed once, and remembered for its URL and model.

Reasoning models take `max_completion_tokens` for `max_tokens` and no `temperature`; older servers know no
`seed` or `stream_options`. Which one is refused stands in the error's `param` or in its words.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from raft_core.openai.errors import ServerError
from raft_core.urls import shown_url

log = logging.getLogger(__name__)

NEEDED = {"model", "messages", "prompt", "input"}
"""Without these there is no request."""
_OTHER_NAME = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_STREAM_ONLY = re.compile(
    r"only supports? stream|non-stream(?:ing)? (?:calls|is|mode|requests)|must be (?:used with )?stream|enable the stream",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(
    r"too large|at most|less than|lower than|not exceed|maximum|exceeds|<=|\u2264|range|up to|no more than",
    re.IGNORECASE,
)
_NO_STREAM = re.compile(
    r"not support(?:ed)? (?:\w+ ){0,2}stream|stream(?:ing|ed)? \w* ?(?:is |are )?not ", re.IGNORECASE
)
_POSITIVE = re.compile(r"positive|(?:greater|larger|more) than (?:or equal to )?0|> ?=? ?0", re.IGNORECASE)
_NEARLY_GREEDY = 0.01
_UNKNOWN = re.compile(
    r"unexpected keyword|unsupported|not supported|unrecogni[sz]ed|unknown (?:field|param)", re.IGNORECASE
)
"""Some servers answer with status 500 to what they do not know."""
_UNSUPPORTED = re.compile(
    r"unsupported|support|unknown|unrecogni[sz]ed|unexpected|not (?:permitted|allowed|available)|extra (?:inputs|fields)"
    r"|forbidden|only the default|deprecated|instead|strictly positive",
    re.IGNORECASE,
)
_USUAL = {"temperature": 2.0, "top_p": 1.0}


class Parameters:
    """What one model at one URL takes."""

    def __init__(self, url: str, model: str) -> None:
        self._where = f"{model} at {shown_url(url)}"
        self._renamed: dict[str, str] = {}
        self._left_out: set[str] = set()
        self._values: dict[str, Any] = {}

    def fit(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a request as this model takes it, as far as is known."""
        renamed = {self._renamed.get(name, name): value for name, value in body.items()}
        kept = {name: value for name, value in renamed.items() if name not in self._left_out}
        limits = {
            name: min(kept[name], limit) if isinstance(limit, int) and not isinstance(limit, bool) else limit
            for name, limit in self._values.items()
            if name in kept or name == "stream"
        }
        return {**kept, **limits}

    def learn(self, sent: dict[str, Any], error: ServerError, *, ours: bool = True) -> bool:
        """Take note of what the model refuses in a request that was sent; False where no parameter is to blame.

        Values that are not `ours` may be nonsense: one client's must not change what others' requests become.
        """
        if error.is_about_length or not (error.is_refusal or _UNKNOWN.search(error.message)):
            return False
        if _STREAM_ONLY.search(error.message) and not sent.get("stream"):
            self._values["stream"], what = True, "streamed requests alone"
        elif _NO_STREAM.search(error.message) and sent.get("stream"):
            self._left_out |= {"stream", "stream_options"}
            what = "no streamed requests"
        elif (name := _refused(sent, error)) and (ours or _is_unsupported(name, sent[name], error)):
            what = self._adapt(name, sent, error.message)
        else:
            return False
        note = ": its answers may differ from one time to the next" if "temperature" in what else ""
        log.warning("%s takes %s%s", self._where, what, note)
        return True

    def _adapt(self, name: str, sent: dict[str, Any], message: str) -> str:
        other = _OTHER_NAME.get(name)
        if (limit := _limit(sent[name], message)) is not None:
            self._values[name] = limit
            return f"{name} of at most {limit}"
        if name == "temperature" and _POSITIVE.search(message) and name not in self._values:
            self._values[name] = _NEARLY_GREEDY
            return f"a temperature of {_NEARLY_GREEDY} at least"
        if other and other not in sent and not {name, other} & {*self._renamed, *self._renamed.values()}:
            self._renamed[name] = other
            return f"{other} for {name}"
        self._left_out.add(name)
        return f"no {name}"


_known: dict[tuple[str, str], Parameters] = {}


def parameters_of(url: str, model: str) -> Parameters:
    """Return what is known in this process of a model at a URL."""
    return _known.setdefault((url, model), Parameters(url, model))


def _refused(sent: dict[str, Any], error: ServerError) -> str | None:
    """Return the optional parameter of a request that an error blames."""
    optional = [name for name in sent if name not in NEEDED]
    blamed = re.split(r"[.\[]", error.param.removeprefix("body."))[0]
    if blamed in optional:
        return blamed
    if blamed in NEEDED:
        return None
    named = [(found.start(), name) for name in optional if (found := _named(name, error.message))]
    return min(named)[1] if named else None


def _is_unsupported(name: str, value: Any, error: ServerError) -> bool:
    """Tell whether a model takes no such parameter at all, rather than not this value."""
    usual = not isinstance(value, int | float) or name not in _USUAL or 0 <= value <= _USUAL[name]
    unsupported = error.code.startswith(("unsupported", "unknown")) or _UNSUPPORTED.search(error.message)
    return usual and (bool(unsupported) or _limit(value, error.message) is not None)


def _named(name: str, message: str) -> re.Match[str] | None:
    """Find a parameter's name in a message; names that are ordinary words have to stand in quotes."""
    quoted = rf"[`'\"\u2018\u201c]{name}(?:\.\w+)?[`'\"\u2019\u201d]"
    if name in {"stop", "stream", "seed", "user", "n", "temperature"}:
        ordinary = (
            rf"\b{name}\b(?=:| (?:is|are|must|does|not|parameter|value|should|may|can))"
            rf"|(?:arguments?|parameters?|fields?|options?|inputs?)\W+(?:\w+\W+)?{name}\b"
        )
        return re.search(rf"{quoted}|{ordinary}", message, re.IGNORECASE)
    return re.search(rf"{quoted}|(?<![\w.]){name}(?!\w)", message)


def _limit(value: Any, message: str) -> int | None:
    """Return the largest number below a value that a message says is too large."""
    if isinstance(value, bool) or not isinstance(value, int) or not _TOO_LARGE.search(message):
        return None
    numbers = [
        int(number.replace(",", "")) for number in re.findall(r"(?<![\w.])\d[\d,]*(?![\w.]*\d)", message)
    ]
    return max((number for number in numbers if 0 < number < value), default=None)
