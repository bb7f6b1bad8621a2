"""Which language a text is in. Everything here is made for English, so other texts are told apart and said so.

A share of English function words is enough to know English, and costs nothing. What lacks them is asked of py3langid,
whose answer counts only where it is sure: names, formulas and code are in no language.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

READ = 6_000  # characters of a text that are looked at
LETTERS = 120  # letters from which a page is judged
ENGLISH = 0.12  # share of function words from which a text is English
SURE = 0.9  # probability of another language from which a page is in it
SURE_QUESTION = 0.6  # the same for a question, which is short, with words of its own language in it
NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
_COMMON = frozenset(
    "a about after all also an and any are as at be because been before being but by can could did do does done for"
    " from had has have he her his how if in into is it its made may more most must no not of on one only or other our"
    " over she should so some such than that the their them then there these they this those through to two under up"
    " used was we were what when where which while who why will with would you your".split()
)
# Words that ask in one of the larger languages; one is enough. English words are left out.
_ASKING = frozenset(
    "wie warum wieso wer welche welcher welches comment pourquoi quel quelle quels quelles est-ce qu'est-ce"
    " cómo qué cuál cuáles cuándo dónde perché quale quali perchè como qual quais quando onde"
    " hoe waarom welke wanneer waar hur varför vilken hvordan hvorfor jak dlaczego gdzie proč".split()
)
# Words that a name may hold as well ("Les Misérables"); it takes two.
_SMALL = frozenset(
    "der die das und ist sind wird ein eine mit von für auf les des est sont une dans pour avec qui que sur du"
    " los las del una para con es son el en la gli della delle il di sono che come dove os dos das uma são"
    " het een zijn wordt van och är som jest są nicht nie".split()
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def language(text: str) -> str:
    """ "en" for English and for text that is too short to tell or in no language; else an ISO 639-1 code of NAMES."""
    text = text[:READ]
    if sum(map(str.isalpha, text)) < LETTERS or _share(text) >= ENGLISH:
        return "en"
    best, probability = _ranked(text)
    return best if probability >= SURE else "en"


def foreign(text: str) -> str:
    """ "" for a page that can be read, else why not, in words for the user."""
    found = language(text)
    return "" if found == "en" else f"it is in {NAMES[found]}, and only English can be read"


def question_trouble(question: str) -> str:
    """ "" for an English question, else one line that says what will work. Short questions get the benefit of doubt."""
    words = [word.lower() for word in _WORD.findall(question)]
    latin = sum(c.isascii() or c in "’“”–—" or "À" <= c <= "ɏ" for c in question if c.isalpha())
    letters = sum(map(str.isalpha, question))
    asking = sum(2 * (word in _ASKING) + (word in _SMALL) for word in words)
    common = sum(word in _COMMON for word in words)
    found = ""
    if latin < 0.5 * letters or (asking >= 2 and asking > common):
        best, probability = _ranked(question)
        if latin < 0.5 * letters or (best != "en" and probability >= SURE_QUESTION):
            found = NAMES.get(best, "another language") if best != "en" else "another language"
    if not found:
        return ""
    return (
        f"the question looks like {found}: Palimpsest asks, reads and writes English only. Ask in English; sources in"
        " other languages are left out of a report and named there"
    )


def _share(text: str) -> float:
    """The share of English function words among the words."""
    words = [word.lower() for word in _WORD.findall(text)]
    return sum(word in _COMMON for word in words) / max(1, len(words))


def _ranked(text: str) -> tuple[str, float]:
    best, probability = _identifier().classify(text)
    return str(best), float(probability)


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    made = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    made.set_languages(["en", *NAMES])
    return made
