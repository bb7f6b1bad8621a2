"""A question taken apart into sub-questions, each of which says what it asks about.

By rules over closed lists of words: "How do stars form and die?" asks twice of
stars, "Who invented the telephone and how did it spread?" of the telephone. Where
grammar is not sure, a question stays in one piece, or its pronoun stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dlm_core.english import KNOWN_VERBS, OBJECT_START

PARTS = 4  # sub-questions at most

ASKS = r"(?:how|what|why|when|where|which|who|whose)"
AUX = r"(?:do|does|did|is|are|was|were|can|could|should|would|will|may|might|has|have|had)"
DEGREE = r"(?:long|much|many|often|far|fast|quickly|big|large|high|deep|old|likely|common)"
_PREPOSITION = r"(?:about|after|against|at|before|between|by|during|for|from|in|into|of|on|over|through|to|under|with)"
# A clause begins with a question word, or asks on of what was named ("... and does it cause inflation").
SPLIT = re.compile(
    rf"(?:\s*[;?]\s+|,?\s+and\s+|,\s+)(?=(?:(?:at|by|from|in|on|to|with)\s+)?{ASKS}\b)|"
    rf"(?:\s*[;?]\s+|,?\s+and\s+)(?={AUX}\s+(?:it|they|he|she)\b)",
    re.I,
)
# "When water freezes, why does it expand?" asks once.
_CONDITION = re.compile(
    rf"(?:after|although|as|because|before|if|since|when|where|while)\s+(?!{AUX}\b)[^,;?]+,\s", re.I
)
_HEAD = re.compile(rf"({ASKS}\s+{AUX})\s+(.+)", re.I)
_PLAIN_HEAD = re.compile(rf"({AUX})\s+(.+)", re.I)
# "How much water does agriculture use": the amount is asked of water
_AMOUNT = re.compile(rf"how\s+(?:much|many)\s+((?:(?!{AUX}\b|{_PREPOSITION}\b)\S+\s+){{1,3}}){AUX}\s", re.I)
_LONG = re.compile(rf"(how\s+{DEGREE}\s+{AUX})\s+(.+)", re.I)
_ASKED_OF = re.compile(rf"((?:what|which)\s+(?:(?!{AUX}\b|{_PREPOSITION}\b)\S+\s+){{1,2}}(?:do|does|did))\s+(.+)", re.I)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Verbs that questions join ("write and revise"); what is not here is taken for a noun and nothing is split.
VERBS = _words("""
    adapt affect allow appear apply arise attract avoid become begin behave bind break breathe build cancel
    carry carve cause change check choose clean close collapse collect collide combine commit communicate
    compare compete compute condense connect consume contain control convert cool cope create decay decide
    decode defend define degrade deliver depend describe detect determine develop die differ digest disappear
    dissolve divide eat educate elect eliminate emerge encode end erode erupt evaporate evolve exist expand expire
    explain explode express fade fail fall feed fetch find fit fix float flow fly forget form freeze function fuse
    generate get give go grow guide handle happen heal hear help hold hunt improve increase infect influence
    inherit interact invest join keep last lead learn lend limit live load lose maintain make manage map mask
    measure melt merge migrate mix move mutate navigate obtain operate orbit organise organize oscillate parse
    pay perform persist plan pollinate predict prepare prevent process produce propagate protect prove punish
    raise rank reach react read recall recognise recognize recover reduce regulate reject relate release remain
    remask remember remove repair replace replicate represent reproduce require resolve respond resume retrieve
    return revise rewrite rotate run save search see select sell send settle shape share sink solve speak split
    spread start stay stop store suffer support survive sustain swim teach test think thrive train transfer
    transmit treat use validate vanish vary verify warm weaken wear work write
""")
PARTICIPLES = _words("""
    born broken brought built caught chosen done drawn driven eaten found frozen given grown kept known lost made paid
    proven seen sent shown sold spoken stolen taken taught thrown told torn worn written
