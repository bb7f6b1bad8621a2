"""Sentence edits that keep a sentence true: the targets of the writing task.

Each edit only deletes: asides, connectives, parentheses, examples, trailing
clauses. What is left was said by the source, so a model trained on these pairs
learns to clean and to shorten, not to invent. Rules are conservative: where one
is unsure the edit is not made.
"""

from __future__ import annotations

import random
import re

from dlm_core.clutter import clean, close, whole

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


def brief(sentence: str) -> str:
    """A shorter true sentence: `clean`, and without relative clauses, dashes,
    examples and trailing clauses. The sentence itself where nothing can go."""
    out = clean(sentence)
    for rule in (DASHES, RELATIVE):
        shorter = close(rule.sub(" ", out))
        if whole(shorter) and len(shorter.split()) >= 6:
            out = shorter
    shorter = close(LEADING.sub("", out))
    if whole(shorter) and len(shorter.split()) >= 8:
        out = shorter
    for _ in range(2):
        shorter = close(TRAILING.sub(".", out))
        if shorter == out or not whole(shorter) or len(shorter.split()) < 7:
            break
        out = shorter
    return out


def clutter(sentence: str, extras: list[str], rng: random.Random) -> str:
    """The sentence with something added that `clean` would delete, so that
    there are enough pairs: a citation, a pointer at a figure, or one of
    `extras`, connectives and parentheses seen in other documents."""
    extra = rng.choice(extras) if extras and rng.random() < 0.6 else _citation(rng)
    if extra.startswith(("(", "[")):
        spots = [m.start() for m in re.finditer(r"(?<=[a-z])(?=[,.])", sentence)] or [len(sentence) - 1]
        at = rng.choice(spots)
        return f"{sentence[:at]} {extra}{sentence[at:]}"
    if not re.match(r"(?:The|A|An|Many|Most|Some|All|Each|Every|In|When|If)\b", sentence):
        return sentence
    return f"{extra} {sentence[0].lower()}{sentence[1:]}"


_AUTHORS = "Smith Chen Garcia Müller Johnson Kim Patel Nguyen Brown Silva Ivanov Sato Cohen Rossi Dubois Khan".split()


def _citation(rng: random.Random) -> str:
    """A reference as papers and textbooks put them into a sentence."""
    a, b = rng.sample(_AUTHORS, 2)
    year, n = rng.randrange(1950, 2027), rng.randrange(1, 30)
    return rng.choice(
        (
            f"({a}, {year})",
            f"({a} & {b}, {year})",
            f"({a} et al., {year})",
            f"({a} et al., {year}; {b}, {year - rng.randrange(1, 9)})",
            f"[{n}]",
            f"[{n}, {n + rng.randrange(1, 9)}]",
            f"(see Figure {n})",
            f"(Figure {n}.{rng.randrange(1, 20)})",
            f"(Table {n})",
            f"(see Chapter {n})",
            f"(see also {a} {year})",
        )
    )


SUBJECT = re.compile(
    r"^((?:The |A |An )?[A-Z]?[\w’'-]+(?: [\w’'-]+){0,3}?) (?=(is|are|was|were|has|have|can|may|will)\b)"
)
# What such a subject may not begin with: a clause, a question, a phrase of place or time, what is a pronoun itself.
NO_SUBJECT = re.compile(
    r"^(?:If|When|While|Who|What|Where|Why|How|Which|Once|Since|Because|As|In|At|On|For|To|By|From|With|During|After"
    r"|Before|Until|Unless|Although|Though|And|But|Or|So|There|Here|He|She|We|You|They|It|I|This|That|These|Those|Some"
    r"|Many|Most|Both|Each|All|One|Such|Another|Other|Others|People|Not|No|Only|Also|Then|Thus|Now)\b"
)


def unnamed(sentence: str, before: str) -> str:
    """The sentence with its subject turned into the pronoun that a writer would
    have put there, where the sentence before has the same subject; else "".
    The way back is what a model must learn: to give a sentence its subject."""
    own, lead = SUBJECT.match(sentence), SUBJECT.match(before)
    if not own or not lead or own.group(1).lower() != lead.group(1).lower():
        return ""
    subject, verb = own.group(1), own.group(2)
    if len(subject) < 4 or NO_SUBJECT.match(subject):
        return ""
    plural = verb in {"are", "were", "have"} or (verb in {"can", "may", "will"} and subject.endswith("s"))
    return f"{'They' if plural else 'It'}{sentence[len(subject) :]}"
