"""Words by which users ask for a human, found in what they say.

A keyword stands in a message where its words and signs stand there in this order, each of them whole; case, spaces and
how accents are put together do not matter. Scripts that put no spaces between words (Chinese, Japanese, Thai), or add
endings to them (Korean), are compared sign by sign.

Messages come from strangers, and other threads wait meanwhile: all keywords are looked for in one pass, which takes
time in proportion to the message, whatever stands in either (Aho and Corasick, 1975).
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

#: Thai and Lao, Burmese, Khmer, Chinese and Japanese, Korean.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"

#: A sign of these, a word of others, or another sign.
TOKEN = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+|[^\w\s]")

#: Accents are put together within a run of so many characters and no more: of very many, Python takes the square of
#: their number in time. A keyword has half as many.
COMPOSED = 256

#: Agents whose keywords a process keeps ready; at their longest (`configuration.KEYWORDS`) each takes some 2 MiB.
KEPT = 64


def said(message: str, keywords: Sequence[str]) -> str | None:
    """The keyword that stands in the message, as it is configured, the one that ends first; None: none does."""
    return _automaton(tuple(keywords)).first(_tokens(message)) if keywords else None


def _tokens(text: str) -> Sequence[str]:
    composed = " ".join(_composed(run) for run in text.split())
    return TOKEN.findall(composed.casefold())


def _composed(run: str) -> str:
    return unicodedata.normalize("NFC", run) if len(run) <= COMPOSED else run


class _Automaton:
    """A state is the beginning of a keyword that the tokens read so far end with, the longest; 0 is none.

    `back`: the next shorter such beginning; `ends`: the keyword that ends at the state.
    """

    def __init__(self, keywords: Sequence[str]) -> None:
        self._next: dict[tuple[int, str], int] = {}
        self._back, self._ends, self._depth = [0], list[str | None]([None]), [0]
        for keyword in keywords:
            self._add(keyword)
        for (state, token), to in sorted(self._next.items(), key=lambda edge: self._depth[edge[1]]):
            self._back[to] = self._after(self._back[state], token) if state else 0
            self._ends[to] = self._ends[to] or self._ends[self._back[to]]

    def first(self, tokens: Sequence[str]) -> str | None:
        state = 0
        for token in tokens:
            state = self._after(state, token)
            if (keyword := self._ends[state]) is not None:
                return keyword
        return None

    def _add(self, keyword: str) -> None:
        state = 0
        for token in _tokens(keyword):
            to = self._next.setdefault((state, token), len(self._ends))
            if to == len(self._ends):
                self._back.append(0)
                self._ends.append(None)
                self._depth.append(self._depth[state] + 1)
            state = to
        if state:
            self._ends[state] = self._ends[state] or keyword

    def _after(self, state: int, token: str) -> int:
        while (to := self._next.get((state, token))) is None:
            if not state:
                return 0
            state = self._back[state]
        return to


_automaton = lru_cache(maxsize=KEPT)(_Automaton)