""")
_SUPPORTED = _words("do does did can could should would will may might")  # a verb in its base form follows
_CARRIERS = _words("get go help let need try want")  # another verb may follow, and is not the subject's
_NOBODY = _words("i we you one someone anyone")  # who asks is not what is asked about
_HOW = re.compile(r"(?:\b(?:well|better|best|fast|faster|long|longer|much|more)|ly)$")  # is done, not to what
# What is asked of a thing, not the thing: "the role of the mitochondria" is about mitochondria.
_RELATIONAL = _words("""
    advantages aim argument arguments basis benefits cause causes consequences cost costs definition difference
    differences disadvantages drawbacks effect effects evidence function functions future goal goals history idea
    impact impacts importance limitations limits meaning nature origin origins point principles problem problems
    purpose reason reasons result results risk risks role significance status structure symptoms types use uses value
    ways
""")
_RELATION = re.compile(rf"^(?:\S+\s+){{0,4}}?(\S+)\s+{_PREPOSITION}\s+(.+)$", re.I)
PRONOUN = re.compile(r"\b(?:it|he|she|they|them|him|its|their|his|her|this|these)\b", re.I)
_OF_WHICH = re.compile(rf"(?:which|what)\s+((?:[\w-]+\s+){{0,3}}?[\w-]+s)\s+(?:{AUX})$", re.I)
# "what happens in each", "when is each useful", and no "each stage"
_EACH = re.compile(
    r"\beach(?:\s+one)?(?=$|\s+(?:[a-z]+(?:ed|able|ful|ible|ive|ous)|best|better|for|good|like|mean|needs?|works?)\b)",
    re.I,
)
_OWNS = _words("its their his her")
_MANY = _words("they them their these")
_SINGULAR = {"do": "does", "are": "is", "were": "was", "have": "has"}
_MANIFOLD = {one: many for many, one in _SINGULAR.items()}
_TOGETHER = re.compile(
    r"\b(?:between|among|amongst|both|which of|better|best|compared?|differs?|interacts?|relates?d?|collides?|"
    r"competes?|cooperates?|together|connect(?:ed|s)?|combined?|affect each|influence each)\b",
    re.I,
)
# "the difference between a Deployment and a StatefulSet", "how mitosis differs from meiosis", "monopoly vs competition"
_COMPARED = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"(?:.*\s)?(?:comparison|contrast|differences?|distinctions?|similarities)\s+between\s+(.+)",
        r"(?:compare|contrast)(?:\s+and\s+contrast)?\s+(.+)",
        rf"how\s+{AUX}\s+(.+\s(?:differ|different)\s+from\s.+)",
        rf"how\s+{AUX}\s+(.+\scompare\s+(?:to|with)\s.+)",
        r"how\s+(.+\sdiffers?\s+from\s.+)",
        r"what\s+distinguishes\s+(.+\sfrom\s.+)",
        r"(?:.*\s)?(?:distinguish|tell apart)\s+(?:between\s+)?(.+)",
        rf"how\s+{AUX}\s+(.+\sand\s.+)\s+(?:compare|differ|different)",
        r"(.+\s(?:vs\.?|versus)\s.+)",
    )
)
_AGAINST = re.compile(
    r",\s+(?:and\s+)?|\s+(?:and|with|to|vs\.?|versus|against|from|compare\s+(?:to|with)|(?:differs?|different)\s+from)\s+",
    re.I,
)
SIDE = 6  # words of a thing that is compared with others, at most
# "It" of "why is it important to sleep" stands for nothing, that of "why is it important to firms" for what was named.
_FOR_NOTHING = re.compile(r"\bit\s+(?:\w+\s+){1,2}?(?:that\b|(?:for\s+\S+\s+)?to\s+(\w+))", re.I)
_PLURAL = re.compile(r"(?:[^suia']s|[aeo]es|ia|people|men|women|children|data|criteria|phenomena)$")


def parts(question: str) -> tuple[str, ...]:
    """Sub-questions, at most PARTS: clauses with a question word of their own,
    verbs joined after one subject ("How do stars form and die?"), things of a list; what is compared, and each side."""
    if _CONDITION.match(question):
        return (question,)
    found: list[str] = []
    for clause in SPLIT.split(question.rstrip("?!. ")):
        clause = clause.strip(" ,;?")
        if re.fullmatch(ASKS, clause, re.I):
            clause = _asked_anew(clause, found)
        if clause:
            found += _compared(clause) or _listed_apart(clause) or _verbs_apart(clause)
    if len(found) > 1:
        about = topics(found[0])
        found = [p if i == 0 else resolved(p, about) for i, p in enumerate(found)]
    unique = list(dict.fromkeys(found))[:PARTS]
    return tuple(unique) if len(unique) > 1 else (question,)


def _asked_anew(asks: str, found: Sequence[str]) -> str:
    """ "... and why?" after "How did humans tame dogs" in full; "" where the clause before does not tell."""
    head = _HEAD.match(found[-1]) if found else None
    return f"{asks} {found[-1].split(maxsplit=1)[1]}" if head else ""


def _verbs_apart(clause: str) -> list[str]:
    """ "How do stars form, evolve and die" as three questions; [clause] where that is not sure."""
    head = _HEAD.match(clause)
    if head is None:
        return [clause]
    opening, rest = head.groups()
    members = [m.strip() for m in re.split(r",\s+and\s+|,\s+|\s+and\s+", rest) if m.strip()]
    words = members[0].split()
    # One word beside verbs is a verb too: "form, linger and die".
    beside = words[-1].lower() in VERBS and members[-1].split()[0].lower() in VERBS
    alike = [_opens_on_verb(m) or (beside and len(m.split()) == 1) for m in members[1:]]
    if not alike or not all(alike):
        return [clause]
    at = verb_at(opening.split()[-1], words)
    if at is None and len(words) <= 3:
        at = len(words) - 1
    if not at:
        return [clause]
    subject, acted_on = " ".join(words[:at]), " ".join(words[at + 1 :])
    rest_of = [_acting(m, acted_on) for m in members[1:]]
    return [f"{opening} {members[0]}", *(f"{opening[0].lower()}{opening[1:]} {subject} {m}" for m in rest_of)]


def _compared(clause: str) -> list[str]:
    """A question that compares, and what each side is: who says how they differ says of each what it is, on a page of
    its own as a rule. [] where nothing is compared, or the sides are not sure."""
    found = next((m for pattern in _COMPARED if (m := pattern.fullmatch(clause))), None)
    if found is None:
        return []
    sides = _in_full([s.strip() for s in re.split(_AGAINST, found[1])])
    unsure = rf"\b(?:{ASKS}|{AUX}|{_PREPOSITION}|it|them|they|these|those|this|two|three|each|other|\d+)\b"
    if not 2 <= len(sides) <= PARTS - 1 or any(
        not s or len(s.split()) > SIDE or re.match(unsure, s, re.I) or not re.search(r"[^\W\d]{2}|[A-Z]", s)
        for s in sides
    ):
        return []
    many = [_PLURAL.search(_phrase(s.split()) or s) and not re.fullmatch(r"[A-Z]\S*", s) for s in sides]
    return [clause, *(f"what {'are' if m else 'is'} {s}" for s, m in zip(sides, many, strict=True))]


def _in_full(sides: list[str]) -> list[str]:
    """The things of an enumeration with what they share: "classical conditioning" of "classical and operant
    conditioning", "the economy of India" of "the economy of China with that of India"."""
    first, last = sides[0], sides[-1].split()
    if " of " in first:
        shared = first[: first.index(" of ")]
        alike = not any(" of " in s for s in sides[1:])  # "the speed of light and sound"
        sides = [sides[0], *(re.sub(r"^(?:that|those)(?= of )", shared, s, flags=re.I) for s in sides[1:])]
        sides = [sides[0], *(f"{shared} of {s}" if alike else s for s in sides[1:])]
    bare = re.sub(r"^(?:an?|the)\s+", "", first, flags=re.I)
    if len(last) > 1 and re.fullmatch(r"\w+(?:al|an|ar|ch|ern|ese|ic|ish|ive|ous)", bare):
        sides = [*(s if len(s.split()) > 2 else f"{s} {last[-1]}" for s in sides[:-1]), sides[-1]]
    return sides


