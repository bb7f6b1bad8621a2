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

from dlm_core.boundaries import sentences
from dlm_core.facts import unsupported
from dlm_core.standalone import standalone
from dlm_core.tokenizer import FUNCTION_WORDS

WORD = re.compile(r"\w+(?:[.'’_/:-]+\w+)*(?:\(\))?|[^\w\s]")
# Words a writer may add when it joins two sentences.
GLUE = frozenset("and it they the a an that which".split())
BOUNDARIES = frozenset(", ; : . ! ? — – - ( ) [ ] …".split())
DASHES = frozenset("— – -".split())
# A cut may begin with these: the first ones without a comma before it, too; "people who ..." without one says which.
FREE = frozenset("because although though while whereas including such".split())
CLAUSE = FREE | frozenset("which who rather even".split())
JOINS = frozenset("and or nor".split())
# After its last comma a sentence may lose what begins so; anything else may be its main verb.
TAILS = frozenset(
    "a an the as so since for with by in on at from to like but where whose whom who which especially particularly"
    " namely usually often such".split()
)
# A cut that holds one of these changes what is claimed.
CONDITIONS = frozenset(
    "if unless until except without not never no only when whenever where provided according may might could".split()
)
# Words that say how far a claim goes: alone between commas or in brackets, they are no aside.
HEDGES = frozenset(
    "usually often sometimes generally typically mostly mainly largely partly probably perhaps likely possibly"
    " approximately roughly nearly almost about most some many few certain rarely seldom currently historically"
    " traditionally today least up part".split()
)
HEDGING = HEDGES | frozenset("in at to by the a of part extent degree case cases instances respects times".split())
FEW = 4  # words of a phrase that says where or when, and is no aside with a hedge in it: ", in some countries,"
# What begins so in brackets limits what stands before it: "run() (with check=True)".
LIMITS = frozenset("or but with without except excluding assuming".split())
# A sentence may lose its beginning only where that is a connective or a concession.
OPENERS = frozenset(
    "however therefore thus moreover furthermore also additionally consequently hence indeed similarly likewise"
    " nevertheless nonetheless overall specifically finally still again instead accordingly meanwhile"
    " besides clearly notably essentially basically and but so for in as of by although while because since"
    " though interestingly importantly note remember recall that".split()
)
# "... not because recessions have been deeper, but rather.": no sentence ends so.
WAITING = frozenset("and or nor but not because although whereas while than which the a an if unless".split())
# What one of these points at stays behind it: without its reason, "higher not because ..., but" denies nothing.
FOCUS = frozenset("not never only just merely simply mainly largely partly chiefly primarily rather precisely".split())
EXAMPLES = frozenset("such including like especially particularly namely".split())
RELATIVE = frozenset("which who whom whose where when".split())
PRONOUNS = frozenset("it its they them their he him his she her".split())
SUBJECTS = frozenset("i you he she it we they".split())
ARTICLES = frozenset("a an the".split())
NUMERALS = frozenset("one two three four five six seven eight nine ten several many some".split())
FINITE = frozenset("is are was were has have had does do did will would can could may might must should".split())
# A sentence that begins with one of these has its subject after a comma.
AHEAD = frozenset(
    "if when whenever while although though because since as after before once unless until where wherever in on at"
    " with without for from during under over by to unlike like despite given instead through throughout among within"
    " according based using".split()
)
_SHORT = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]|[A-Z][a-z]{1,2}|etc|vs|al|cf|ca|approx")
CONNECTIVES = re.compile(
    r"^(?:for (?:example|instance)|in (?:fact|addition|particular|short|contrast|other words|turn)"
    r"|as (?:a result|such)|of course|by contrast|on the other hand|that is)\b"
)


def words(text: str) -> list[str]:
    """Words and punctuation marks, in order."""
    return WORD.findall(text)


def _same(word: str) -> str:
    return word.lower().replace("’", "'")


def _is_mark(word: str) -> bool:
    return not any(ch.isalnum() for ch in word)


def _parts(evidence: list[str], at: int) -> bool:
    """Whether the mark at a place parts phrases: a quote, a currency sign and the stop of an abbreviation do not."""
    if evidence[at] in DASHES and all(w[:1].isdigit() for w in (evidence[at - 1], *evidence[at + 1 : at + 2])):
        return False  # "100–500"
    return evidence[at] in BOUNDARIES and not (
        evidence[at] == "." and at > 0 and bool(_SHORT.fullmatch(evidence[at - 1]))
    )


def _before(plain: list[str], stops: frozenset[str]) -> list[str]:
    """The words before the first of `stops`."""
    return plain[: next((i for i, w in enumerate(plain) if w in stops), len(plain))]


