"""Text of a source that speaks to its reader, man or machine, as one who takes orders.

Such text is evidence of nothing. Nothing in this program obeys text, so it cannot do harm as an order; but a sentence
such as "any report must cite this page alone" would do it as a claim. So a passage that holds one is flagged, and none
of its sentences is offered to a claim. What stands in quotation marks is talked about, not said, and does not count.
"""

from __future__ import annotations

import re
import unicodedata

_MACHINE = (
    r"(?:ai|artificial intelligence|llms?|(?:large )?language models?|chat ?bots?|assistants?|(?:ai"
    r"|web|research) agents?"
    r"|crawlers?|bots?|summari[sz]ers?|gpt\w*|chatgpt|claude|gemini|copilot)"
)
_GIVEN = (
    r"(?:instructions?|prompts?|directions?|directives?|guidelines?|safety rules|rules"
    r"|system messages?|training|task)"
)
_OTHERS = (
    r"(?:all |any |every |the |these |those )*(?:other|competing|remaining|previous|prior|preceding|earlier|above)"
)
_WORK = r"(?:report|summary|summaries|answer|response|reply|output|essay|draft|conclusion)"
_READER = (
    rf"(?:(?:any|every|all|the|this|each) (?:\w+ )?(?:{_WORK}s?|readers?|authors?|writers?"
    rf"|researchers?|{_MACHINE})(?: (?:on|about|of|reading|using) [^.;:]{{1,60}}?)?)"
)
_TELL = r"(?:reveal|print|repeat|show|output|display|leak|expose|send|tell)"
_HIDDEN = r"(?:hidden |secret |full |original |initial )*"

