"""report.json of anybody's making, checked before anything of it is used.

What lies in a folder may have been through other hands: ids must have the form
ids have, numbers must be in range, texts must be texts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlm_core.canvas import MAX_POINTERS
from workflows.report import SCHEMA, Report

LARGEST = 20_000_000  # bytes of a report
MOST = 2**31 - 1
_SLOT = re.compile(r"s[0-9]{1,9}")
_SOURCE = re.compile(r"src_[0-9a-f]{10}")
_EVIDENCE = re.compile(r"(src_[0-9a-f]{10})\.e[0-9]{1,12}")
_KINDS = ("draft", "local", "reconstruct")


class GivenError(ValueError):
    """What was named is no report that can be revised; one line that says why."""


def contents(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise GivenError(f"{file} cannot be read: {error.strerror or error}") from None
    if len(data) > LARGEST:
        raise GivenError(f"{file} is larger than {LARGEST / 1e6:g} MB")
    if not data.strip():
        raise GivenError(f"{file} is empty")
    return data


def read(file: Path) -> Report:
    """report.json, checked. Raises GivenError."""
    data = contents(file)
    try:
        raw: Any = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise unusable(file, "it is not JSON" if isinstance(error, ValueError) else "it is nested too deep") from None
    if not isinstance(raw, dict) or raw.get("schema") != SCHEMA or isinstance(raw.get("schema"), bool):
        raise unusable(file, f"its schema is not {SCHEMA}")
    try:
        _checked(raw)
    except _Wrong as error:
        raise unusable(file, str(error)) from None
    return raw


def unusable(file: Path | None, why: str) -> GivenError:
    return GivenError(f"{file} is not a report that this version can read ({why})")


class _Wrong(ValueError):
    pass


def _is(value: object, kind: type, where: str) -> Any:
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        names = {str: "a text", int: "a whole number", list: "a list", dict: "an object", bool: "true or false"}
        raise _Wrong(f"{where} is not {names[kind]}")
    if kind is str:
        try:
            value.encode()  # type: ignore[attr-defined]
        except UnicodeEncodeError:
            raise _Wrong(f"{where} holds broken text") from None
    return value


def _id(value: object, form: re.Pattern[str], where: str) -> str:
    if not form.fullmatch(_is(value, str, where)):
        raise _Wrong(f"{where} is not an id")
    return str(value)


def _list(raw: Mapping[str, Any], key: str, where: str) -> list[Any]:
    return list(_is(raw.get(key), list, f"{where}{key}"))


def _in(value: object, low: int, high: int, where: str) -> None:
    if not low <= _is(value, int, where) <= high:
        raise _Wrong(f"{where} is out of range")


def _number(value: object, where: str, low: float = -1e9, high: float = 1e9) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high or math.isnan(value):
        raise _Wrong(f"{where} is not a number in range")
    return float(value)


def _checked(raw: Report) -> None:
    """Raise _Wrong unless everything that is used of a report.json is what the schema says."""
    for key in ("question", "title"):
        _is(raw.get(key), str, key)
    for key, value in _is(raw.get("model"), dict, "model").items():
        _is(value, str, f"model.{key}")
    _in(raw.get("seed"), 0, MOST, "seed")
    seen: set[str] = set()
    for n, section in enumerate(_list(raw, "sections", "")):
        _section(_is(section, dict, f"sections[{n}]"), f"sections[{n}].", seen)
    for n, sentence in enumerate(_list(raw, "summary", "")):
        _is(_is(sentence, dict, f"summary[{n}]").get("text"), str, f"summary[{n}].text")
        for name in _list(sentence, "claims", f"summary[{n}]."):
            _id(name, _SLOT, f"summary[{n}].claims")
    for name, e in _is(raw.get("evidence"), dict, "evidence").items():
        where = f"evidence.{_id(name, _EVIDENCE, 'an evidence id')}"
        _is(e, dict, where)
        _is(e.get("text"), str, f"{where}.text")
        if _id(e.get("source"), _SOURCE, f"{where}.source") not in _is(raw.get("sources"), dict, "sources"):
            raise _Wrong(f"{where}.source is not among the sources")
        _in(e.get("start"), 0, MOST, f"{where}.start")
        _in(e.get("end"), 0, MOST, f"{where}.end")
        for key in ("heading", "before", "after"):
            _is(e.get(key, ""), str, f"{where}.{key}")
    for name, s in _is(raw.get("sources"), dict, "sources").items():
        where = f"sources.{_id(name, _SOURCE, 'a source id')}"
        for key in ("url", "title", "accessed"):
            _is(_is(s, dict, where).get(key), str, f"{where}.{key}")
        _is(s.get("date", ""), str, f"{where}.date")
    _apart(raw)


def _section(section: Report, where: str, seen: set[str]) -> None:
    _is(section.get("heading"), str, f"{where}heading")
    names = [section["id"]] if "id" in section else []
    for n, claim in enumerate(_list(section, "claims", where)):
        at = f"{where}claims[{n}]"
        names.append(_is(claim, dict, at).get("id"))
        _is(claim.get("text"), str, f"{at}.text")
        evidence = _list(claim, "evidence", f"{at}.")
        if len(evidence) > MAX_POINTERS:
            raise _Wrong(f"{at} rests on more than {MAX_POINTERS} pieces of evidence")
        for e in evidence:
            _id(e, _EVIDENCE, f"{at}.evidence")
        _number(claim.get("confidence"), f"{at}.confidence", 0, 1)
        for key in ("disputed", "pinned"):
            _is(claim.get(key), bool, f"{at}.{key}")
        if claim.get("origin") not in ("model", "evidence"):
            raise _Wrong(f"{at}.origin is not model or evidence")
    for n, link in enumerate(_list(section, "links", where)):
        at = f"{where}links[{n}]"
        names.append(_is(link, dict, at).get("id"))
        _is(link.get("text"), str, f"{at}.text")
        _id(link.get("before"), _SLOT, f"{at}.before")
    for name in _is(section.get("breaks", []), list, f"{where}breaks"):
        _id(name, _SLOT, f"{where}breaks")
    for name in names:
        if _id(name, _SLOT, f"{where}id") in seen:
            raise _Wrong(f"two slots share the id {name}")
        seen.add(str(name))


def _apart(raw: Report) -> None:
    """The rest of `_checked`: what says how the report came about."""
    for n, line in enumerate(_list(raw, "missing", "")):
        _is(line, str, f"missing[{n}]")
    for n, pair in enumerate(_is(raw.get("disputes", []), list, "disputes")):
        for key in ("evidence", "preferred"):
            name = _id(_is(pair, dict, f"disputes[{n}]").get(key), _EVIDENCE, f"disputes[{n}].{key}")
            if name not in raw["evidence"]:
                raise _Wrong(f"disputes[{n}].{key} is not among the evidence")
    held = _is(raw.get("numbers", {}), dict, "numbers")
    for name, number in held.items():
        _in(number, 1, 9999, f"numbers.{_id(name, _SOURCE, 'a source id')}")
    if len(set(held.values())) < len(held):
        raise _Wrong("two sources share a number")
    _is(raw.get("markdown", ""), str, "markdown")
    for key in ("figures", "searches", "dropped"):
        for n, entry in enumerate(_is(raw.get(key, []), list, key)):
            for name, value in _is(entry, dict, f"{key}[{n}]").items():
                if not isinstance(value, str | int):
                    raise _Wrong(f"{key}[{n}].{name} is not a text or a number")
    for name, value in _is(raw.get("citations", {}), dict, "citations").items():
        if not isinstance(value, int | float):
            raise _Wrong(f"citations.{name} is not a number")
    for n, revision in enumerate(_list(raw, "revisions", "")):
        where = f"revisions[{n}]"
        if _is(revision, dict, where).get("number") != n + 1 or revision.get("kind") not in _KINDS:
            raise _Wrong(f"{where} has no number or kind that it can have")
        cause = _is(revision.get("cause"), dict, f"{where}.cause")
        _is(cause.get("reason", ""), str, f"{where}.cause.reason")
        for e in _list(cause, "evidence", f"{where}.cause."):
            _id(e, _EVIDENCE, f"{where}.cause.evidence")
        for token in _list(cause, "tokens", f"{where}.cause."):
            _is(token, str, f"{where}.cause.tokens")
        for key in ("shift", "threshold"):
            _number(cause.get(key), f"{where}.cause.{key}")
        for name, texts in _is(revision.get("slots"), dict, f"{where}.slots").items():
            _id(name, _SLOT, f"{where}.slots")
            if len(_is(texts, list, f"{where}.slots.{name}")) != 2:
                raise _Wrong(f"{where}.slots.{name} is not two texts")
            for text in texts:
                _is(text, str, f"{where}.slots.{name}")
        if "draft" in revision:
            _draft(revision["draft"], f"{where}.draft")


def _draft(draft: object, where: str) -> None:
    held = _is(draft, dict, where)
    for name in _list(held, "summary", f"{where}."):
        _id(name, _SLOT, f"{where}.summary")
    for section in _list(held, "sections", f"{where}."):
        _id(_is(section, dict, where).get("id"), _SLOT, f"{where}.id")
        for claim in _list(section, "claims", f"{where}."):
            _id(_is(claim, dict, where).get("id"), _SLOT, f"{where}.claims.id")
            for e in _list(claim, "evidence", f"{where}.claims."):
                _id(e, _EVIDENCE, f"{where}.claims.evidence")
            _number(claim.get("confidence"), f"{where}.claims.confidence", 0, 1)
        for link in _list(section, "links", f"{where}."):
            for key in ("id", "before"):
                _id(_is(link, dict, where).get(key), _SLOT, f"{where}.links.{key}")
