"""Words, and what of them carries meaning.

Shared by the embedding and by the choice of sentences, so that what is found is also what is quoted. English only;
the stems are crude (`iterate`, `iterator` and `iteration` become one, and so do a few strangers), which costs
precision and needs no dictionary.
"""

import math
import re
from functools import lru_cache

#: Names and words, numbers, and short runs of signs: in a language reference `:=` and `**` are words, too.
WORD = re.compile(r"[^\W\d]\w*|\d+|[^\w\s]{1,3}")

_COMMON = """
a about after all also an and any are as at be because been before both but by can could did do does doing each few
first for from get give given gives good had happen happens has have here how i if in into is it its just like made make
makes many may me mean means might more most much must my need needs new no not now of off on once one only onto or
other our out over own same see should so some such than that the their them then there these they thing things this
those to two under until up upon us use used uses using very via want was way we were what when where whether which
while who whom whose why will with within without work works would you your example difference
"""

_PLAIN = """
argument arguments call calls called case cases change changes code create creates define defines element elements
expression expressions find following form item items list lists method methods name names note number numbers object
objects program programs python read result results return returns sequence set sets statement statements type types
value values write
"""

_ENDINGS = """
ational ization isation fulness ousness iveness ations ation ators ator ingly ments ment ness ings ing ized ised izes
ises ize ise able ible ally edly ions ion ers ies ied ous ive ity est er ed es ly al ic y s e
"""

#: Words of English that say how something is asked, hardly ever what about.
COMMON = frozenset(_COMMON.split())

#: Words of programming that stand in every second passage about it.
PLAIN = frozenset(_PLAIN.split())

#: Endings, longer before shorter: what is cut to bring the forms of a word together.
ENDINGS = tuple(_ENDINGS.split())

#: Letters that a stem keeps at least.
SHORTEST_STEM = 3


def words(text: str) -> list[str]:
    return WORD.findall(text)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return _single(word[: -len(ending)])
    return _single(word)


def _single(word: str) -> str:
    """`stopp` (from `stopping`) is `stop`, and `class` (from `classes`) is `clas`, as it is without its last `s`."""
    doubled = len(word) > SHORTEST_STEM and word[-1] == word[-2]
    return word[:-1] if doubled else word


def content(text: str) -> set[str]:
    """The stems of the words that carry meaning."""
    return {stem(word) for word in words(text.lower()) if word not in COMMON and word[0].isalnum()}


def overlap(question: str, sentence: str) -> float:
    """How well a sentence fits a question: meaningful stems shared, long sentences mildly discounted."""
    said = content(sentence)
    return len(content(question) & said) / math.sqrt(len(said) + 1)