def _listed_apart(clause: str) -> list[str]:
    """ "What causes tides, eclipses and the seasons" as a question on each of them; [] where no list of three or more
    things is sure: adjectives are listed, too, and what differs, or interacts, is asked about together."""
    commas = [m.start() for m in re.finditer(r",\s", clause)]
    last = re.search(r",?\s+and\s+", clause[commas[-1] + 1 :]) if commas else None
    if last is None or not re.match(ASKS, clause, re.I):
        return []
    head, tail = clause[: commas[0]].split(), clause[commas[-1] + 1 + last.end() :].split()
    begin = next((i + 1 for i in range(len(head) - 1, -1, -1) if _parts_things(head[i])), 0)
    end = next((i for i, w in enumerate(tail) if i and (_is_participle(w) or _parts_things(w))), len(tail))
    middle = [m.strip() for m in clause[commas[0] + 1 : commas[-1] + 1 + last.start()].split(",") if m.strip()]
    things = [" ".join(head[begin:]), *middle, " ".join(tail[:end])]
    before, after = " ".join(head[:begin]), " ".join(tail[end:])
    if not before or not all(things) or _TOGETHER.search(f"{before} | {after}"):
        return []
    if max(len(t.split()) for t in things[:-1]) == 1 < len(things[-1].split()) or re.match("an? ", things[0], re.I):
        return []  # "small, cheap and clean engines"
    if min(map(len, things)) < 3:
        return []  # "vitamins A, D and K"
    if " of " in things[-1] and not any(" of " in t for t in things[:-1]):  # "symptoms, causes and signs of asthma"
        shared = things[-1][things[-1].index(" of ") :]
        things = [*(t + shared for t in things[:-1]), things[-1]]
    asked = [" ".join(filter(None, (_agreeing(before, t), t, after))) for t in things]
    return [asked[0], *(a[0].lower() + a[1:] for a in asked[1:])]


