"""Instructions: what a question on how to do something is answered with.

"Use Argon2id with a minimum of 19 MiB of memory." says nothing about a subject, and a report on what a thing is must
not hold it. Where the question asks what to do, it is the answer: it may be a claim then, in its source's own words, if
it can be followed by someone who read nothing before it. That is asked of it as of any sentence, told of somebody else:
"Developers use Argon2id with a minimum of 19 MiB of memory." stands alone.
"""

from __future__ import annotations

import re

from dlm_core.code_names import plain
from dlm_core.standalone import standalone
from dlm_core.stems import stems

ORDERS = ("imperative", "speaks to the reader")  # reasons for which `standalone` turns down what may be an instruction

_SOMEBODY = (
    r"(?:administrators|applications|companies|designers|developers|engineers|organi[sz]ations|people|programmers"
    r"|researchers|servers|services|teams|users|web ?sites)"
)
# "How should passwords be stored?", "What is the best way to store ...", "How can I ..."; not "How do stars form?".
_ASKS = re.compile(
    rf"\bhow (?:to|(?:do|does|can|could|must|would|might) (?:I|we|you|one|{_SOMEBODY}|(?:[\w-]+ ){{1,4}}be)) [a-z]"
    r"|\bshould\b|\bbest (?:practices?|ways?)\b|\b(?:recommended|recommendations?|guidelines?|advisable|advice)\b"
    r"|\b(?:steps|ways) to\b|\b(?:what|when|where|which(?: \w+)?) to (?:avoid|choose|do|keep|put|set|store|use)\b",
    re.I,
)
# What advice tells to do; what is done at a screen ("click") or in an exercise ("calculate") is not among it.
_DO = (
    "add adopt aim allocate allow apply assign authenticate authorise authorize avoid block build cache check"
    " choose configure consult create declare define deny design disable document eliminate enable encode"
    " encourage encrypt enhance ensure escape establish exclude expire favor favour filter follow generate grant"
    " harden hash help identify implement improve include invalidate isolate keep label leverage limit log"
    " maintain maximise maximize measure minimise minimize monitor optimise optimize patch perform prefer profile"
    " promote protect provide record reduce regenerate reject release remove renew replace report require respect"
    " restrict retain return review revoke rotate run sanitise sanitize save scan secure send separate set specify"
    " split store strengthen strive test track treat update upgrade use utilise utilize validate verify wrap"
)
_VERB = (
    rf"(?:{'|'.join(_DO.split())}|back up|be (?:sure|careful)|make sure|pay attention|try to"
    r"|consider(?= (?:\w+ly )?[a-z]+ing\b))"
)
_OPENING = (
    r"(?:(?:If|When|Whenever|Where|Wherever|Before|After|Unless|To|For|In|With|On|At|By|As|While|Once|During"
    r"|Rather than|Instead of)\b[^,.;:?!]{2,160}, )?"
)
# "Add it", "Keep in mind" say nothing by themselves; "Use of", "Test is" are no verbs.
_NOT_NEXT = r"(?! (?:all of|another|are|both|in mind|is|it|of|them|these|this|those|was|were|will)\b)"
_NO_VERB = r"(?!(?:a|again|an|at|before|by|for|from|has|have|in|is|mind|of|on|the|to|was|were|with)\b)"
_ORDER = re.compile(
    rf"(?P<opening>{_OPENING})(?:(?P<denied>do not|don[’']t|never) {_NO_VERB}[a-z]|(?:always )?{_VERB}(?= ))"
    rf"{_NOT_NEXT}",
    re.I,
)
_SHOULD = re.compile(
    rf"{_OPENING}you (?:also )?(?:should|must|need to|have to|ought to|(?:can|could|may) (?:also )?{_VERB}(?= ))"
    rf"{_NOT_NEXT}",
    re.I,
)
_FIRST_PERSON = re.compile(
    r"\b(?:I|we|us|our|ours|my|me|let[’']?s|please|yourself|yourselves|you[’'](?:ll|ve|d))\b", re.I
)
# "CREATE DATABASE will", "Run as privileged: This setting", "Use range of the flag - Uses": names, and what they do.
_LABELLED = re.compile(r"^[A-Z]{2,} |(?::| [-–—]) [A-Z][a-z]")
# "Release builds are what a customer receives.": the verb is a noun there. "Send that file": which?
_NOUN = re.compile(
    r"(?!ensure|verify|check|identify|make|be|validate|try)[a-z]+ (?:that\b|(?:(?!as|because|if|so|than|that|unless"
    r"|until|what|when|where|which|while|who)[\w-]+ ){1,6}(?:are|can|could|has|have|is|may|was|were|will)\b)",
    re.I,
)
# "Use the graph to find ...", an exercise; "Test their effect", "... instead." go on with what was said.
_EXERCISE = re.compile(
    r"\bto (?:answer|calculate|compare|compute|describe|determine|discuss|draw|evaluate|explain|find|graph|illustrate"
    r"|predict|sketch|solve)\b|^(?:\S+ ){1,4}(?:their|them|they|it|its)\b|\binstead\.",
    re.I,
)
_POINTS = re.compile(
    r"\b(?:above|below)(?! (?:(?:the|an?)\b|\d))|\b(?:all|any|none|one) of the following\b"
    r"|^(?:If|When|Once|Before|After) (?:you|they) \w+ (?:it|them|this|that|these|those)\b"
    r"|^you should (?:already|now|see|be (?:able|familiar)|have (?!to\b))\b"
    r"|\bthe (?:flag|option|setting) (?!for\b|of\b|that\b|to\b|which\b|with\b)[a-z]"
    r"|\bcheck out\b|\b(?:check|consult|follow|read|review|use) (?:the|your) (?:[\w'’-]+ ){0,4}"
    r"(?:article|course|docs|documentation|guide|instructions|manual|page|section|tutorial)\b",
    re.I,
)
# "Output encoding for URLs", "Limitations of cookies": what stands under it holds of these.
_LIMITS = re.compile(r"\b(?:during|for|from|if|in|of|on|under|when|with|without)\b (.+)$", re.I)
# Of a heading, and of the line before a list: what follows is what goes wrong, an exercise, or what an option does.
_WARNS = re.compile(
    r"\b(?:anti-?patterns?|arguments|attacks?|avoid|bad|can[’']?t|cannot|do not|don[’']?ts?|exercises?|exploit\w*|goals"
    r"|(?:common|frequent|typical) (?:errors|failures|problems)|fail\w*|incorrect\w*|insecure\w*|mistakes?|myths?"
    r"|never|not|objectives?|options|outcomes?|parameters|pitfalls?|questions?|synopsis|try it|unsafe\w*|vulnerab\w+"
    r"|weak\w*|wrong\w*)\b|^--?\w|\w\(.*\)|^[\w-]+[._][\w.]+$"
    r"|^(?:activit(?:y|ies)|assignments?|challenges?|homework|labs?|practice|problems|quiz(?:zes)?|review)(?: \w+)?$",
    re.I,
)
_AGAINST = re.compile(r"\b(?:against|avoiding|defen[cs]e|defend|how to avoid|mitigat\w+|prevent\w*|protect\w*)\b", re.I)
_OUGHT = re.compile(
    r"\b(?:advisable|essential|mandatory|must|necessary|needs? to|never|ought to|preferred|recommended|required"
    r"|should)\b",
    re.I,
)
_CASE = re.compile(r"(?:After|Before|Depending on|For|If|In|Once|Unless|When|Whenever|Where|Wherever|While)\b[^,]*,")


