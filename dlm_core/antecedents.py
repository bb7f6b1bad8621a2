"""Pronouns, "this" and first names whose noun stands in another sentence."""

from __future__ import annotations

import re

from dlm_core.english import FUNCTION, PRONOUNS, word_set
from dlm_core.references import BOTH_OF_THEM

_INNER = re.compile(
    r"\b(?:this|these|such(?! as\b| that\b|,)|those(?! (?:who|whose|of|that|which|in|with|from|at|for|on|without"
    r"|found|used|made|to|living|working|under|by|not|who've|where|whom|aged|having|born|outside|already"
    r"|between)\b))\b"
)
_NEW_CLAUSE = re.compile(
    r"(?:[;—–] ?|\b(?:and|but|because|so|although) )(?:(?:for|of|in|with|by|from|to|at|under|each of) )?$"
)
_NO_NAMES = FUNCTION | word_set("despite throughout following according besides upon due thanks given along across")
# "In France, he" and "In 133 BCE, as a tribune, he" name a place and a time, and nobody.
_SCENE = re.compile(r"(?:In|On|At|By|During|From|Throughout|Within|For|Under|As an?)\b[^,]*,")
_MEN = re.compile(r"\b(?:he|she|him|his|her|hers|himself|herself)\b", re.I)
_PEOPLE = re.compile(
    r"\b(?:person|man|woman|child|boy|girl|king|queen|president|author|mother|father|husband|wife|son|daughter"
    r"|individual|someone|somebody|anyone|everyone|infant|baby|male|female|student|citizen|patient|client|worker"
    r"|farmer|teacher|officer|lawyer|writer|painter|poet|owner|buyer|seller|consumer|player|leader|manager|driver"
    r"|user|doctor|actor|emperor|governor|senator|mayor|editor|doctor|investor|inventor|[a-z]{3,}(?:ist|ian))\b"
)
_LEADING_PHRASE = re.compile(
    r"(?!By the time\b)"
    r"(?:Without|In|For|With|During|At|On|By|Often|From|Within|Under|Through|Despite|Like|Unlike|According to|Over"
    r"|Across|Outside|Inside|Prior to|To|Until|By the|After|Before|Throughout"
    r"|Starting|Beginning|Since|As of|Because of|Due to|Instead of"
    r"|Historically|Traditionally|Typically|Usually|Generally|Sometimes|Today|Currently|Recently)\b(?:(?! (?:is|are"
    r"|was|were|has|have|had|can|will|do|does|did) )[^,]){0,60}(?:, (?:its|their)|,? (?:it|they|he|she))\b"
)
# a first name alone belongs to a story told before
_FIRST_NAME = re.compile(
    r"(?<![A-Z][a-z] )(?<![A-Z]\. )(?<![A-Z][a-z]{2} )(?<![A-Z][a-z]{3} )(?<![A-Z][a-z]{4} )(?<![A-Z][a-z]{5} )(?<!"
    r"[A-Z][a-z]{6} )\b(?:Adam|Alex|Alice|Amanda|Amy|Andrea|Andrew|Angela|Anna|Anne|Annie|Ben|Beth|Bill|Bob|Brandon"
    r"|Brian|Carl|Carla|Carlos|Carol|Caroline|Charlie|Chris|Christina|Cindy|Dan|Daniel|Dave|David|Dawn|Diane|Diego"
    r"|Donna|Doug|Elena|Emily|Emma|Eric|Erin|Eva|Frank|Fred|Gary|George|Greg|Hannah|Harry|Heather|Helen|Jack|Jake"
    r"|James|Jamal|Jane|Janet|Jason|Jeff|Jen|Jennifer|Jenny|Jessica|Jill|Jim|Joan|Joe|John|Jose|José|Josh|Juan"
    r"|Juanita|Julia|Julie|Karen|Kate|Kathy|Katie|Kelly|Kevin|Kim|Kristen|Kyle|Laura|Lauren|Leo|Linda|Lisa|Luis"
    r"|Lucy|Luke|Maria|María|Marie|Mark|Martha|Martin|Mary|Matt|Max|Megan|Mel|Melissa|Mia|Michael|Michelle|Miguel"
    r"|Mike|Mindy|Molly|Nancy|Nathan|Nick|Nicole|Oscar|Pam|Patricia|Patrick|Paul|Peter|Phil|Rachel|Ralph|Rebecca"
    r"|Richard|Rita|Rob|Robert|Roger|Rosa|Ruth|Ryan|Sally|Sam|Samantha|Sandra|Sara|Sarah|Scott|Sean|Sharon|Sophia"
    r"|Stephanie|Steve|Sue|Susan|Tamara|Tanya|Ted|Tim|Tina|Todd|Tom|Tony|Tracy|Tyler|Vanessa|Victor|Wendy|Yolanda"
    r"|Zach)(?:[’']s)?\b(?![-.]| [A-Z]| (?:I|the|of|de|von|van)\b)(?! (?:Act|and [A-Z][a-z]+ [A-Z]))"
)
WORD = re.compile(r"[A-Za-z][\w’'.-]*")


def without_noun(s: str) -> str:
    """ "" where every pronoun and first name has its noun before it, else why not (a few plain words)."""
    tokens = WORD.findall(s)
    if len(tokens) > 1 and tokens[0].endswith(("ing", "ed")) and tokens[1].lower() in PRONOUNS:
        return "pronoun without its noun"
    for token in tokens[:8]:
        low = token.lower().rstrip(".")
        if low in PRONOUNS and not (low == "both" and BOTH_OF_THEM.match(s)):
            return "pronoun without its noun"
        if low not in FUNCTION and not low.endswith("ly"):
            break
    for match in _INNER.finditer(s):
        before = s[: match.start()]
        if len(before.split()) < 6 or not _NEW_CLAUSE.search(before):
            return "refers to something named before"
    man = _MEN.search(s)
    if man:
        before = s[: man.start()]
        said = before.partition(",")[2] if _SCENE.match(before) else before
        names = [w for w in WORD.findall(said) if len(w) > 2 and w[0].isupper() and w.lower() not in _NO_NAMES]
        if not names and not _PEOPLE.search(before):
            return "pronoun without its noun"
    if _FIRST_NAME.search(s):
        return "a person named elsewhere"
    if _LEADING_PHRASE.match(s):
        return "pronoun without its noun"
    it = re.search(r"\b(?:it|they|them)\b", s)
    if it and not any(w.lower() not in FUNCTION and len(w) > 2 for w in WORD.findall(s[: it.start()])):
        return "pronoun without its noun"
    if "respectively" in s and len(re.findall(r"\band\b", s)) < 2:
        return "dangling respectively"
    return ""
