"""Until when the outside world is waited for."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

SPENT = "there was no time left for it"


@dataclass
class Deadline:
    """Shared by everything that waits for a server or a page, and moved by who works with it.

    until: monotonic time after which nothing new is asked, and what is under way is broken off.
    """

    until: float = math.inf

    def left(self) -> float:
        """Seconds until then, 0 once it has passed."""
        return max(0.0, self.until - time.monotonic())

    def passed(self) -> bool:
        return self.left() <= 0
