"""What a question asks of separately: its parts, and the things it names.

"How does X interact with Y" is answered by pages on X and by pages on Y; a search
for the whole of it finds the page that has the most words of both. By rules, as
the brief is (agent/brief.py): the same question gives the same sub-questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.brief import Brief
from agent.splitting import PARTICIPLES, VERBS
from dlm_core.phrases import base_forms
from tools.query import STOPWORDS, keywords, stem

MOST = 4  # things of one question that are looked for at once
LONGEST = 4  # words of one thing
CONTEXT = 3  # words of the clause that are searched for beside a thing of one word
NAMED = 0.6  # share of a thing's words that a text must have to speak of it

_TOKEN = re.compile(r"[^\s,;:?!()\[\]“”\"]+(?:\(\))?|[,;:?!()\[\]]")
_CODE = re.compile(r"\w[._]\w|^_|\(\)$|\w\*$|[a-z][A-Z]|[A-Z]{2}|[A-Za-z]\d")
_DESCRIBES = re.compile(r"^[a-z]+(?:able|al|ed|ful|ible|ing|ive|less|ly|ous)$")
_AUXILIARY = frozenset("do does did can could should would will must may might".split())
# Words that part one thing from the next although search engines take them for content.
_LOOSE = frozenset(
    "across along among another any anything around away back become becomes behind beside best better cannot common"
    " different difference differences directly even ever every exactly find first general get gets given gives go goes"
    " good happen happens instead interact interacts kind kinds later like long many matter means must need needs never"
    " one order others part parts possible right safe since something sort still take takes thing things time times two"
    " type types upon versus vs want way ways whole within without wrong yet".split()
)


@dataclass(frozen=True)
class Thing:
    """Something a question names. words: as they stand in the question. clause: the
    sub-question it stands in."""

    words: tuple[str, ...]
    clause: str

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def query(self) -> str:
        """What to search for: a thing of one plain word needs the company it is asked in."""
        if len(self.words) > 1:
            return self.text
        own = {stem(p) for w in self.words for p in _pieces(w)}
        beside = [w for w in keywords(self.clause, 12) if not own & {stem(p) for p in _pieces(w)}]
        return " ".join([*self.words, *beside[:CONTEXT]])


def things(brief: Brief) -> list[Thing]:
    """What the question names, each once, in the order named: runs of content words
    between verbs, prepositions and conjunctions ("of" joins)."""
    out: dict[tuple[str, ...], Thing] = {}
    for clause in brief.parts:
        for words in _runs(clause):
            out.setdefault(tuple(sorted({stem(w) for w in words})), Thing(words, clause))
    held = list(out.items())
    # "task" where "asyncio task" is named too says nothing more.
    return [thing for key, thing in held if not any(set(key) < set(other) for other, _ in held)]


def apart(brief: Brief) -> list[Thing]:
    """The things worth a search of their own before anything was read: at most MOST,
    those of several words and names of code, where the question names more than one."""
    named = [t for t in things(brief) if len(t.words) > 1 or _CODE.search(t.words[0])]
    if len(named) < 2:
        return []
    sharp = sorted(named, key=lambda t: -any(bool(_CODE.search(w)) for w in t.words))[:MOST]
    return [t for t in named if t in sharp]


def is_thing(thing: Thing) -> bool:
    """Whether it can be asked about by itself: a word that only describes ("reliable", "stopping") cannot."""
    return len(thing.words) > 1 or not (_DESCRIBES.search(thing.words[0]) or thing.words[0] in PARTICIPLES)


def speaks_of(thing: Thing, texts: Sequence[str]) -> bool:
    """Whether one of the texts has NAMED of the thing's words, in any form."""
    wanted = {stem(w) for word in thing.words for w in _pieces(word)}
    if not wanted:
        return True
    for text in texts:
        held = {stem(w) for word in re.findall(r"[\w.]+", text) for w in _pieces(word)}
        if len(wanted & held) >= NAMED * len(wanted):
            return True
    return False


def _pieces(word: str) -> list[str]:
    """The words of a dotted or underscored name."""
    return [w for w in re.split(r"[\W_]+", word) if w]


def _runs(clause: str) -> list[tuple[str, ...]]:
    """Runs of content words of one clause."""
    tokens = [t.rstrip(".'’") or t for t in _TOKEN.findall(clause)]
    content = [_is_content(t) for t in tokens]
    verb = _main_verb(tokens)
    runs: list[list[str]] = [[]]
    for i, token in enumerate(tokens):
        inside = 0 < i < len(tokens) - 1 and content[i - 1] and content[i + 1] and i != verb
        if content[i] and (inside or not _is_verb(token)):
            runs[-1].append(token)
        elif token.lower() == "of" and runs[-1]:
            continue  # "the cancellation of a task" is one thing
        elif token.lower() in ("a", "an", "the") and i and tokens[i - 1].lower() == "of" and runs[-1]:
            continue
        elif runs[-1]:
            runs.append([])
    return [tuple(run[-LONGEST:]) for run in runs if run]


def _main_verb(tokens: Sequence[str]) -> int:
    """Where the verb stands that belongs to an auxiliary ("How does shelve store ..."); -1 for nowhere."""
    at = next((i for i, t in enumerate(tokens[:3]) if t.lower() in _AUXILIARY), None)
    if at is None:
        return -1
    return next((i for i in range(at + 2, len(tokens)) if tokens[i].lower() in VERBS), -1)


def _is_content(token: str) -> bool:
    low = token.lower()
    return bool(re.search(r"[^\W\d]", token)) and low not in STOPWORDS and low not in _LOOSE


def _is_verb(token: str) -> bool:
    low = token.lower()
    forms = base_forms(low) | {low.removesuffix("ing"), low.removesuffix("ing") + "e"}
    return not _CODE.search(token) and bool(forms & VERBS)