def _only_hedges(plain: list[str]) -> bool:
    """Whether a phrase does no more than say how far a claim goes: "in most cases"."""
    return bool(HEDGES & set(plain)) and set(plain) <= HEDGING


def cut_is_whole(evidence: list[str], begin: int, end: int) -> bool:
    """Whether evidence[begin:end] may go without changing what the rest says."""
    cut = [w.lower() for w in evidence[begin:end]]
    if all(_is_mark(w) for w in cut):
        beside = [evidence[i] for i in (begin - 1, end) if 0 <= i < len(evidence)]
        # A comma or dash by itself is one of the two around an aside.
        return not (len(cut) == 1 and cut[0] in DASHES | {","} and begin and not any(map(_is_mark, beside)))
    if evidence[:begin].count("(") > evidence[:begin].count(")") or ";" in cut[1:-1]:
        return False  # a part of what is in brackets, or the end of one clause and the beginning of the next
    if cut[0] in "([":
        close = cut.index({"(": ")", "[": "]"}[cut[0]]) if {"(": ")", "[": "]"}[cut[0]] in cut else -1
        inner = [w for w in cut[1:close] if not _is_mark(w)]
        if close < 0 or not inner or inner[0] in LIMITS or CONDITIONS & set(inner) or _only_hedges(inner):
            return False  # "only (or mainly)" is not "only"
        # What goes with the bracket must be whole as if the bracket had never been there.
        rest = [*evidence[:begin], *evidence[begin + close + 1 :]]
        left_over = evidence[begin + close + 1 : end]
        if left_over and all(map(_is_mark, left_over)):  # a comma goes along before a clause, not before an aside
            return end < len(evidence) and evidence[end].lower() in FREE | JOINS | {"but"}
        return not left_over or cut_is_whole(rest, begin, begin + len(left_over))
    plain = [w for w in cut if not _is_mark(w)]
    aside = plain[0] in CLAUSE | {"since", "who"}  # what an aside says on the side cannot change the rest
    if not aside and (CONDITIONS & set(plain) or any(w.endswith(("n't", "n’t")) for w in plain)):
        return False
    if not aside and HEDGES & set(plain) and (len(plain) <= FEW or _only_hedges(plain)):
        return False  # "is, in most cases, fatal"
    if begin and all(w in JOINS | {"but"} for w in plain):
        return False  # two clauses held by a comma alone
    if begin == 0:
        subordinator = plain[0] in {"although", "while", "because", "since", "though", "as"}
        # A connective goes alone, a subordinate clause goes whole: "while" without its clause joins two by a comma.
        bare = len(plain) == 1 and plain[0] in OPENERS - AHEAD | {"instead"} and not subordinator
        clause = subordinator and len(plain) > 1 and plain[1] != "of" and "," not in cut[:-1]
        if clause and PRONOUNS & {w.lower() for w in evidence[end:]}:
            return False  # the noun may be in what goes
        opener = CONNECTIVES.match(" ".join(plain)) or bare or clause
        return bool(opener) and (_is_mark(evidence[end - 1]) or len(plain) == 1)
    if evidence[begin - 1].lower() in FOCUS and not _is_mark(cut[0]):
        return False
    # A list keeps all its items: without its last one, or one before the last "and", it reads as broken off.
    after = [w.lower() for w in evidence[end : end + 2] if not _is_mark(w)]
    if plain[0] in JOINS or plain[-1] in JOINS or (after and after[0] in JOINS):
        return False
    if any(a == "," and b in FINITE for a, b in zip(cut[1:], cut[2:], strict=False)):
        return False  # ", such as this one, will check": after the aside comes the sentence's own verb
    ends = all(_is_mark(w) for w in evidence[end:])
    comma = evidence[begin - 1] == "," or cut[0] == ","
    if ends and comma and ":" in evidence[:begin]:
        return False  # what a colon announces is all of it or nothing
    if ends and comma and plain[0] not in TAILS | CLAUSE and not plain[0].endswith(("ing", "ed", "ly")):
        return False  # ", tries to force the star to expand" is the sentence's own verb
    commas = [i for i, w in enumerate(cut[1:-1], 1) if w == ","]
    more = cut[commas[-1] + 1] if ends and commas else ""
    if more and plain[0] in EXAMPLES and more not in JOINS:
        return False  # "brings a system, such as a gas, back to its state": no list, and the sentence goes on
    if more and plain[0] in RELATIVE and not (more in JOINS | CLAUSE | TAILS or more.endswith(("ing", "ed"))):
        return False  # the same, after "which is hot,"
    if ends and comma and plain[0] in ARTICLES and FINITE & set(_before(plain, RELATIVE | {"that"})):
        return False  # ", the core is saved": a clause, no second name for what stands before it
    if ends and evidence[0].lower() in AHEAD and "," not in evidence[:begin]:
        return False  # "When the collapse is stopped" waits for what happens then
    if not ends and plain[0] not in CLAUSE | RELATIVE | TAILS | AHEAD | {"that"} and FINITE & set(plain):
        return False  # ", conformity is likelier,": a clause with a subject of its own
    if not ends and plain[0] in SUBJECTS:
        return False  # "Today, we speak of 88 sectors, much as": the sentence itself, no aside
    if not ends and plain[0] in RELATIVE and "," in cut[1:-1]:
        return False  # up to its second comma a clause on the side may have taken the sentence's own verb along
    if not ends and any(a == "," and b in JOINS | {"but"} for a, b in zip(cut[1:], cut[2:], strict=False)):
        return False  # between two commas stands one aside, not the end of one clause and the beginning of the next
    if not ends and cut[-1] in {";", ":"} and cut[0] not in {";", ":"}:
        return False  # what it parts would run together
    if not ends and plain[0] in ARTICLES and "," in cut[1:-1]:
        return False  # a second name has no comma; "Often, a therapist helps them, such as" is a clause
    if ends and cut[0] in {"—", "–"} and {"—", "–"} & set(cut[1:]):
        return False  # after its second dash the sentence goes on
    if ends and plain[:3] == ["as", "well", "as"]:
        return False  # the other half of what the sentence counts
    if ends and plain[0].endswith("ing") and any(w.endswith("ing") for w in evidence[max(0, begin - 4) : begin]):
        return False  # "by lowering wages, lowering prices, and ...": a list
    before = [w.lower() for w in evidence[:begin]]
    denied = zip(before, before[1:], strict=False)
    if ends and {("not", "only"), ("not", "because")} & set(denied) and {"also", "but", "because"} & set(plain):
        return False  # the half that is denied waits for the other
    if ends and ("only", "to") in zip(before, before[1:], strict=False):
        return False  # "life formed only to be wiped out": by what?
    opens = cut[0] if _is_mark(cut[0]) else evidence[begin - 1]
    closes = cut[-1] if _is_mark(cut[-1]) else (evidence[end] if end < len(evidence) else "")
    if not ends and (opens in DASHES) != (closes in DASHES) and (closes in DASHES or _is_mark(closes)):
        return False  # "the problem—that is, what recession causes—": an aside ends with what it began with
    if not ends and opens in DASHES and closes in DASHES and not (cut[0] in DASHES and cut[-1] in DASHES):
        return False  # an aside takes both of its dashes along
    if not ends and opens == closes == ",":
        later = [i for i in range(end, len(evidence) - 1) if evidence[i] == ","]
        listed = any(evidence[i + 1].lower() in JOINS for i in later)
        follows = next((w for w in evidence[end:] if not _is_mark(w)), "")
        if listed and plain[0] not in CLAUSE | RELATIVE | TAILS | AHEAD | OPENERS | {"that"}:
            return False  # an item of a list
        verb = follows.lower() in FINITE or follows.endswith("ed")
        if plain[0] in RELATIVE and (listed or follows[:1].isupper()) and not verb:
            return False  # ", which is a city like Syracuse, New York, or Pasadena": the list is the clause's own
        if cut[-1] == "," and any(evidence[i + 1].lower() in FINITE for i in later[:1]):
            return False  # ", however, at first glance, does": its second comma is the first of another aside
    if not ends and len(plain) > 1 and not CONNECTIVES.match(" ".join(plain)):
        following = next((w.lower() for w in evidence[end:] if not _is_mark(w)), "")
        named = ARTICLES | NUMERALS
        if following in RELATIVE or (plain[0] in named and following in named):
            return False  # "on the diagram, in its upper half, where stars are cool": what follows says it of the half
    left_comma, right_comma = evidence[begin - 1] == ",", end < len(evidence) and evidence[end] == ","
    if not ends and (left_comma or cut[0] == ",") and (right_comma or cut[-1] == ",") and left_comma != right_comma:
        following = next((w.lower() for w in evidence[end:] if not _is_mark(w)), "")
        if following not in JOINS | CLAUSE | TAILS | {"but", "yet"}:
            return False  # an aside takes both of its commas along: "Unemployment, is more than a number"
    left = _parts(evidence, begin - 1) or _parts(evidence, begin) or cut[0] in FREE
    right = end == len(evidence) or _parts(evidence, end - 1) or _parts(evidence, end)
    return left and right