def _parts_things(word: str) -> bool:
    """Whether a word ends what stands before it in an enumeration of things, or begins it: a verb, a preposition."""
    low = word.lower()
    verb = low in VERBS or any(low.removesuffix(ending) in VERBS for ending in ("s", "d", "ed"))
    return bool(re.fullmatch(rf"{AUX}|{ASKS}|{_PREPOSITION}", low)) and low != "of" or (verb and word.islower())


def _agreeing(before: str, thing: str) -> str:
    """What stands before a thing with an auxiliary that agrees with it."""
    *words, last = before.split()
    one = not _PLURAL.search(_phrase(thing.split(" of ")[0].split()) or thing)
    return " ".join([*words, (_SINGULAR if one else _MANIFOLD).get(last.lower(), last)])


def _opens_on_verb(member: str) -> bool:
    """Whether a member of an enumeration is a verb and its objects: one of VERBS, or a verb before "a", "its"."""
    first, *rest = member.split()
    return first.lower() in VERBS or (_is_verb(first) and bool(rest) and rest[0].lower() in OBJECT_START)


def _acting(member: str, acted_on: str) -> str:
    """A further verb with what the first acts on in the place of its object: "remember them" after "recognise
    pathogens"."""
    verb, _, rest = member.partition(" ")
    return f"{verb} {acted_on}" if acted_on and rest.lower() in ("it", "them") else member


def _is_verb(word: str) -> bool:
    """Whether a word may be a verb's base form. "Go" is a name."""
    return word in VERBS or word in KNOWN_VERBS or word == "do" or re.sub("ise$", "ize", word) in KNOWN_VERBS


def _is_participle(word: str) -> bool:
    return word in PARTICIPLES or bool(re.search(r"\wed$", word))


def verb_at(auxiliary: str, words: Sequence[str]) -> int | None:
    """Where the verb stands that belongs to an auxiliary before `words`: one of VERBS, or else of the verbs that are
    known, "used" after "is", or what comes behind the plural that "do" asks of ("the kidneys filter blood"). None where
    no rule finds it."""
    inside, auxiliary = range(1, len(words)), auxiliary.lower()
    if auxiliary in ("is", "are", "was", "were", "has", "have", "had"):
        return next((i for i in inside if words[i] in VERBS or _is_participle(words[i])), None)
    at = next((i for i in inside if words[i] in VERBS), None)
    if at is None and auxiliary in _SUPPORTED:
        at = next((i for i in inside if _is_verb(words[i])), None)
    if at is None and auxiliary == "do":
        at = next((i for i in inside if re.search(r"[^s]s$", words[i - 1])), None)
    # "How does a price change affect demand": the last of several is the verb.
    while at is not None and at + 1 < len(words) and words[at] not in _CARRIERS and words[at + 1] in VERBS:
        at += 1
    return at


