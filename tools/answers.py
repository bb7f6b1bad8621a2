"""Answers of public interfaces, read without trusting them: JSON objects and XML documents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from tools.fetch import Fetched, Fetcher
from tools.source import ProviderError, Skipped

JSON_TYPES = ("application/json", "text/json", "application/problem+json")
XML_TYPES = (
    "application/rss+xml",
    "application/atom+xml",
    "application/xml",
    "text/xml",
    "application/opensearchdescription+xml",
)


def plain(text: object) -> str:
    """Words of a site on one line, without markup, control or invisible characters."""
    from dlm_core.inline import clean_inline

    return clean_inline(str(text or ""))


def asked(fetcher: Fetcher, name: str, url: str, accept: tuple[str, ...], **more: Any) -> Fetched:
    """What an interface answers. Raises ProviderError, one line with its name, where there is no answer."""
    got = fetcher.get(url, accept=accept, **more)
    if isinstance(got, Skipped):
        raise ProviderError(f"{name} ({urlsplit(url).netloc}): {_meaning(got.reason)}")
    return got


def _meaning(reason: str) -> str:
    if reason in ("HTTP 401", "HTTP 403"):
        return f"{reason}: the key is missing or not accepted"
    if reason in ("HTTP 429", "HTTP 503"):
        return f"{reason}: too many requests for now, try again later"
    return reason


def json_of(fetcher: Fetcher, name: str, url: str, **more: Any) -> dict[str, Any]:
    """A JSON object from an interface. Raises ProviderError for anything else."""
    got = asked(fetcher, name, url, JSON_TYPES, **more)
    found = json_object(got.text)
    if found is None:
        raise ProviderError(f"{name} ({urlsplit(url).netloc}): the answer is not what this interface gives")
    return found


def json_object(text: str) -> dict[str, Any] | None:
    """The object of a JSON text, None for anything else. Text nested so deeply that a parser would give up is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def xml(body: bytes) -> etree._Element | None:
    """The document, with entities, DTDs and the network off; None if it is not XML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def inside(found: object, *path: str) -> object:
    """What lies at a path of keys; None where the answer is built otherwise."""
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def items(found: object, *path: str) -> list[dict[str, Any]]:
    """The objects in the list that lies at a path of keys; [] where the answer is built otherwise."""
    listed = inside(found, *path)
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def first_text(values: Iterable[object]) -> str:
    """The first value that is a text with something in it, "" for none."""
    return next((value for value in values if isinstance(value, str) and value.strip()), "")
