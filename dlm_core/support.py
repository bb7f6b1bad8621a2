"""Does a sentence say only what its evidence says? Decided by code, not by a model.

A claim is an edit of its evidence: words are kept in order and whole phrases
may go. What a small model gets wrong when it writes freely (words of the
evidence joined into something it does not say) shows as words that are not in
the evidence, as an order that is not the evidence's, or as a cut through the
middle of a phrase, and each of these is a problem with a name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import permutations

from dlm_core.advice import ORDERS, instructs
from dlm_core.boundaries import sentences
from dlm_core.code_names import plain
from dlm_core.cuts import cut_is_whole
from dlm_core.facts import unsupported
from dlm_core.headings import names_nothing
from dlm_core.phrases import WORD, is_mark, parts, same, words
from dlm_core.standalone import loses_its_verb, standalone
from dlm_core.tokenizer import FUNCTION_WORDS

# Words a writer may add when it joins two sentences.
GLUE = frozenset("and it they the a an that which".split())
# "... not because recessions have been deeper, but rather.": no sentence ends so.
WAITING = frozenset("and or nor but not because although whereas while than which the a an if unless".split())
UNFINISHED = frozenset("can cannot could may might must should will would".split())
BARE = " \t\n—“\"'"  # before a bracket or a dash that belongs to no word
BEFORE_WORD = re.compile(r"[(\[][^()\[\]]*[)\]]\w")
WAITS = re.compile(r"(?:Although|Though|While|Whereas|Because|Since|If|When|Unless|Once)\b")  # for a main clause


def _seams(found: list[str]) -> list[int]:
    """Where the second and further sentences of a text begin, by its words."""
    return [i + 1 for i, w in enumerate(found[:-1]) if w in ".!?" and parts(found, i) and found[i + 1][0].isupper()]


def _cut_over_seams(old: list[str], begin: int, end: int, seams: list[int], joint: bool) -> bool:
    """Whether a cut that reaches over the end of a sentence leaves each of the two whole, and both joined by a word:
    the beginning of one with the end of the other is said by neither."""
    inside = [k for k in seams if begin < k <= end]
    first = max((k for k in seams if k <= begin), default=0)
    last = next((k for k in seams if k > end), len(old))
    head, tail = old[first : inside[0]], old[inside[-1] : last]
    keep, gone = begin - first, end - inside[-1]
    while keep and is_mark(head[keep - 1]):
        keep -= 1  # what stands before the cut must be a sentence without its comma
    if keep and gone < len(tail) and not joint:
        return False
    return (not keep or cut_is_whole(head, keep, len(head))) and (gone in (0, len(tail)) or cut_is_whole(tail, 0, gone))


def _changes(old: list[str], new: list[str]) -> list[tuple[int, int, int, int]]:
    """(begin, end) in the old words and in the new ones of each change, in order.

    A mark that stands between two cuts and again at the end of the second is where one cut ends: a sentence without
    "(Smith et al., 1999)" loses one phrase, not one up to the stop of "al." and one after it."""
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    out: list[tuple[int, int, int, int]] = []
    for n, (kind, a, b, c, d) in enumerate(codes):
        if kind == "equal":
            continue
        if kind == "delete" and n > 1 and codes[n - 2][0] == "delete":
            between = old[codes[n - 1][1] : a]
            if all(map(is_mark, between)) and old[b - len(between) : b] == between and b - a >= len(between):
                begin, _, at, _ = out.pop()
                out.append((begin, b - len(between), at, at))
                continue
        out.append((a, b, c, d))
    return out


def _edit_problems(text: str, evidence: Sequence[str]) -> list[str]:
    """What is wrong with a text as an edit of one or two pieces of evidence, read one after the other."""
    new: list[str] = words(text)
    old: list[str] = []
    seams: list[int] = []
    attached: set[int] = set()  # what belongs to a word beside it: "now(zone)", "key(s)", "east–west", "[o]ut"
    for piece in evidence:
        found = words(piece)
        seams += [len(old) + k for k in (0, *_seams(found)) if len(old) + k]
        for i, m in enumerate(WORD.finditer(piece)):
            behind = m.group() in "([–-" and m.start() and piece[m.start() - 1] not in BARE
            if behind or BEFORE_WORD.match(piece, m.start()):
                attached.add(len(old) + i)
        old += found
    out, gone = [], []
    for a, b, c, d in _changes([same(w) for w in old], [same(w) for w in new]):
        added = [w for w in new[c:d] if not is_mark(w) and same(w) not in GLUE]
        if added:
            out.append(f"adds “{' '.join(added)}”")
        if any(a < k <= b for k in seams):
            joint = bool({"and", ";"} & {w.lower() for w in new[max(0, c - 1) : d + 2]})
            whole = _cut_over_seams(old, a, b, seams, joint)
        else:
            whole = b == a or (a not in attached and cut_is_whole(old, a, b))
        gone += old[a:b]
        if not whole:
            out.append(f"cuts “{' '.join(old[a:b])}” out of its phrase")
    if not out and loses_its_verb(text, " ".join(gone)):
        out.append("has no verb left")
    return out


def _last(text: str) -> str:
    """The last word of a sentence, in small letters."""
    return next((w.lower() for w in reversed(words(text)) if not is_mark(w)), "")


def _sentence_problems(text: str) -> list[str]:
    out = []
    new = words(text)
    last = [w.lower() for w in new if not is_mark(w)][-2:]
    if last and (last[-1] in WAITING or last in (["but", "rather"], ["that", "is"], ["such", "as"])):
        out.append(f"breaks off at “{last[-1]}”")
    if not text.endswith((".", "!", "”", '"', ")")) or text.endswith((" .", ",.", ";.", ":.")):
        out.append("does not end as a sentence")
    if text[:1].islower() and not re.match(r"\w*[A-Z_.(\d]", text.split(" ")[0]):
        out.append("does not begin as a sentence")
    if re.search(r"\w[—–] \w|[—–]\s*[—–]", text):
        out.append("spaces a dash wrongly")
    for left, right in (("(", ")"), ("[", "]"), ("“", "”")):
        if text.count(left) != text.count(right):
            out.append("leaves a bracket or quote open")
    if any(
        same(a) == same(b) and not is_mark(a) and same(a) not in {"that", "had"}
        for a, b in zip(new, new[1:], strict=False)
    ):
        out.append("repeats a word")
    return out


def _stands(text: str, evidence: str) -> bool:
    """Whether a text is the evidence or a whole sentence of it; the end of one is no sentence, though it looks like it:
    "Psychologists hold a degree." of "Most psychologists hold a degree."."""
    return text == evidence or (text in evidence and any(evidence[a:b] == text for a, b in sentences(evidence)))


def problems(text: str, evidence: Sequence[str]) -> list[str]:
    """Why a claim may not ship; [] where it may.

    Checked against each piece of evidence and against two pieces joined, the
    best reading counts: facts (numbers, dates, names, negation) must stand in
    the evidence, words must come from it in its order, what was cut must be
    whole phrases, and what is left must be a sentence that stands alone.
    """
    if not text.strip():
        return ["is empty"]
    if not evidence:
        return ["cites nothing"]
    out = [f"“{f}” is not in its evidence" for f in unsupported(text, list(evidence))]
    out += _sentence_problems(text)
    for stop in re.finditer(r"(\S+)\. [a-z][\w-]*", text):
        # A stop after which its evidence goes on in a small letter or a bracket is an abbreviation's: "et al. (2021)".
        goes_on = rf"{re.escape(stop.group(1))}\. (?![A-Z])"
        if not any(stop.group() in e or re.search(goes_on, e) for e in evidence):
            out.append(f"breaks off at “{stop.group()}”")
    for stop in re.finditer(r"\S+\.,|[;:] (?:is|are|was|were|has|have)\b", text):
        if not any(stop.group() in e for e in evidence):
            out.append(f"breaks off at “{stop.group()}”")
    alone = standalone(plain(text))  # evidence names in code only what its page is about
    if alone in ORDERS and instructs(text) and any(instructs(e) for e in evidence):
        alone = ""  # evidence is an instruction only where the question asks for one (agent/evidence.py)
    # These guess at fragments of a page; here the cuts are checked to be whole phrases, so what is left is a sentence.
    if alone and alone not in ("no verb", "not English prose"):
        out.append(f"does not stand alone: {alone}")
    if not any(_stands(text, e) for e in evidence):
        verb = _last(text)
        if verb in UNFINISHED and not any(_last(e) == verb for e in evidence):
            out.append(f"breaks off at “{verb}”")  # "one sample cannot, for example, be both"
        if WAITS.match(text) and "," not in text and any("," in e for e in evidence):
            out.append("has no main clause")
        readings = [*((e,) for e in evidence), *permutations(evidence, 2)]
        best: list[str] = min((_edit_problems(text, r) for r in readings), key=len)
        out += best
    return out


def heading_problems(heading: str, evidence: Sequence[str], known: Sequence[str] = ()) -> list[str]:
    """Why a heading may not stand over a section; [] where it may.

    Its content words must stand in the evidence or in the titles and headings
    the evidence came from (`known`).
    """
    if not heading.strip() or len(heading.split()) > 9 or len(heading) < 3:
        return ["is not one to nine words"]
    if heading.endswith((".", ",", ";", ":", "?")) or not any(ch.isalpha() for ch in heading):
        return ["is not a heading"]
    have = {_stem(w) for t in (*evidence, *known) for w in words(t)}
    own = [w for w in words(heading) if not is_mark(w) and w.lower() not in FUNCTION_WORDS]
    strange = [w for w in own if _stem(w) not in have]
    out = [f"“{w}” is not in its section" for w in strange]
    small = [w.lower() for w in words(heading) if not is_mark(w)]
    if len(set(small)) < len(small) - 1 or any(a == b for a, b in zip(small, small[1:], strict=False)):
        out.append("repeats a word")
    if (len(small) == 2 and small[0] in {"the", "a", "an"}) or names_nothing(heading):
        out.append("names too little")
    if small and (small[-1] in {"the", "a", "an", "of", "and", "to", "in", "for", "with", "or"}):
        out.append("is cut short")
    if not out and not any(_whole_phrase(heading, t) for t in (*evidence, *known)):
        out.append("is no whole phrase of its section")
    return out


def _stem(word: str) -> str:
    return re.sub(r"(?:ies|es|s|ing|ed)$", "", word.lower())[:7]


def _whole_phrase(heading: str, text: str) -> bool:
    """Whether `text` holds the heading as a phrase that ends where the heading ends."""
    pattern = r"(?<![\w-])" + r"\W+".join(re.escape(w) for w in words(heading) if not is_mark(w)) + r"(?:e?s)?(?![\w-])"
    for found in re.finditer(pattern, text, re.IGNORECASE):
        after = re.match(r"\s+([a-z][\w-]*)", text[found.end() :])
        if after is None or after.group(1) in FUNCTION_WORDS:
            return True
    return False
