"""May a phrase be cut out of a sentence without changing what the rest says? By words and marks, not by a model.

A cut is whole where it takes a phrase and nothing of its neighbours: an aside with both of its commas, a bracket, a
clause on the side at the end, a connective at the beginning. The rules prefer a good cut refused over a bad one let
through: a sentence that stays as it is costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dlm_core.english import AUX, IRREGULAR
from dlm_core.phrases import (
    AHEAD,
    ARTICLES,
    BEING,
    BESIDE,
    CLAUSE,
    CONDITIONS,
    CONNECTIVES,
    CONTRASTS,
    DASHES,
    EXAMPLES,
    FEW,
    FINITE,
    FOCUS,
    FREE,
    HEDGES,
    HEDGING,
    JOINS,
    LIMITS,
    MODALS,
    NUMERALS,
    OPENERS,
    OTHERS,
    PRONOUNS,
    RELATIVE,
    SAYING,
    SHOWN,
    STRICT,
    SUBJECTS,
    SUBORDINATORS,
    TAILS,
    TURNS,
    VERBS,
    WHETHER,
    WITH_COMMA,
    is_mark,
    parts,
    ties,
)
from dlm_core.standalone import has_verb


def _before(plain: list[str], stops: frozenset[str]) -> list[str]:
    """The words before the first of `stops`."""
    return plain[: next((i for i, w in enumerate(plain) if w in stops), len(plain))]


def _only_hedges(plain: list[str]) -> bool:
    """Whether a phrase does no more than say how far a claim goes: "in most cases"."""
    return bool(HEDGES & set(plain)) and set(plain) <= HEDGING


def _other_name(inner: list[str], sentence: list[str]) -> bool:
    """Whether what stands in brackets is another word for what stands before them, or another case of which the same is
    true: "(or murein)". What is demanded or denied of either is not demanded of one."""
    strict = {w.lower() for w in sentence} & STRICT
    return (
        inner[0] == "or" and 2 <= len(inner) <= 7 and not strict and not HEDGES & set(inner) and inner[1][-2:] != "ly"
    )


@dataclass(frozen=True)
class _Cut:
    """What goes, evidence[begin:end], and what stands beside it."""

    evidence: list[str]
    begin: int
    end: int

    @cached_property
    def gone(self) -> list[str]:
        return [w.lower() for w in self.evidence[self.begin : self.end]]

    @cached_property
    def plain(self) -> list[str]:
        """What goes, without its marks."""
        return [w for w in self.gone if not is_mark(w)]

    @cached_property
    def before(self) -> list[str]:
        return [w.lower() for w in self.evidence[: self.begin]]

    @cached_property
    def ends(self) -> bool:
        """Whether nothing but marks comes after it."""
        return all(map(is_mark, self.evidence[self.end :]))

    @cached_property
    def comma(self) -> bool:
        """Whether a comma stands where it begins."""
        return self.gone[0] == "," or self.before[-1:] == [","]

    @cached_property
    def follows(self) -> str:
        """The first word after it."""
        return next((w for w in self.evidence[self.end :] if not is_mark(w)), "")

    @cached_property
    def ahead(self) -> bool:
        """Whether it stands before the subject, after an opening phrase: "In towns, including mine, cars", and
        "Fearing a storm, however, they", not "Fearing storms, however, is"."""
        opens = self.before[0] in AHEAD or (self.before[0].endswith("ing") and not self.verb)
        return opens and "," not in self.before[:-1]

    @cached_property
    def verb(self) -> bool:
        """Whether a verb comes after it, as far as its form shows."""
        word = self.follows.lower()
        forms = (word, word[:-1], word[:-2], word[:-3] + "y") if word.endswith(("s", "ed")) else (word,)
        return self.follows.islower() and any(form in VERBS for form in forms)

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """What goes after its first token, two by two."""
        return list(zip(self.gone[1:], self.gone[2:], strict=False))


def cut_is_whole(evidence: list[str], begin: int, end: int) -> bool:
    """Whether evidence[begin:end] may go without changing what the rest says."""
    cut = _Cut(evidence, begin, end)
    if not cut.plain:
        beside = [evidence[i] for i in (begin - 1, end) if 0 <= i < len(evidence)]
        # A comma or dash by itself is one of the two around an aside.
        return not (len(cut.gone) == 1 and cut.gone[0] in DASHES | {","} and begin and not any(map(is_mark, beside)))
    if cut.before.count("(") > cut.before.count(")") and not CONNECTIVES.fullmatch(" ".join(cut.plain)):
        return False  # a part of what is in brackets
    if cut.gone[0] in "([":
        return _bracket_is_whole(cut)
    if begin and _carries_a_turn(cut):
        return False
    if [w for w in cut.before if not is_mark(w)][-2:] == ["that", "is"] and cut.comma:
        return False  # ", that is, at a given price the quantity demanded,": what it explains goes on
    if ";" in cut.gone[1:-1]:
        return False  # the end of one clause and the beginning of the next
    if _changes_the_claim(cut):
        return False
    if len(cut.gone) == 1 and ties(evidence, begin):
        return True
    needs = {"such": "as", "rather": "than"}.get(cut.plain[0])
    if cut.plain[0] in FINITE or (needs and cut.plain[1:2] != [needs]):
        return False  # a sentence's own verb; "such efforts failed" names no example
    if evidence[min(end, len(evidence) - 1)] in {"(", "["} and not is_mark(cut.gone[-1]):
        return False  # "the Reduction Act (RA)": the bracket belongs to what goes
    if begin == 0:
        return _opening_is_whole(cut)
    if _breaks_a_list(cut) or (_breaks_the_end(cut) if cut.ends else _breaks_the_middle(cut)):
        return False
    left = parts(evidence, begin - 1) or parts(evidence, begin) or cut.gone[0] in FREE
    right = end == len(evidence) or parts(evidence, end - 1) or parts(evidence, end)
    return left and right


def _bracket_is_whole(cut: _Cut) -> bool:
    evidence, gone = cut.evidence, cut.gone
    mark = {"(": ")", "[": "]"}[gone[0]]
    close = gone.index(mark) if mark in gone else -1
    inner = [w for w in gone[1:close] if not is_mark(w)]
    if len(inner) == 1 and inner[0].isdigit() and len(inner[0]) < 3:
        return False  # "(1) what they say, (2) what they do": all of them or none
    if close < 0 or not inner or (inner[0] in LIMITS and not _other_name(inner, evidence)) or _only_hedges(inner):
        return False  # "only (or mainly)" is not "only"
    after = cut.begin + close + 1
    closed = after == len(evidence) or is_mark(evidence[after]) or evidence[after].lower() in JOINS
    if closed and {*cut.before[-1:]} & (BEING | ARTICLES | {"of", "than", "be", "equals", "called"}):
        return False  # "The shape is (batch size, steps).": the bracket is all that is said of it
    # What a second name or a sentence in brackets says of itself limits nothing else: "the uterus (the organ where an
    # egg will implant)". Nor does "(where it is forced out)" or "(even if nothing is left)".
    aside = inner[0] in BESIDE or (inner[0] == "where" and not (WHETHER | MODALS) & set(inner))
    aside |= inner[:2] in (["even", "if"], ["even", "though"], ["even", "when"], ["that", "is"], ["provided", "by"])
    if not aside and CONDITIONS & set(inner):
        return False
    # What goes with the bracket must be whole as if the bracket had never been there.
    left_over = evidence[after : cut.end]
    if left_over and all(map(is_mark, left_over)):  # a comma goes along before a clause, not before an aside
        return cut.end < len(evidence) and evidence[cut.end].lower() in FREE | JOINS | {"but"}
    rest = [*evidence[: cut.begin], *evidence[after:]]
    return not left_over or cut_is_whole(rest, cut.begin, cut.begin + len(left_over))


def _carries_a_turn(cut: _Cut) -> bool:
    """Whether a connective goes without which what follows is no longer against, or a case of, what comes before."""
    said = " ".join(cut.plain)
    if said in TURNS:
        return cut.before[-1] in {";", ":"} | DASHES or cut.gone[0] in {";", ":"} | DASHES
    if said not in ("for example", "for instance"):
        return False
    rest = cut.evidence[cut.end : -1]  # "a format, for example, the PHC string format": the one is not the other
    return cut.before[-1] == "," and "," not in rest and ";" not in rest and not has_verb(" ".join(rest))


def _changes_the_claim(cut: _Cut) -> bool:
    """Whether what goes says when, how far or that not the rest holds."""
    plain = cut.plain
    aside = plain[0] in CLAUSE | {"since", "who"}  # what an aside says on the side cannot change the rest
    aside |= cut.ends and cut.comma and plain[0] == "where" and not WHETHER & set(plain)  # it tells of a place
    if not aside and (CONDITIONS & set(plain) or any(w.endswith(("n't", "n’t")) for w in plain)):
        return True
    if not aside and HEDGES & set(plain) and (len(plain) <= FEW or _only_hedges(plain)):
        return True  # "is, in most cases, fatal"
    # Two clauses held by a comma alone.
    return cut.begin > 0 and all(w in JOINS | {"but"} for w in plain)


def _opening_is_whole(cut: _Cut) -> bool:
    plain = cut.plain
    subordinator = plain[0] in {"although", "while", "because", "since", "though", "as"}
    # A connective goes alone, a subordinate clause goes whole: "while" without its clause joins two by a comma.
    bare = len(plain) == 1 and plain[0] in OPENERS - AHEAD | {"instead"} and not subordinator
    after = cut.evidence[cut.end : cut.end + 1]
    if bare and plain[0] in WITH_COMMA and not is_mark(cut.gone[-1]) and after and not is_mark(after[0]):
        return False
    clause = subordinator and len(plain) > 1 and plain[1] != "of" and "," not in cut.gone[:-1]
    rest = [w.lower() for w in cut.evidence[cut.end :] if not is_mark(w)]
    if clause and (PRONOUNS & set(rest) or rest[:1] == ["the"]):
        return False  # the noun may be in what goes: "Although DSM-5 is longer than before, the volume"
    if len(rest) > 2 and rest[-1].endswith("ed") and rest[-2] in FINITE and len(rest) < 10:
        return False  # "Thus, the theory was developed": without what led to it nothing is said
    opener = (CONNECTIVES.match(" ".join(plain)) and "," not in cut.gone[:-1]) or bare or clause
    return bool(opener) and (is_mark(cut.gone[-1]) or len(plain) == 1)


def _breaks_a_list(cut: _Cut) -> bool:
    """Whether an item, or what a word before it points at, would be missed."""
    plain = cut.plain
    if cut.before[-1] in FOCUS and not is_mark(cut.gone[0]):
        return True
    # A list keeps all its items: without its last one, or one before the last "and", it reads as broken off.
    after = [w.lower() for w in cut.evidence[cut.end : cut.end + 2] if not is_mark(w)]
    if plain[0] in JOINS or plain[-1] in JOINS or (after and after[0] in JOINS):
        return True
    # ", such as this one, will check": after the aside comes the sentence's own verb.
    return any(a == "," and b in FINITE for a, b in cut.pairs)


def _breaks_the_end(cut: _Cut) -> bool:
    plain, gone, before = cut.plain, cut.gone, cut.before
    if cut.comma and ":" in before:
        return True  # what a colon announces is all of it or nothing
    if cut.comma and plain[0] == "to":
        return True  # "forced, by a dominant group, to leave": the sentence goes on
    if cut.comma and plain[0] not in TAILS | CLAUSE and not plain[0].endswith(("ing", "ed", "ly")):
        return True  # ", tries to force the star to expand" is the sentence's own verb
    commas = [i for i, w in enumerate(gone[1:-1], 1) if w == ","]
    more = gone[commas[-1] + 1] if commas else ""
    if more and plain[0] in EXAMPLES and more not in JOINS:
        return True  # "brings a system, such as a gas, back to its state": no list, and the sentence goes on
    if more and plain[0] in RELATIVE and not (more in (JOINS | CLAUSE | TAILS) - {"to"} or more.endswith("ing")):
        return True  # the same, after "which is hot,"; "forced the few, who feared the many, to share"
    if cut.comma and plain[0] in AHEAD - CLAUSE - OTHERS - {"since"} and BEING & set(_before(plain, RELATIVE | OTHERS)):
        return True  # "the frame, the way they are grouped, for translation is set": the sentence's own verb
    if cut.comma and plain[0] in ARTICLES and FINITE & set(_before(plain, RELATIVE | {"that"})):
        return True  # ", the core is saved": a clause, no second name for what stands before it
    clause = before[_after(before, {";"}) :] or before
    begun = clause[0].endswith(("ed", "ing")) and not FINITE & set(_before(clause, RELATIVE | OTHERS))
    if (clause[0] in AHEAD or begun) and "," not in clause[:-1]:
        return True  # "When the collapse is stopped" and "Issued in 1931" wait for what happens then
    if gone[0] in {"—", "–"} and {"—", "–"} & set(gone[1:]):
        return True  # after its second dash the sentence goes on
    if before[-1] in {")", "]"} and plain[0] not in TAILS | CLAUSE:
        return True  # "Jacques Monod (1910–1976) famously said": the sentence's own verb
    if _waits(cut):
        return True
    if plain[:3] == ["as", "well", "as"]:
        return True  # the other half of what the sentence counts
    if plain[0] in RELATIVE and _two_verbs(plain):
        return True  # "the action, which was ill supported was a fiasco": the second is the sentence's own
    if plain[0].endswith("ing") and plain[1:2] and plain[1] in JOINS:
        return True  # "tests, monitoring and scans"
    listing = plain[0].endswith("ing") and plain[0] not in EXAMPLES
    if listing and any(w.endswith("ing") for w in before[-4:]):
        return True  # "by lowering wages, lowering prices, and ...": a list
    pairs = set(zip(before, before[1:], strict=False))
    if {("not", "only"), ("not", "because")} & pairs and {"also", "but", "because"} & set(plain):
        return True  # the half that is denied waits for the other
    return ("only", "to") in pairs  # "life formed only to be wiped out": by what?


def _waits(cut: _Cut) -> bool:
    """Whether what is left at the end waits for what goes."""
    plain, before = cut.plain, cut.before
    kept = before[:-1] if before[-1] == "," else before
    if kept[-1] in AHEAD | {"of", "between"}:
        return True  # "lies between –1 and 1"
    how = plain[0] in FREE and not cut.comma
    if (how or plain[0] in {"using", "by"}) and len(kept) > 1 and kept[-1].endswith("ed") and kept[-2] in FINITE:
        return True  # "behaviors are performed because ...": the reason is all that is said of them
    if how and plain[0] == "because" and _defines(kept):
        return True  # "are people who have no job because ...": which people is all that it says
    last = kept[_after(kept, {",", ";"}) :]
    if len(last) < len(kept) and last:
        if how and len(last) <= 3 and kept[0] in AHEAD:
            return True  # "With such influence, people conform because ...": the reason is what is said
        if (
            cut.comma
            and last[0] in JOINS | {"but"}
            and {*last[1:2]} & AHEAD & (OTHERS | FREE | {"if", "when", "since"})
        ):
            return True  # "it grows, and if the price falls, ": what then?
        if last[0] in OPENERS and (len(last) == 1 or CONNECTIVES.fullmatch(" ".join(last))):
            return True  # "may be enforced; however": what follows is what it is there for
        if len(last) == 1 and last[0].endswith(("ed", "ing")):
            return True  # "a young science, compared": a phrase that has only begun
        if len(last) <= 3 and last[-1] in SAYING:
            return True  # "it makes sense, he thought, to": after who says it the sentence goes on
        aside = last[0] in CLAUSE | EXAMPLES | RELATIVE or last[:2] == ["and", "even"]
        if cut.comma and aside and plain[0] in TAILS - RELATIVE:
            return True  # "regards pain, and even death, as": after the aside the sentence goes on
    return False


def _after(words: list[str], marks: set[str]) -> int:
    """Where what follows the last of some marks begins; 0 where there is none."""
    return max((i + 1 for i, w in enumerate(words) if w in marks), default=0)


def _defines(words: list[str]) -> bool:
    """Whether a clause says which ones its subject is: "They are people who", "It is a way that"."""
    at = next((i for i, w in enumerate(words) if w in BEING | RELATIVE | {"that", "what"}), len(words))
    first, said = words[at : at + 1], words[at + 1 :]
    if not set(first) & BEING or not said or said[0].endswith("ing"):
        return False
    return bool(RELATIVE & set(said[1:])) or "that" in said[2:]


def _two_verbs(clause: list[str]) -> bool:
    """Whether a clause that nothing parts has two verbs."""
    seen = -2
    for i, word in enumerate(clause[1:]):
        if word in RELATIVE | CLAUSE | JOINS | OTHERS:
            seen = -2
        elif word in BEING:
            if 0 <= seen < i - 1:
                return True
            seen = i
    return False


def _breaks_the_middle(cut: _Cut) -> bool:
    plain, gone, evidence, following = cut.plain, cut.gone, cut.evidence, cut.follows.lower()
    if plain[0] == "because" and not cut.comma and len(cut.before[_after(cut.before, {",", ";"}) :]) <= 3:
        return True  # "people conform because they trust the group, particularly when": the reason is what is said
    if plain[0] not in CLAUSE | RELATIVE | TAILS | AHEAD | {"that"} and FINITE & set(plain):
        return True  # ", conformity is likelier,": a clause with a subject of its own
    clause = cut.before[_after(cut.before, {";"}) :]
    aside = plain[0] in CLAUSE | RELATIVE | EXAMPLES | (OPENERS - AHEAD) or CONNECTIVES.match(" ".join(plain))
    if clause and clause[0] in SUBORDINATORS and "," not in clause[:-1] and not aside:
        return True  # "; if the blood is thin, the ducts recover less, leading to": what happens then
    if "say" in cut.before[-2:]:
        return True  # "as the price rises, say, from one dollar to two, the quantity"
    if plain[0] in CONTRASTS and following in PRONOUNS:
        return True  # "a gallery, and although impacts are rare, they are not over": what they are, goes
    if plain[0] in SUBJECTS:
        return True  # "Today, we speak of 88 sectors, much as": the sentence itself, no aside
    if plain[0] in RELATIVE and "," in gone[1:-1]:
        return True  # up to its second comma a clause on the side may have taken the sentence's own verb along
    if any(a == "," and b in JOINS | {"but"} for a, b in cut.pairs):
        return True  # between two commas stands one aside, not the end of one clause and the beginning of the next
    closes = gone[-1] if is_mark(gone[-1]) else evidence[cut.end]
    if {";", ":"} & set(gone):
        return True  # what it parts would run together, or an item of a list is gone
    whole = bool(CONNECTIVES.match(" ".join(plain))) or plain[0] in OPENERS - AHEAD
    if cut.before[-1] in {";", ":"} and not whole:
        return True  # the beginning of a clause, or of an item
    if closes in {";", ":"} and cut.comma and not whole and plain[0] not in TAILS | CLAUSE | EXAMPLES:
        return True  # "soup, cake; soup, pudding": the end of an item
    if plain[0] == "as" and cut.comma and closes == "," and not (whole or SHOWN & set(plain)):
        return True  # "and conversely, as the price falls, the quantity rises": it says when
    if plain[0] in ARTICLES and "," in gone[1:-1]:
        return True  # a second name has no comma; "Often, a therapist helps them, such as" is a clause
    opens = gone[0] if is_mark(gone[0]) else cut.before[-1]
    if (opens in DASHES) != (closes in DASHES) and is_mark(closes):
        return True  # "the problem—that is, what recession causes—": an aside ends with what it began with
    if opens in DASHES and closes in DASHES and not (gone[0] in DASHES and gone[-1] in DASHES):
        return True  # an aside takes both of its dashes along
    if plain[0].endswith("ing") and plain[0] != "having" and {*plain[1:2]} & (IRREGULAR | AUX):
        return True  # "In the South, lynching became more common, with": its subject and verb
    if opens == closes == "," and _breaks_between_commas(cut):
        return True
    if len(plain) > 1 and not CONNECTIVES.match(" ".join(plain)):
        named = ARTICLES | NUMERALS
        if following in RELATIVE or (plain[0] in named and following in named):
            return True  # "on the diagram, in its upper half, where stars are cool": what follows says it of the half
    left, right = cut.before[-1] == ",", evidence[cut.end] == ","
    lone = (
        (left or gone[0] == ",")
        and (right or gone[-1] == ",")
        and left != right
        and not (right and cut.ahead and not cut.verb)
    )
    # An aside takes both of its commas along: "Unemployment, is more than a number".
    return lone and following not in JOINS | CLAUSE | TAILS | {"but", "yet"}


def _breaks_between_commas(cut: _Cut) -> bool:
    plain, evidence = cut.plain, cut.evidence
    later = [i for i in range(cut.end, len(evidence) - 1) if evidence[i] == ","]
    listed = any(evidence[i + 1].lower() in JOINS for i in later)
    following = cut.follows.lower()
    if listed and not cut.verb and not CONNECTIVES.match(" ".join(plain)) and plain[0] not in OPENERS - AHEAD:
        return True  # ", often snorted, smoked, or mixed": an item of a list
    if listed and plain[0] not in CLAUSE | RELATIVE | EXAMPLES | {"that"}:
        return True
    leads = CLAUSE | RELATIVE | TAILS | AHEAD | OPENERS | EXAMPLES | NUMERALS | {"that"}
    if plain[0] not in leads and not plain[0].endswith(("ing", "ed", "ly")) and not CONNECTIVES.match(" ".join(plain)):
        return True  # "friends and foes, helpful and hostile, good and bad"
    led = plain[0] in EXAMPLES | CONTRASTS | RELATIVE or plain[0].endswith("ing")
    bound = JOINS | CLAUSE | TAILS - ARTICLES | {"but"}
    if led and not (cut.verb or cut.ahead or following in bound or following.endswith("ly")):
        return True  # "tissue, such as the skin, bone": a list goes on
    if cut.ahead and cut.gone[0] == cut.gone[-1] == ",":
        return True  # the second comma is that before the subject: "Unlike this one, which is old, the new one"
    if cut.ahead and plain[0].endswith("ing") and following in bound:
        return True  # after an opening phrase and an aside comes the subject
    if plain[0] in EXAMPLES and "," in evidence[cut.end : cut.end + 3]:
        return True  # "symptoms, such as a headache, burns, chills"
    if cut.gone[0] == cut.gone[-1] == "," and following in RELATIVE and later:
        return True  # "in the center, however, where it was hot, formed": its second comma opens what follows
    # ", however, at first glance, does": its second comma is the first of another aside.
    return cut.gone[-1] == "," and any(evidence[i + 1].lower() in FINITE for i in later[:1])