def _seams(found: list[str]) -> list[int]:
    """Where the second and further sentences of a text begin, by its words."""
    return [i + 1 for i, w in enumerate(found[:-1]) if w in ".!?" and _parts(found, i) and found[i + 1][0].isupper()]


def _cut_over_seams(old: list[str], begin: int, end: int, seams: list[int], joint: bool) -> bool:
    """Whether a cut that reaches over the end of a sentence leaves each of the two whole, and both joined by a word:
    the beginning of one with the end of the other is said by neither."""
    inside = [k for k in seams if begin < k <= end]
    first = max((k for k in seams if k <= begin), default=0)
    last = next((k for k in seams if k > end), len(old))
    head, tail = old[first : inside[0]], old[inside[-1] : last]
    keep, gone = begin - first, end - inside[-1]
    while keep and _is_mark(head[keep - 1]):
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
            if all(map(_is_mark, between)) and old[b - len(between) : b] == between and b - a >= len(between):
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
    attached: set[int] = set()  # brackets that belong to the word before them: "now(zone)", "key(s)"
    for piece in evidence:
        found = words(piece)
        seams += [len(old) + k for k in (0, *_seams(found)) if len(old) + k]
        marks = enumerate(WORD.finditer(piece))
        attached |= {len(old) + i for i, m in marks if m.group() in "([" and piece[m.start() - 1 : m.start()].isalnum()}
        old += found
    out = []
    for a, b, c, d in _changes([_same(w) for w in old], [_same(w) for w in new]):
        added = [w for w in new[c:d] if not _is_mark(w) and _same(w) not in GLUE]
        if added:
            out.append(f"adds “{' '.join(added)}”")
        if any(a < k <= b for k in seams):
            joint = bool({"and", ";"} & {w.lower() for w in new[max(0, c - 1) : d + 2]})
            whole = _cut_over_seams(old, a, b, seams, joint)
        else:
            whole = b == a or (a not in attached and cut_is_whole(old, a, b))
        if not whole:
            out.append(f"cuts “{' '.join(old[a:b])}” out of its phrase")
    return out


