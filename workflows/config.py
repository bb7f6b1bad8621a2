"""palimpsest config: the settings, their values, and where each one stands."""

from __future__ import annotations

import os
import sys

from pydantic import SecretStr

from tools.settings import PREFIX, Settings, load, settings_file
from workflows.runs import write_atomically

COMMENT = """\
# Settings of Palimpsest. A flag (--set NAME=VALUE) goes before the environment (PALIMPSEST_NAME), and that before this.
"""


def show() -> int:
    """Print every setting: its value, where it stands, what it means. Keys are never printed. Raises SettingsError."""
    settings, origin = load()
    file = settings_file()
    print(f"# settings file: {file}{'' if file.is_file() else ' (none there; palimpsest config --write makes one)'}")
    width = max(len(name) for name in Settings.model_fields)
    for name, field in Settings.model_fields.items():
        where = {"environment": PREFIX + name.upper()}.get(origin[name], origin[name])
        print(f"{name:{width}} = {shown(getattr(settings, name))}  # {field.description} [{where}]")
    return 0


def shown(value: object) -> str:
    """A value as TOML; of a key only whether it is set."""
    if isinstance(value, SecretStr):
        return '"(set)"' if value.get_secret_value() else '""'
    if isinstance(value, str):
        return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in value) + '"'
    return str(value)


def write() -> int:
    """Make a settings file that names every setting, commented out. An existing one is left as it is."""
    file = settings_file()
    if file.exists():
        print(f"palimpsest: {file} is there already: edit it", file=sys.stderr)
        return 1
    lines = [COMMENT]
    for name, field in Settings.model_fields.items():
        lines.append(f"# {field.description}\n# {name} = {shown(field.default)}\n")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, "\n".join(lines))
        os.chmod(file, 0o600)  # it may come to hold keys
    except OSError as error:
        print(f"palimpsest: {file} cannot be written ({error.strerror})", file=sys.stderr)
        return 1
    print(file)
    return 0