def topics(first: str) -> list[str]:
    """What the first sub-question is about, and so what a pronoun after it may stand for: its subject, unless that is
    whoever asks, and what is done to. None where grammar does not tell."""
    if _stands_for_nothing(first):
        return []
    if amount := _AMOUNT.match(first):
        return [amount[1].strip()]
    head = next((m for p in (_HEAD, _PLAIN_HEAD, _LONG, _ASKED_OF) if (m := p.match(first))), None)
    if head is None:
        told = _of_what_is_told(re.sub(rf"^{ASKS}\s+", "", first, flags=re.I).split())
        return [t for t in told if t.strip()]
    words = head[2].split()
    at = verb_at(head[1].split()[-1], words)
    subject = "" if words[0].lower() in _NOBODY else " ".join(words[:at])
    while (relation := _RELATION.match(subject)) and relation[1].lower() in _RELATIONAL:
        subject = relation[2]
    acted_on = "" if at is None else _phrase(words[at + 1 :])
    named = _OF_WHICH.match(head[1])  # "index types" of "Which index types does Postgres have"
    return [t for t in (subject, "" if _HOW.search(acted_on) else acted_on, named[1] if named else "") if t]


def _of_what_is_told(words: list[str]) -> list[str]:
    """What "causes unemployment", "countries use nuclear power", "happens to a star when it dies" is about."""
    if len(words) < 2:
        return words
    if re.fullmatch(_PREPOSITION, words[1], re.I):
        told = re.split(r"\s(?:when|if|while|because)\s", " ".join(words[2:]))[0]
        return [] if re.search(rf"\s{_PREPOSITION}\s", told, re.I) else [told]
    acts = next((i for i, w in enumerate(words) if i and _is_verb(w)), None)
    if acts is None or _is_verb(words[0].removesuffix("s")) or not _PLURAL.search(words[acts - 1]):
        return [" ".join(words[1:])]
    return [" ".join(words[:acts]), _phrase(words[acts + 1 :])]


def _stands_for_nothing(clause: str) -> bool:
    found = _FOR_NOTHING.search(clause)
    if found is None or _is_participle(found[0].split()[1]):  # "it used to treat"
        return False
    return found[1] is None or _is_verb(found[1])


def _phrase(words: Sequence[str]) -> str:
    """The words before the first preposition."""
    end = next((i for i, w in enumerate(words) if re.fullmatch(_PREPOSITION, w, re.I)), len(words))
    return " ".join(words[:end])


def resolved(part: str, about: Sequence[str]) -> str:
    """The sub-question with its first pronoun replaced by the first of what it may be `about` that it agrees with in
    number."""
    if every := _EACH.search(part):
        many = next((t for t in about if _by_form(t)), None)
        if many is None:
            return part
        known = "" if " and " in many or many.startswith("the ") else "the "
        return f"{part[: every.start()]}each of {known}{many}{part[every.end() :]}"
    found = PRONOUN.search(part)
    if found is None:
        return part
    pronoun, after = found[0].lower(), part[found.end() :].split()
    if pronoun in ("this", "these") and after and not re.fullmatch(rf"{AUX}|{_PREPOSITION}", after[0], re.I):
        return part  # "this process"
    if _stands_for_nothing(part):
        return part
    agreeing = [t for t in about if _agree(pronoun, t)]
    # A name may be many; what is by its form comes first.
    topic = next((t for t in agreeing if pronoun in _MANY and _by_form(t)), next(iter(agreeing), None))
    if topic is None:
        return part
    owner = f"{topic}'" if _PLURAL.search(topic) else f"{topic}'s"
    return part[: found.start()] + (owner if pronoun in _OWNS else topic) + part[found.end() :]


def _by_form(topic: str) -> bool:
    """Whether a topic is several things by its form, and no name."""
    last = _last(topic)
    return " and " in f" {topic} " or (last.islower() and bool(_PLURAL.search(last)))


def _agree(pronoun: str, topic: str) -> bool:
    """Whether a pronoun may stand for a topic. A name may be one or many: "Kubernetes", "the Aztecs"."""
    return not _last(topic).islower() or _by_form(topic) == (pronoun in _MANY)


def _last(topic: str) -> str:
    """The word that says whether a topic is one or several: the last before a preposition."""
    return (_phrase(topic.split()) or topic).split()[-1]
