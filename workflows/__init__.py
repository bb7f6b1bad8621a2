"""Palimpsest from Python: `from workflows import research, revise` (docs/api.md).

The functions have the names of two modules of this package. Importing those modules must not hide the functions, so
this package keeps to its own; `from workflows.research import build` reaches into the module as ever.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflows.api import PalimpsestError, RunFailed, UsageError, report_of, research, resume, revise

__all__ = ["PalimpsestError", "RunFailed", "UsageError", "report_of", "research", "resume", "revise"]


class _Package(ModuleType):
    def __setattr__(self, name: str, value: Any) -> None:
        if name not in __all__ or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name in __all__:
        from workflows import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


sys.modules[__name__].__class__ = _Package