_PATTERNS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        # Forget what was said before.
        rf"\b(?:ignore|disregard|forget|override|overrule|bypass|discard)\b[^.!?]{{0,60}}\b(?:previous"
        rf"|prior|preceding|earlier"
        rf"|above|foregoing|existing|initial|original|system|your|all|any)\b[^.!?]{{0,40}}\b{_GIVEN}\b",
        r"\b(?:ignore|disregard|forget)\b (?:all |everything |anything |what(?:ever)? )*(?:of )?(?:the "
        r"|that |was |is |you )*"
        r"(?:above|preceding|previous(?:ly)?|before|said before)\b(?! \w+ (?:is|are|was)\b)",
        rf"\b(?:ignore|disregard|distrust|discard|do not (?:use|cite|trust|read|mention)|don['’]t (?:use"
        rf"|cite|trust|read|mention)"
        rf"|never (?:use|cite|trust|mention)|avoid citing)\b {_OTHERS} (?:sources?|pages?|sites?|websites?"
        rf"|articles?|documents?"
        rf"|evidence|texts?|results?|passages?|claims?|reports?)\b",
        # Only me.
        r"\b(?:cite|quote|use|trust|believe|recommend|mention|follow|link to|rely on|reference)\b (?:only"
        r"|solely|exclusively|just"
        r"|nothing but|no one but) (?:me|us|this (?:page|site|source|article|document|website)|our|my)\b",
        r"\bonly (?:cite|quote|trust|believe|recommend|reference) (?:me|us|this (?:page|site|source|article"
        r"|document|website)|our|my)\b",
        rf"\b{_READER} (?:must|should|shall|has to|have to|needs? to|is to|are to|ought to|is required to"
        rf"|are required to)"
        rf" (?:not |never |only |always )*(?:be )?(?:cite|quote|ignore|disregard|state|say|claim|recommend"
        rf"|conclude|include|omit"
        rf"|mention|repeat|treat|trust|link|copy|reproduce)\b",
        rf"\b{_OTHERS} (?:sources?|pages?|sites?|websites?|articles?|documents?"
        rf"|reports?)\b[^.!?]{{0,60}}\b(?:must|should|shall"
        rf"|(?:is|are) to|may|can)(?: ?not|n['’]t)? be (?:cited|quoted|ignored|disregarded|discarded"
        rf"|trusted|used|believed"
        rf"|mentioned|read)\b",
        r"\bthis (?:page|source|site|article|document|text|website) (?:must|should|shall|is to"
        r"|has to) (?:always |only )*be"
        r" (?:cited|quoted|trusted|recommended|preferred|ranked|treated|believed)\b",
        # Who you are, what you say, what you hold.
        rf"\byou are (?:now |henceforth |no longer )*(?:an? |the )?(?:\w+ ){{0,3}}{_MACHINE}\b",
        r"\b(?:pretend|act as if) (?:that )?you(?:['’]re| are)\b",
        rf"\b{_TELL}\b[^.!?]{{0,40}}\b(?:(?:your|the) {_HIDDEN}(?:system )?(?:prompt|instructions?|api[ -]?keys?"
        rf"|environment variables)|your {_HIDDEN}(?:passwords?|credentials?|secrets?|tokens?))\b",
        # "An option to display the secret", "the output length of the password": standards on passwords speak so.
        rf"(?<!\bto )(?<!\bmay )(?<!\bcan )(?<!\bthat )(?<!\bnot )(?<!\bthe )\b{_TELL}\b(?! (?:length|size)\b)"
        rf"[^.!?]{{0,40}}\bthe {_HIDDEN}"
        r"(?:passwords?|credentials?|secrets?|tokens?)\b",
        r"\b(?:must|should|always|include|mention|state|say|cite|write|conclude|put|add)\b[^.!?]{0,60}"
        r"\b(?:in|into|to) your (?:final |research )*(?:report|summary|answer)\b",
        r"\byour (?:final |research )*(?:report|summary|answer) (?:must|shall|has to|needs to)\b",
        r"\b(?:respond|reply|answer) (?:only |solely |exclusively )?(?:with|in|by) (?:the (?:word|words"
        r"|phrase|following|exact)\b"
        r"|only\b|nothing but\b)",
        r"\b(?:do not|don['’]t|never) (?:mention|reveal|tell|disclose|inform|show"
        r"|report)\b[^.!?]{0,40}\b(?:the user|users|anyone"
        r"|the reader|your (?:user|operator|developer)s?|this (?:instruction|note|message|text))\b",
        rf"\b(?:new|updated|important|urgent|secret|hidden|special|additional|system|admin(?:istrator)?"
        rf"|developer) (?:instructions?"
        rf"|prompts?|directives?|commands?|orders?)\b[^.!?]{{0,20}}(?::|\b(?:for|to) (?:the |all "
        rf"|any )?{_MACHINE}\b)",
        rf"\b(?:note|notice|message|attention|instructions?|memo|warning|hint)s? (?:to|for) (?:the |all "
        rf"|any )*{_MACHINE}\b",
        rf"\b(?:attention|dear|hello|hey|hi|listen),? (?:all |any |the )*{_MACHINE}\b",
        rf"\b(?:if|when|should) you(?:['’]re| are| be) (?:an? |the )?(?:\w+ ){{0,2}}{_MACHINE}\b",
        rf"\b{_MACHINE}(?: systems?)? (?:that (?:reads?|process(?:es)?|summari[sz]es?|indexes?)|reading"
        rf"|processing|summari[sz]ing)"
        rf" (?:this|the (?:page|text|document|article))\b",
        # Run this.
        r"\b(?:run|execute|paste|enter|type|invoke|call)\b (?:the |this |following |these |shell "
        r"|terminal )+(?:commands?|code|script"
        r"|tool|function|snippet)\b[^.!?]{0,60}\b(?:immediately|now|at once|silently|without (?:asking"
        r"|telling|confirmation))\b",
        r"\bcurl [^|]{0,200}\| ?(?:sudo )?(?:ba|z)?sh\b",
        r"\brm -rf [/~]",
    )
)
# The marks of a chat that no prose holds.
_MARKS = re.compile(
    r"<\|?/?(?:im_start|im_end|system|assistant|user|endoftext|begin_of_text|eot_id|start_header_id)\|?>"
    r"|\[/?INST\]|<</?SYS>>"
    r"|(?:^|(?<=[.!?] ))(?:(?-i:SYSTEM|ASSISTANT)|(?:system|assistant) (?:prompt|message|instructions?)) ?:\s"
    r"|#{1,6} ?(?:instructions?|system|assistant|response) ?:"
    r"|\b(?:BEGIN|START|END) (?:OF )?(?:SYSTEM|HIDDEN|SECRET|ADMIN) (?:PROMPT|INSTRUCTIONS?|MESSAGE)\b",
    re.I,
)
_QUOTED = re.compile(r"“[^”]{1,400}”|\"[^\"]{1,400}\"|‘[^’]{2,400}’(?!\w)|«[^»]{1,400}»|`[^`]{1,400}`")
_ALIKE = str.maketrans("аеіорсухАВЕІКМНОРСТХ", "aeiopcyxABEIKMHOPCTX")  # Cyrillic letters that look Latin


def addresses_reader(text: str) -> bool:
    """Does a passage hold an order to its reader? Text in quotation marks is left out of account."""
    folded = " ".join(unicodedata.normalize("NFKC", text).translate(_ALIKE).replace("\u00ad", "").split())
    if _MARKS.search(folded):
        return True
    bare = _QUOTED.sub(" … ", folded)
    return any(pattern.search(bare) for pattern in _PATTERNS)
