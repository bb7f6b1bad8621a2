"""Can a sentence be understood by a stranger who reads nothing else?

`standalone` answers with "" or with the reason why not. The rules look at the
surface only (words, punctuation, order), for English expository prose and
software documentation. They prefer a good sentence lost over a bad one let
through: a source has many sentences, a report shows few.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dlm_core.antecedents import WORD, without_noun
from dlm_core.english import (
    ADVERBS,
    AUX,
    FUNCTION,
    IRREGULAR,
    KNOWN_VERBS,
    NOUN_FOLLOWS,
    OBJECT_START,
    ONLY_VERBS,
    PARTICIPLE_FOLLOWS,
    PAST,
    PAST_AS,
    PAST_TO,
    PLAIN_VERBS,
    PLURAL,
    RELATIVE,
    VERBS,
)
from dlm_core.phrases import FINITE
from dlm_core.references import points_outside

_VERB = re.compile(r"(?:" + "|".join(sorted(VERBS)) + r")\Z", re.I)
# these are hardly ever the first noun of a sentence
_PLAIN_IMPERATIVE = re.compile(
    r"(?:See|Refer|Consider|Ensure|Click|Select|Choose|Remember|Recall|Notice|Imagine|Suppose|Assume|Let|Let's|Try"
    r"|Think|Look|Go|Visit|Don't|Don’t|Be|Do|Keep|Make|Add|Create|Avoid|Install|Remove|Delete|Specify|Configure"
    r"|Enable|Disable|Put|Give|Take|Get|Follow|Write|Find|Explain|Describe|Discuss|Compare|Identify|Define"
    r"|Calculate|Compute|Determine|Note|Observe|Verify|Replace|Please|Feel|Say|Tell|Learn|Read|Enter|Begin|Perform"
    r"|Construct|Generate|Retrieve|Obtain|Convert|Execute|Wrap|Always|Never|Examine|Evaluate|Analyze|Allow|Provide"
    r"|Prefer|Append|Insert|Receive|Unlike before|Contact|Consult|Register|Interact|Bring|Draw|Solve|Navigate"
    r"|Download|Paste|Print|Ask|Pick|Decide|Repeat|Understand|Know|Watch|Wait|Checkout|Eliminate|Encourage|Enhance"
    r"|Facilitate|Fine[- ]tune|Improve|Leverage|Maximi[sz]e|Minimi[sz]e|Optimi[sz]e|Pay attention|Promote|Strengthen"
    r"|Utili[sz]e|Strive|Endeavou?r|Aspire|Attempt to|Seek|Picture (?:an?|someone|somebody|the|this|yourself)"
    r"|(?:Start|Stop|Continue|Resume|Finish) [a-z]+ing"
    r"|Use(?! (?:of|cases?|is|was|has|may|can|and|by|in|for|rates?)\b))\b(?!['’]s\b)"
)
# "Enables tracking of calls.", "Annotates each object with a list.": what a setting or a function does, whose name
# stands over it.
_LETS = re.compile(
    r"(?:Adds|Allows|Avoids|Contains|Controls|Creates|Defines|Determines|Enables|Gives|Holds|Includes|Indicates|Involves"
    r"|Lets|Makes|Permits|Prevents|Provides|Requires|Returns|Sets|Shows|Specifies|Supports|Takes) [a-z]+ing\b"
    r"|[A-Z][a-z]+(?:ates|ifies|izes) (?:all|an?|any|each|every|the)\b"
)
_THEN = re.compile(r"(?:To|If|When|For|In|On|Once|After|Before|With)\b[^,]*, ([a-z]+) (\w+)")
_THEN_DO = re.compile(
    r"^(?:If|When|Once|Unless|After|Before|To|For|In|By|On|While|Otherwise|Until)\b.*, (?:and |then |just |simply "
    r"|always |first |do not |don[’']t )?(?:return|raise|reset|use|call|set|allow|do|see|specify|pass|add|make|run"
    r"|try|keep|create|check|consider|ensure|avoid|select|click|choose|write|open|remove|replace|go|enter|install"
    r"|type|read|start|stop|take|give|find|look|think|ask|returns|raises|allows|sets|uses|does|calls)\b(?! (?:is"
    r"|are|of|and|in)\b)"
)

_MARKUP = re.compile(
    r"\*\*|``|`|\]\(|https?:|www\.|</?[a-z][^>]*>|&[a-z]+;|\{\{|\}\}|\$[A-Za-z\\{(]|\\[a-zA-Z]+|^\||\|.*\||={2,}"
    r"|[{}]|->|=>|::|\bTODO\b|\bFIXME\b|^>|^#|~~|\|\||&&|>>>|\(\.\.\.\)|--[a-z]|\[\[|\]\]|\[[^\]]*\]\[|\.\. "
    r"|:[a-z]+:|%[sd]\b|\$\(|;$"
)
_MATHS = re.compile(
    r"\s[=≈≤≥∝≠<>∈→⇒⟶←↔≡∼∑∫√+*/^−|!]\s|\w\^|[=≈≤≥∝∈∑∫√∂∇]|\b[A-Za-z][₀₁](?![A-Za-z])|\s[,.;:](?:\s|$)|(?<!\w)\(\s*\)"
    r"|\b[A-Za-z]\s?[<>=]\s?\w|\d\s?[+*/÷×−]\s?\d|[\u0391-\u03c9]\s*[=<>]"
)
_HOLE = re.compile(
    r"\b(?:the|a|an) (?:is|are|was|were|of|and|by|to|that|which|where|from|than|or|can|will|has)\b|\b(?:of|between"
    r"|equals|with|from|where) (?:is|are|was|and|of|by|or)\b|\bwhere (?:is|are)\b (?:the|a|an|in|equal)\b"
    r"|\b(\w+) \1\b(?<!that that)(?<!had had)|[,;] ?[,;.]|\bby \.|\bthe [,.;](?=\s|$)|\([,;]"
)
_NAVIGATION = re.compile(
    r"skip to|cookies? (?:policy|settings|on this|to)|all rights reserved|copyright|©|subscribe|log ?in to"
    r"|\bsign (?:in|up)\b|terms of (?:use|service)|last (?:updated|modified|edited)|retrieved (?:on|from|\d)"
    r"|share this|privacy policy|table of contents|back to top|learning (?:objectives|outcomes)|photo(?:graph)? by"
    r"|(?:image|photo) credit|isbn|doi:|creative commons|licen[sc]ed under|this work is|newsletter|edit this page"
    r"|view source|press release|posted (?:on|by)|filed under|read the full|et seq|by the end of|answers? (?:will"
    r"|may) vary|editor[’']?s[’']? note|today[’']s (?:guest )?(?:article|blog|post)"
    r"|e-?mail (?:us|me)|openstax|page \d+|\bpp?\. ?\d|\bibid\b|op\. ?cit"
    r"|(?:source code|documentation|examples?|details|information)\b[^.]* can be found (?:in|at|on|under)\b",
    re.I,
)
_SIGNATURE = re.compile(
    r"\b[A-Za-z_][\w.]*\([^()]*[=,*\[\]'\"][^()]*\)|\b[A-Za-z_][\w.]*\[[^\]]*\]|\bdef \w+\(|\bclass \w+\(|\w+=\w+"
    r"|\bimport \w+$|^\w+\([^)]*\)\s*$"
)
_LOCAL_NAME = re.compile(
    r"(?<![\w.])[a-z][a-z0-9]*_[a-z0-9_]+(?![\w.(])|(?<![\w.])[a-z][a-z0-9]*_[a-z0-9_]+\.(?=\s|$)"
    r"|(?<![\w*])\*[a-z]+[A-Z]\w*|\bz[A-Z][a-z]\w*\b"  # "*pnLog", "zDb" in C
)  # a parameter, as a rule
# "The shape of the output is.": what it is stood in a formula.
_NOTHING_SAID = re.compile(r"\b(?:is|was|equals|the|an)\.$")
_ASKED = re.compile(r"\b(?:what|who|how|where|which|that|as|than|it|they|he|she|there|one)\b(?: [^\s,;]+){0,6}$")
# "To make results available, since research is publicly funded.": an aim, as lists have them, and no main clause.
_NOT_FINITE = rf"(?!(?:{'|'.join(sorted(FINITE))})\b)"
_AIM = re.compile(
    rf"To [a-z]+ {_NOT_FINITE}(?:{_NOT_FINITE}[^,.;:])*(?:, (?:and|as|because|by|for|in|including|or|rather|since"
    r"|so that|such|to|when|where|which|while|with|without)\b[^,]*)*\.$"
)
_MEANS = re.compile(r"\b(?:calls|costs|gives|involves?|makes|means?|needs|promotes?|requires?|seems|takes)\b")
# "Inspired by the idea of learning to align, proposed a model": a citation stood where its subject was.
_NOBODY = re.compile(
    r"(?:Inspired|Based|Motivated|Building|Following|Using|Starting|Drawing|Extending|Unlike|Similar)\b[^,]*, "
    r"(?:\w+ly )?(?:\w+ed|showed|shown|found|gave|built|took|made|used) (?:an?|the|that|how|to)\b"
)
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_SUBORDINATE = re.compile(
    r"\b(?:which|who|whom|whose|that|where|when|while|whereas|because|since|although|though"
    r"|(?<!such )as|if|unless|until)\b[^,;]*",
    re.I,
)
_PAIR = {")": "(", "]": "[", "}": "{", "”": "“"}


_LABEL = re.compile(
    r"(?:[A-Z][\w-]*|\d+)(?: (?:[A-Z][\w-]*|of|in|and|the|for|to|with|on|a|an|or|by)){0,7}(?: \([^()]{1,40}\))?: [A-Z]"
    r"|[A-Z]\w+ing [^:.]{0,40}: [A-Z]"
)
# "Azure Monitor - Umbrella of services", "Mob – A member of the mob who": the name of a list's item, and what it is.
_ITEM = re.compile(r"[A-Z][\w.+#/]*(?: [A-Z0-9][\w.+#/]*){0,4} [-–—] \w(?:(?! [-–—] ).)*$")
# "Finalised data: data that is ready to be shared": an entry of a list of terms
_ENTRY = re.compile(r"[A-Z][\w-]+(?: [a-z][\w-]+){0,3}: (?:(?:a|an|the|any) )?[\w-]+ (?:that|which|who)\b")
_GLUED = re.compile(r"[a-z]{2}\)?(?<!\betc)(?<!\bvs)(?<!\bal)(?<!\bcf)(?<!\bca)(?<!approx)\. [a-z]")


def _balance(s: str) -> bool:
    stack: list[str] = []
    for ch in s:
        if ch in "([{“":
            stack.append(ch)
        elif ch in _PAIR and (not stack or stack.pop() != _PAIR[ch]):
            return False
    return not stack and s.count('"') % 2 == 0


def _shape(s: str) -> str:
    words = s.split()
    if s.endswith(":"):
        return "ends in a colon"
    if re.search(r"\?[\"”’')\]]*$", s):
        return "question"
    if not re.search(r"[.][\"”’')\]]*$", s) or s.endswith(("...", "etc.)", "e.g.", "i.e.", "vs.")):
        return "no full stop"
    if len(words) < 5:
        return "under 5 words"
    if len(words) > 60:
        return "over 60 words"
    if not _balance(s):
        return "unbalanced brackets or quotes"
    if not re.match(r"[A-Z0-9\"“‘'(]|[a-z]\w*(?:\.\w|\()|[a-z]+[A-Z]", s):
        return "starts in lower case"
    if s[0] in "\"“‘'" and not re.match(r"[\"“‘'][^\"”’']{1,40}[\"”’'] ", s):
        return "quotation"
    if s[0] == "(" or re.match(r"\(?(?:\d{1,2}|[a-zA-Z])[.)] ", s):
        return "list fragment"
    label = re.match(r"(?:(?:The|An?) )?([A-Za-z][^:.;,]{3,80}): [A-Z]", s)
    if _LABEL.match(s) or _ITEM.match(s) or _ENTRY.match(s) or (label and _verbless(f"The {label[1]}.")):
        return "opens with a label"
    if _GLUED.search(s):
        return "two sentences run together"
    if re.search(r"[a-z]{2}\? |[a-z]{2}[!?][\"”]? [A-Z]|!$", s):
        return "question"
    return ""


def _symbols(s: str) -> str:
    if _MARKUP.search(s):
        return "leftover markup"
    if _SIGNATURE.search(s):
        return "code"
    if _MATHS.search(s):
        return "formula"
    unsaid = _NOTHING_SAID.search(s)
    if _HOLE.search(s) or (unsaid and not _ASKED.search(s[: unsaid.start()].rstrip())):
        return "something was cut out of it"
    letters = sum(ch.isalpha() or ch == " " for ch in s)
    figures = sum(ch.isdigit() or ch in ".,%-–—'’“”\"$()_/;:" for ch in s)
    if letters < 0.7 * len(s) or letters + figures < 0.95 * len(s):
        return "mostly symbols"
    capitals = sum(ch.isupper() for ch in s)
    if capitals > 0.35 * len(s):
        return "all capitals"
    if _LOCAL_NAME.search(s):
        return "a name of its function"
    words = WORD.findall(s)
    codeish = sum(bool(re.search(r"[a-z][A-Z]|_|\w\.\w|\d[a-z]", w)) for w in words)
    if codeish > 0.4 * len(words):
        return "mostly code names"
    if sum(ch.isalpha() and not ch.isascii() for ch in s) > 0.12 * len(s):
        return "not English"
    common = sum(w.lower().rstrip(".") in FUNCTION for w in words)
    if common < max(1, 0.13 * len(words) if len(words) > 12 else 1):
        return "not English prose"
    return ""


# "Utilities to run programs", "An object that can be used to wait": a thing is named and nothing said of it.
_NAMED_ONLY = re.compile(
    r"(?:(?:An?|The|Any) (?:[\w.()-]+ ){1,5}(?:that|which) (?:can|may) be used to|[A-Z][a-z]+s to [a-z]+) "
)
_FINITE = re.compile(r"\b(?:is|are|was|were|has|have|had|does|do|did|will|would|must|should)\b")
# "An instance of Handle is returned": by what, the reference page says elsewhere.
_RETURNED = re.compile(
    r"(?:An?|The|Any) [^,;]{0,60}\b(?:is|are|will be) (?:returned|raised|ignored|used)(?:\.|,| which| that|$)"
)

# "The hippocampus is usually affected": by what, the sentence before says.
_BEFALLEN = re.compile(
    r"The (?:[\w-]+ ){1,2}(?:is|are|was|were) (?:\w+ly |often |sometimes |also )?"
    r"(?:affected|afflicted|damaged|impaired|involved|spared|targeted)\.?$"
)

# Reference pages: "If aw is a coroutine", "The deadline is a float" speak of parameters, whose function is named above.
_PARAMETER = re.compile(
    r"(?:If|When) (?!it|one|he|she|you|we|all|any|air|ice|gas|oil)[a-z]{1,3} (?:is|are)\b"
    r"|The \w+ (?:is|must be) an? (?:float|int|integer|string|bool|boolean|list|tuple|dict|callable)\b"
)
# "The star now has", "When stars finally form", "the new equilibrium wage": after what was told before.
_THEN_NOW = re.compile(
    r"The \w+ now \w+|(?!If|When|Since|Because)(?:[\w’'-]+ ){1,4}then \w+"
    r"|When (?:the )?\w+ finally\b|.*\bthe new (?:\w+ )?(?:wage|price|rate|level)\b"
)
# "Cynthia, a psychologist, recalls": somebody of an example, without a last name.
_SOMEBODY = re.compile(
    r"[A-Z][a-z]+, an? [a-z-]+(?: [a-z-]+)?, (?:recall|remember|notice|feel|felt|think|work|tell|told)"
)
# "When describing a person, suggests a tantrum"
_NO_SUBJECT = re.compile(r"(?:When|While|If) [a-z]+(?:ing|ed)\b[^,]*, [a-z]+(?:s|ed) (?:an?|the|that|to|how)\b")
# "A mechanism by which values are split, called TOAST.": a thing with its name, and nothing said of it.
_NAMED_LAST = re.compile(
    r"(An? [^,;]{3,60} (?:that|which|who|where) [^;]*), (?:(?:also|often|sometimes) )?(?:called|named|termed|known as)"
    r" (?!for\b)[^,;]*\.$"
)
# "The name of the index to be created."
_TO_BE = re.compile(
    r"(?:The|An?) ((?:(?!(?:if|that|which|who)\b)[\w()-]+ ){1,7}?)to be [a-z]+(?:ed|en|t|n)\b([^,;]*)\.$"
)
# "The manual should not be included.": in what, the sentence before says.
_INTO_NOTHING = re.compile(
    r"[^,;]{3,90} (?:should|must) (?:not )?be (?:included|omitted|specified|provided|added|given|listed|supplied)\.$"
)
# "Something the claimant possesses": an entry of a glossary.
_GLOSS = re.compile(r"Something (?:the|an?|that|which)\b")


# "The government refused, and the navy ...": what was asked of it, the sentence before says.
_ASKED_BEFORE = re.compile(r"[^,;]{3,60} (?:refused|agreed|consented|complied|objected)(?:,| and\b|\.$)")

_ELSEWHERE = {
    _ASKED_BEFORE: "goes on from what was said before",
    _GLOSS: "no verb",
    _INTO_NOTHING: "by what is said elsewhere",
    _PARAMETER: "a parameter named elsewhere",
    _THEN_NOW: "goes on from what was said before",
    _SOMEBODY: "a person named elsewhere",
    _BEFALLEN: "by what is said elsewhere",
    _RETURNED: "its subject is implied",
}


def _fragment(s: str) -> str:
    if _NOBODY.match(s):
        return "its subject is missing"
    aim = _AIM.match(s) and (_VERB.match(s.split()[1]) or s.split()[1] in KNOWN_VERBS)
    if aim and not _MEANS.search(s):
        return "no main clause"
    if _NAMED_ONLY.match(s) and not _FINITE.search(s):
        return "no verb"
    named = _NAMED_LAST.match(s)
    if named and _verbless(f"{named[1]}.", long=1000):
        return "no verb"
    listed = _TO_BE.match(s)
    if listed and not has_verb(listed[1]) and not has_verb(f"it{listed[2]}"):
        return "no verb"
    if _NO_SUBJECT.match(s):
        return "its subject is implied"
    return next((reason for pattern, reason in _ELSEWHERE.items() if pattern.match(s)), "")


def _imperative(s: str) -> str:
    words = s.split()
    first = words[0].rstrip(",")
    second = words[1].rstrip(",.").lower()
    if _PLAIN_IMPERATIVE.match(s):
        return "imperative"
    stems = [first]
    if first.endswith("s"):
        stems += [first[:-1], first[:-2] if first.endswith("es") else first[:-1]]
    if first.endswith("ies"):
        stems.append(first[:-3] + "y")
    if first.endswith("ly") and _VERB.match(words[1]) and words[1].islower():
        return "imperative"
    then = _THEN.match(s)
    if then and _VERB.match(then.group(1)) and then.group(2).lower() in OBJECT_START:
        return "imperative"
    if _THEN_DO.search(s):
        return "imperative"
    if _LETS.match(s):
        return "its subject is implied"
    code_next = not second.isalpha() or bool(re.match(r"[A-Z]\w*[A-Z]|True|False|None|zero", words[1]))
    ordered = first.lower() in ONLY_VERBS or any(_VERB.match(x) for x in stems)
    if ordered and (second in OBJECT_START or code_next):
        return "imperative" if first == stems[0] and not first.endswith("s") else "its subject is implied"
    return ""


_SHORTENED = frozenset("when while if".split())  # may open a clause without a subject


def _verbless(s: str, long: int = 12) -> str:
    """No finite verb in the main clause, as far as the surface shows.

    Each subordinating word takes the next verb; the sentence needs one more. A
    sentence of `long` words passes with any verb before its first subordinate clause: there
    a strict count loses more whole sentences than it stops fragments.
    """
    words = [w.rstrip(".").replace("’", "'") for w in WORD.findall(s)]
    owed = 0
    relative = False  # a subordinate clause began: from here on the strict count decides
    chain = False  # inside "has been read": no new verb
    said = False  # whether the chain has its "read"
    for i, word in enumerate(words):
        low = word.lower()
        before = words[i - 1].lower() if i else ""
        after = words[i + 1].lower() if i + 1 < len(words) else ""
        known = low in AUX or low in PLAIN_VERBS or low in KNOWN_VERBS
        # "to catch reference"
        infinitive = "to" in {before, words[i - 2].lower() if i > 1 else "", "".join(words[1:2]).lower()}
        if i > 1 and len(words) >= long and known and not relative and not infinitive:
            return ""
        if before in ADVERBS and i > 1:
            before = words[i - 2].lower()
        if low in RELATIVE:
            # "when conducted in good faith": what is conducted stands before it, and no verb is owed
            short = low in _SHORTENED and (after.endswith(("ed", "ing")) or after in IRREGULAR) and after not in PAST
            owed, chain, relative = int(not short), False, True
            continue
        if low in ADVERBS or low.endswith("ly"):
            continue
        if i == 0 or not _is_verb(word, low, before, after):
            chain = False
            continue
        if chain and not (said and low in FINITE):  # "which are expired must be": another verb
            said = said or low not in AUX
            continue
        said = False
        chain = low in AUX or low.endswith("n't")
        if not owed:
            return ""
        owed = 0
    return "no verb"


def has_verb(words: str) -> bool:
    """Whether words that stand in a sentence hold a finite verb of its main clause, by a strict count."""
    return not _verbless(f"… {words}", long=1000)


def loses_its_verb(rest: str, gone: str) -> bool:
    """Whether a sentence of which `rest` is left has its main verb in the words `gone`: a strict count finds none in
    the rest, and one in what went, brackets and subordinate clauses aside."""
    main = _SUBORDINATE.sub(" ", _BRACKETS.sub(" ", gone))
    return bool(_verbless(rest, long=1000)) and has_verb(main)


_NOT_VERB_AFTER = ("able", "ible", "ful", "ous", "less")


def _is_verb(word: str, low: str, before: str, after: str) -> bool:
    if low in AUX or low.endswith("n't") or low in ("they're", "there's", "it's"):
        return before != "to" or low not in ("be", "have", "do")
    if before in NOUN_FOLLOWS:  # also "The document being parsed."
        return False
    if low in ("account", "accounts") and after == "for":
        return True
    if low in PAST or (after == "to" and low in PAST_TO) or (after == "as" and low in PAST_AS):
        return True
    if low in IRREGULAR or (low.endswith("ed") and "-" not in low):
        return before in AUX or after not in PARTICIPLE_FOLLOWS
    if re.fullmatch(r"[a-z]+[^su\W]s|[a-z]+[^s]es", word):
        return not before.endswith(_NOT_VERB_AFTER) and any(
            x in KNOWN_VERBS or _VERB.match(x) for x in (low[:-1], low[:-2], low[:-3] + "y")
        )
    if word != low or not (low in KNOWN_VERBS or _VERB.match(low)):
        return False
    return before.endswith(("s", "ly")) or before in PLURAL or (low in PLAIN_VERBS and before not in FUNCTION)


_RULES: tuple[Callable[[str], str], ...] = (
    _shape,
    _symbols,
    points_outside,
    _fragment,
    _imperative,
    without_noun,
    _verbless,
)


def standalone(sentence: str) -> str:
    """ "" where the sentence stands alone, else why not (a few plain words)."""
    s = sentence.strip()
    if not s:
        return "empty"
    for rule in _RULES:
        reason = rule(s)
        if reason:
            return reason
    if _NAVIGATION.search(s):
        return "navigation"
    return ""