def _sentence_problems(text: str) -> list[str]:
    out = []
    new = words(text)
    last = [w.lower() for w in new if not _is_mark(w)][-2:]
    if last and (last[-1] in WAITING or last in (["but", "rather"], ["that", "is"], ["such", "as"])):
        out.append(f"breaks off at “{last[-1]}”")
    if not text.endswith((".", "!", "”", '"', ")")) or text.endswith((" .", ",.", ";.", ":.")):
        out.append("does not end as a sentence")
    if text[:1].islower() and not re.match(r"\w*[A-Z_.(\d]", text.split(" ")[0]):
        out.append("does not begin as a sentence")
    if re.search(r"\w[—–] \w", text):
        out.append("spaces a dash wrongly")
    for left, right in (("(", ")"), ("[", "]"), ("“", "”")):
        if text.count(left) != text.count(right):
            out.append("leaves a bracket or quote open")
    if any(
        _same(a) == _same(b) and not _is_mark(a) and _same(a) not in {"that", "had"}
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
    for stop in re.finditer(r"\S+\. [a-z][\w-]*", text):
        if not any(stop.group() in e for e in evidence):
            out.append(f"breaks off at “{stop.group()}”")
    alone = standalone(text)
    # "no verb" guesses at fragments of a page; here the cuts are checked to be whole phrases, so the verb is left.
    if alone and alone != "no verb":
        out.append(f"does not stand alone: {alone}")
    if not any(_stands(text, e) for e in evidence):
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
    own = [w for w in words(heading) if not _is_mark(w) and w.lower() not in FUNCTION_WORDS]
    strange = [w for w in own if _stem(w) not in have]
    out = [f"“{w}” is not in its section" for w in strange]
    small = [w.lower() for w in words(heading) if not _is_mark(w)]
    if len(set(small)) < len(small) - 1 or any(a == b for a, b in zip(small, small[1:], strict=False)):
        out.append("repeats a word")
    if len(small) == 2 and small[0] in {"the", "a", "an"}:
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
    pattern = (
        r"(?<![\w-])" + r"\W+".join(re.escape(w) for w in words(heading) if not _is_mark(w)) + r"(?:e?s)?(?![\w-])"
    )
    for found in re.finditer(pattern, text, re.IGNORECASE):
        after = re.match(r"\s+([a-z][\w-]*)", text[found.end() :])
        if after is None or after.group(1) in FUNCTION_WORDS:
            return True
    return False
