"""Measurements, each a command that prints one JSON line a figure."""

import dlm_core  # noqa: F401  before torch is: how its threads wait is read then
