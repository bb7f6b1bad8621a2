"""Sentence edits that keep a sentence true: the targets of the writing task.

Each edit only deletes: asides, connectives, parentheses, examples, trailing
clauses. What is left was said by the source, so a model trained on these pairs
learns to clean and to shorten, not to invent. Rules are conservative: where one
is unsure the edit is not made.
"""

from __future__ import annotations

import re

CONNECTIVE = re.compile(
    r"^(?:However|Therefore|Thus|Moreover|Furthermore|Also|In addition|Additionally|Consequently|Hence"
    r"|Indeed|In fact|For example|For instance|Similarly|Likewise|Nevertheless|Nonetheless|Of course"
    r"|In other words|As a result|Overall|In general|Generally|In short|In particular|Specifically"
    r"|Finally|Still|Again|Instead|Accordingly|Interestingly|Importantly|Note that|Remember that"
    r"|Recall that|That is|As such|On the other hand|By contrast|In contrast|Meanwhile|Besides"
    r"|Clearly|Notably|Essentially|Basically|Typically|And|But|So),? +(?=\w)"
)
ASIDE = re.compile(
    r", (?:however|therefore|thus|moreover|furthermore|of course|for example|for instance|in fact|in turn|indeed"
    r"|in other words|then|too|as well|on the other hand|in general|in particular|nevertheless|similarly|instead"
    r"|consequently|as we have seen|as noted earlier|as mentioned earlier|by contrast|in contrast|also),(?= )"
)
PARENTHESIS = re.compile(r" ?[(\[][^()\[\]]{1,160}[)\]](?=[ ,.;:])")
DASHES = re.compile(r" ?[—–] ?[^—–]{3,120} ?[—–] ?(?=[a-z])")
# Only before an auxiliary verb: elsewhere the second comma may belong to a list.
RELATIVE = re.compile(
    r", (?:which|who|whose|where|whom) [^,;:()]{8,110},"
    r"(?= (?:is|are|was|were|has|have|had|can|could|may|might|must|will|would|does|do|did)\b)"
)
TRAILING = re.compile(
    r",? ?(?:; (?:however|for example|therefore|thus|that is),? [^;]+"
    r"|, (?:which|who|where|whereas|while|although|though|because|since|such as|including|especially|particularly"
    r"|for example|for instance|making|allowing|causing|leading|resulting|giving|creating|providing|meaning|as well as"
    r"|rather than|so that|even though|particularly|like) [^;]{8,170}"
    r"|[—–:;] ?[^—–:;]{8,170}"
    r"| (?:because|whereas|although|even though|so that) [^;]{8,170})\.$"
)
LEADING = re.compile(
    r"^(?:As [^,]{5,60}|(?:Although|While|Because|Since) [^,]{8,80}), (?=(?:the|a|an|many|most|some|all)\b)"
)


def _close(text: str) -> str:
    text = re.sub(r" {2,}", " ", text).strip()
    text = re.sub(r" +([,.;:])", r"\1", text)
    text = re.sub(r",+\.$", ".", text)
    return text[:1].upper() + text[1:]


def _whole(text: str) -> bool:
    """Long enough to be a sentence, brackets and quotes in balance."""
    words = text.split()
    return (
        len(words) >= 5
        and text.endswith((".", "!", "”", '"'))
        and text.count("(") == text.count(")")
        and text.count("“") == text.count("”")
        and text.count('"') % 2 == 0
    )


def clean(sentence: str) -> str:
    """The sentence without connective, interjected asides and parentheses."""
    out = PARENTHESIS.sub("", sentence)
    out = ASIDE.sub("", out)
    bare = CONNECTIVE.sub("", out)
    if bare != out and re.match(r"(?:[A-Z]|the|a|an|many|most|some|all|each|every|in|when|if|[a-z]+s)\b", bare):
        out = bare
    out = _close(out)
    return out if _whole(out) else sentence


def brief(sentence: str) -> str:
    """A shorter true sentence: `clean`, and without relative clauses, dashes,
    examples and trailing clauses. The sentence itself where nothing can go."""
    out = clean(sentence)
    for rule in (DASHES, RELATIVE):
        shorter = _close(rule.sub(" ", out))
        if _whole(shorter) and len(shorter.split()) >= 6:
            out = shorter
    shorter = _close(LEADING.sub("", out))
    if _whole(shorter) and len(shorter.split()) >= 8:
        out = shorter
    for _ in range(2):
        shorter = _close(TRAILING.sub(".", out))
        if shorter == out or not _whole(shorter) or len(shorter.split()) < 7:
            break
        out = shorter
    return out


def clutter(sentence: str, extras: list[str], pick: float) -> str:
    """The sentence with something added that `clean` would delete, so that
    there are enough pairs: `extras` are connectives and parentheses seen in
    other documents, `pick` in 0..1 chooses one and its place."""
    if not extras:
        return sentence
    extra = extras[int(pick * len(extras)) % len(extras)]
    if extra.startswith("("):
        spots = [m.start() for m in re.finditer(r"(?<=[a-z])(?=[,.])", sentence)] or [len(sentence) - 1]
        at = spots[int(pick * 7919) % len(spots)]
        return f"{sentence[:at]} {extra}{sentence[at:]}"
    if not re.match(r"(?:The|A|An|Many|Most|Some|All|Each|Every|In|When|If)\b", sentence):
        return sentence
    return f"{extra} {sentence[0].lower()}{sentence[1:]}"
