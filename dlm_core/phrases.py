"""A sentence as words and marks, and the sets of words that the rules of cuts.py and clauses.py look at."""

from __future__ import annotations

import re

from dlm_core.english import AUX, IRREGULAR, KNOWN_VERBS, PLAIN_VERBS

WORD = re.compile(r"\w+(?:[.'’_/:-]+\w+)*(?:\(\))?|[^\w\s]")
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
# ", where the law allows it," is a condition, ", where it is forced out," is none.
WHETHER = frozenset(
    "not never if unless only provided possible necessary needed appropriate applicable allowed allows permitted"
    " permits required requires available practical feasible should must can may".split()
)
MODALS = frozenset("would could might".split())  # "mergers (where the outcome would be a monopoly)" are not all mergers
# Words that say how far a claim goes: alone between commas or in brackets, they are no aside.
HEDGES = frozenset(
    "usually often sometimes generally typically mostly mainly largely partly probably perhaps likely possibly"
    " approximately roughly nearly almost about most some many few certain rarely seldom currently historically"
    " traditionally today least up part".split()
)
HEDGING = HEDGES | frozenset("in at to by the a of part extent degree case cases instances respects times".split())
FEW = 4  # words of a phrase that says where or when, and is no aside with a hedge in it: ", in some countries,"
STRICT = frozenset("must only required requires require needs need not no never cannot unless until every all".split())
# What begins so in brackets limits what stands before it: "run() (with check=True)".
LIMITS = frozenset("or but other with without except excluding assuming".split())
# A sentence may lose its beginning only where that is a connective or a concession.
OPENERS = frozenset(
    "however therefore thus moreover furthermore also additionally consequently hence indeed similarly likewise"
    " nevertheless nonetheless overall specifically finally still again instead accordingly meanwhile"
    " besides clearly notably essentially basically and but so for in as by although while because since"
    " though interestingly importantly note remember recall that".split()
)
# These tie a sentence to the one before where a comma follows. Else they belong to the next word: "Besides GDP, there
# are others", "Overall sales fell", "Clearly defined roles".
WITH_COMMA = frozenset(
    "besides overall still similarly specifically clearly notably essentially basically interestingly"
    " importantly".split()
)
# What one of these points at stays behind it: without its reason, "higher not because ..., but" denies nothing.
FOCUS = frozenset(
    "not never only even just merely simply mainly largely partly chiefly primarily rather precisely".split()
)
SHOWN = frozenset("figure table chapter section shown seen noted mentioned discussed described explained".split())
EXAMPLES = frozenset("such including like especially particularly namely specifically".split())
RELATIVE = frozenset("which who whom whose where when".split())
CONTRASTS = frozenset("while whereas although though because".split())
TURNS = frozenset(
    {
        "however",
        "nevertheless",
        "nonetheless",
        "instead",
        "yet",
        "by contrast",
        "in contrast",
        "on the other hand",
        "conversely",
    }
)
SUBORDINATORS = frozenset("if when unless once because since although though while whereas after before as".split())
# By itself one of these says how a sentence goes on from the one before; what it says is true without it.
LINKS = frozenset("also therefore thus consequently".split())
# Not after these ("not only ... but also"; "would therefore", under a condition that the sentences before name), nor
# where it belongs to a name ("also known as").
UNTIED = frozenset("but only not would".split())
NAMING = frozenset("known called termed referred named written spelled".split())
SAYING = frozenset("thought said says wrote argued argues held noted believed claimed warned suggested".split())
PRONOUNS = frozenset("it its they them their he him his she her".split())
SUBJECTS = frozenset("i you he she it we they".split())
ARTICLES = frozenset("a an the".split())
NUMERALS = frozenset("one two three four five six seven eight nine ten several many some".split())
BEING = frozenset("is are was were has have had".split())
OTHERS = frozenset("that but what how why than as once if unless until".split())  # a clause that one of these begins
VERBS = AUX | IRREGULAR | KNOWN_VERBS | PLAIN_VERBS
FINITE = frozenset("is are was were has have had does do did will would can could may might must should".split())
# A sentence that begins with one of these has its subject after a comma.
AHEAD = frozenset(
    "if when whenever while although though because since as after before once unless until where wherever in on at"
    " with without for from during under over by to unlike like despite given instead through throughout among within"
    " according based using".split()
)
_CODE = re.compile(r"[a-z][a-z\d]+(?:[_(]|\.\w|[A-Z])")
_SHORT = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]|[A-Z][a-z]{1,2}|etc|vs|al|cf|ca|approx")
# What begins so in brackets is a second name, an example or a reason, and limits nothing.
BESIDE = ARTICLES | SUBJECTS | frozenset("those e.g i.e especially since because".split())
CONNECTIVES = re.compile(
    r"^(?:for (?:example|instance)|in (?:fact|addition|particular|short|contrast|other words|turn)"
    r"|as (?:a result|such)|of course|by contrast|on the other hand|that is)\b"
)


def words(text: str) -> list[str]:
    """Words and punctuation marks, in order."""
    return WORD.findall(text)


def capital(text: str) -> str:
    """The text with a capital at its beginning, unless that is a name in code: "pg_dump", "asyncio.run()"."""
    return text if _CODE.match(text) else text[:1].upper() + text[1:]


def base_forms(low: str) -> set[str]:
    """What a word in small letters may be a form of: itself, and itself without "s", "es", "d" or "ed"."""
    return {low, *(low.removesuffix(ending) for ending in ("s", "es", "d", "ed"))}


def same(word: str) -> str:
    return word.lower().replace("’", "'")


def ties(found: list[str], at: int) -> bool:
    """Whether a word of a sentence is no more than the "also" of "Governors can also face limits", and may go alone."""
    low = [w.lower() for w in found[: at + 2]]
    if not 0 < at < len(found) - 1 or low[at] not in LINKS or low[at - 1] in UNTIED or is_mark(low[at - 1]):
        return False
    follows = found[at + 1]
    if not follows.islower() or follows in NAMING or (follows.endswith("ing") and low[at] != "also"):
        return False  # a bracket or a comma is part of another cut; ", thus freeing" is a clause
    return ("not", "only") not in zip(low, low[1:], strict=False)


def is_mark(word: str) -> bool:
    return not any(ch.isalnum() for ch in word)


def parts(evidence: list[str], at: int) -> bool:
    """Whether the mark at a place parts phrases: a quote, a currency sign and the stop of an abbreviation do not."""
    if evidence[at] in DASHES and all(w[:1].isdigit() for w in (evidence[at - 1], *evidence[at + 1 : at + 2])):
        return False  # "100–500"
    if at == len(evidence) - 1:
        return evidence[at] in BOUNDARIES  # "after the War."
    return evidence[at] in BOUNDARIES and not (
        evidence[at] == "." and at > 0 and bool(_SHORT.fullmatch(evidence[at - 1]))
    )
