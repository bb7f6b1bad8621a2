"""Names in code that a page is about ("pg_dump"), told from those of its functions' parameters ("return_exceptions").

A sentence that names a parameter says nothing to a stranger, who has not seen the function. What has a heading of its
own, or is spoken of under several, is a thing of its own: a program, a table, a view.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

_NAME = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+"
NAME = re.compile(rf"(?<![\w./-]){_NAME}(?![\w(=])")
SPOKEN_OF = 3  # headings under which a thing of its own is named
# "table_name", "column_type": what stands in a command for something of the reader's
_STANDS_FOR = re.compile(
    r"_(?:class|constraint|data|dir|expression|file|ids?|identifier|list|method|names?|no|number|parameter|path|size|spec"
    r"|str|string|table|types?|values?)$"
)
# "gather(*aws, return_exceptions=False)", "log_level = 3": what a call or a setting is given
_CALL = re.compile(r"\w\(([^()\n]*)")
_SET = re.compile(rf"(?<!\w)({_NAME}) ?[=:]")
_HEAD = re.compile(r"(?m)^#{1,6} ")


def things(text: str) -> frozenset[str]:
    """The names in a stored text that are of things of their own."""
    if "_" not in text:
        return frozenset()
    parts = _HEAD.split(text)
    headed = {name for part in parts[1:] for name in NAME.findall(part.partition("\n")[0])}
    under = Counter(name for part in parts for name in set(NAME.findall(part)))
    found = {n for n, many in under.items() if (many >= SPOKEN_OF or n in headed) and not _STANDS_FOR.search(n)}
    given = {n for call in _CALL.finditer(text) for n in re.findall(rf"\b{_NAME}\b", call[1])}
    return frozenset(found - given - set(_SET.findall(text)))


def plain(sentence: str, names: Collection[str] | None = None) -> str:
    """The sentence with these names in code, by default all, written as other names are, for rules on prose."""

    def written(match: re.Match[str]) -> str:
        known = names is None or match[0] in names
        return match[0].replace("_", "").capitalize() if known else match[0]

    return NAME.sub(written, sentence)