def asks_what_to_do(question: str) -> bool:
    """Whether a question wants instructions: how to do something, or what one should do."""
    return bool(_ASKS.search(question))


def warns(text: str) -> bool:
    """Whether a heading, or the line before a list, lets orders follow that nobody is meant to follow."""
    return bool(_WARNS.search(text)) and not _AGAINST.search(text)


def narrower(sentence: str, heading: str, known: str) -> bool:
    """Whether an instruction holds of a narrower case than it says: its heading limits what it is about to something
    that neither the sentence nor `known`, the question and the title of its page, names."""
    limited = _LIMITS.search(heading)
    case = stems(limited[1]) - stems(known) if limited else set()
    return bool(case) and 2 * len(case & stems(sentence)) < len(case)


def tells(sentence: str) -> int:
    """How much a sentence says of what to do: 2 where it says what to do or what should be, 1 where it says so of some
    case ("For legacy systems, use ..."), 0 where it says nothing of it."""
    if not _OUGHT.search(sentence) and not instructs(sentence):
        return 0
    return 1 if _CASE.match(sentence) else 2


def instructs(sentence: str) -> bool:
    """Whether a sentence says what to do, and can be followed by someone who read nothing before it."""
    if _FIRST_PERSON.search(sentence) or _LABELLED.search(sentence):
        return False
    order, told = _ORDER.match(sentence), sentence
    if _POINTS.search(sentence) or (order is None and _SHOULD.match(sentence) is None):
        return False
    if order is not None:
        opening, rest = sentence[: order.end("opening")], sentence[order.end("opening") :]
        if _EXERCISE.search(rest) or _NOUN.match(rest):
            return False
        if order["denied"]:
            rest = f"do not{rest[len(order['denied']) :]}"
        told = f"{opening}{'developers' if opening else 'Developers'} {rest[:1].lower()}{rest[1:]}"
    told = re.sub(r"\b[Yy]our\b", lambda m: "Their" if m[0][0] == "Y" else "their", told)
    told = re.sub(r"\b[Yy]ou\b", lambda m: "Developers" if m[0][0] == "Y" else "developers", told)
    return not standalone(plain(told))
