"""How the outside world is read: who asks, how long, how much, how often, with which keys.

Each setting is looked for in the flags of the call, in the environment (PALIMPSEST_NAME), in the settings file (TOML,
one `name = value` a line), and has a default otherwise. A blank value counts as none.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "PALIMPSEST_"
DEFAULT = "default"
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class SettingsError(ValueError):
    """A setting has no usable value; the message says which, where it stands and what it takes."""


class Settings(BaseSettings):
    """The settings; constructed directly, what is not given has its default."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    contact: str = Field(
        default="", description="mail address or page of yours, for server operators; sent in the User-Agent"
    )
    timeout: Amount = Field(default=10.0, description="seconds for one network operation")
    deadline: Amount = Field(default=30.0, description="seconds for one page in all, redirects included")
    page_timeout: Amount = Field(default=10.0, description="processor seconds for taking the text out of one page")
    max_bytes: Count = Field(default=2_000_000, description="bytes of a web page or text file; a longer one is skipped")
    max_pdf_bytes: Count = Field(default=20_000_000, description="the same for PDF")
    attempts: Count = Field(default=3, description="tries per request, where a server is busy or a connection breaks")
    delay: Amount = Field(default=0.5, description="seconds between two requests to one host (not to this machine)")
    robots: Literal["obey", "ignore"] = Field(default="obey", description="what robots.txt asks: obey or ignore")
    gaps: Literal["on", "off"] = Field(
        default="on", description="whether searches ask for what the draft lacks: on, or off to ask the question alone"
    )
    cache_mb: Amount = Field(
        default=200.0, description="megabytes of web pages kept on disk; 0 keeps none, nor texts of local files"
    )
    wikipedia: str = Field(
        default="https://en.wikipedia.org/w/api.php", description="API that the source wikipedia asks"
    )
    arxiv: str = Field(default="https://export.arxiv.org/api/query", description="API that the source arxiv asks")
    openalex: str = Field(default="https://api.openalex.org/works", description="API that the source openalex asks")
    crossref: str = Field(default="https://api.crossref.org/works", description="API that the source crossref asks")
    brave: str = Field(
        default="https://api.search.brave.com/res/v1/web/search", description="API that the source brave asks"
    )
    tavily: str = Field(default="https://api.tavily.com/search", description="API that the source tavily asks")
    checkpoints: SecretStr = Field(
        default=SecretStr(""),
        description="postgres://USER@HOST/DATABASE for the state of runs; empty keeps it in each run's folder",
    )
    openalex_key: SecretStr = Field(
        default=SecretStr(""), description="key for openalex, which gives more searches a day"
    )
    brave_key: SecretStr = Field(default=SecretStr(""), description="key that the source brave needs")
    tavily_key: SecretStr = Field(default=SecretStr(""), description="key that the source tavily needs")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings of the environment and the settings file. Raises SettingsError for a value that will not do."""
        return load(environ=environ)[0]

    @property
    def user_agent(self) -> str:
        """Palimpsest/VERSION (+contact), printable ASCII only, as a header must be."""
        contact = "".join(c for c in self.contact if 32 <= ord(c) < 127 and c not in "()").strip()
        return f"Palimpsest/{_version()} (+{contact or 'no contact set; PALIMPSEST_CONTACT sets it'})"

    @property
    def mail(self) -> str:
        """The contact if it is a mail address, as Crossref and OpenAlex take one; else ""."""
        contact = self.contact.strip()
        return contact if contact.isascii() and "@" in contact and " " not in contact else ""


class _Layer(PydanticBaseSettingsSource):
    """Values that were read already."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = dict(values)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self._values)


def settings_file(environ: Mapping[str, str] | None = None) -> Path:
    """$PALIMPSEST_CONFIG, else $PALIMPSEST_HOME/config.toml, else config.toml in the user's folder for palimpsest."""
    environ = os.environ if environ is None else environ
    if environ.get("PALIMPSEST_CONFIG", "").strip():
        return Path(environ["PALIMPSEST_CONFIG"].strip()).expanduser()
    if environ.get("PALIMPSEST_HOME"):
        return Path(environ["PALIMPSEST_HOME"]).expanduser() / "config.toml"
    from platformdirs import user_config_path

    return user_config_path("palimpsest") / "config.toml"


def parsed(pairs: list[str]) -> dict[str, str]:
    """NAME=VALUE pairs as `load` takes flags. Raises SettingsError, one line."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals or name not in Settings.model_fields:
            raise SettingsError(f"--set takes NAME=VALUE with a NAME that palimpsest config lists, not {pair!r}")
        if name.endswith("_key"):
            raise SettingsError("a key is not given by --set, where other users and the run's record would show it")
        found[name] = value.strip()
    return found


def load(
    flags: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Settings, dict[str, str]]:
    """The settings, and for each name where its value stands: "flag", "environment", the file's path or "default".

    Raises SettingsError for a name that is no setting (in flags and file) and for a value that will not do.
    """
    environ = os.environ if environ is None else environ
    file = settings_file(environ)
    given = {key: value for key, value in (flags or {}).items() if value.strip()}
    named = {name: environ.get(PREFIX + name.upper(), "").strip() for name in Settings.model_fields}
    named = {name: value for name, value in named.items() if value}
    written = _written(file)
    for name in [*given, *written]:
        if name not in Settings.model_fields:
            where = "a flag" if name in given else str(file)
            raise SettingsError(f"{name!r} in {where} is no setting: palimpsest config lists them")

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *others: Any, **more: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            toml = TomlConfigSettingsSource(settings_cls, toml_file=file if written else None)
            return _Layer(settings_cls, given), _Layer(settings_cls, named), toml

    origin = {
        name: "flag" if name in given else "environment" if name in named else str(file) if name in written else DEFAULT
        for name in Settings.model_fields
    }
    try:
        layered = Layered()
    except ValidationError as error:
        raise SettingsError(_trouble(error, origin, {**written, **named, **given})) from None
    return Settings(**{name: getattr(layered, name) for name in Settings.model_fields}), origin


def _written(file: Path) -> dict[str, Any]:
    """What the settings file says; {} where there is none."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {file} cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"the settings file {file} is not TOML ({error})") from None
    return found


def _trouble(error: ValidationError, origin: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """One line on the first value that will not do. The value of a key is not shown."""
    name = str(error.errors()[0]["loc"][0])
    where = {"environment": PREFIX + name.upper(), "flag": f"the flag {name}"}.get(
        origin[name], f"{name} in {origin[name]}"
    )
    field = Settings.model_fields[name]
    kind: object = field.annotation
    if kind is SecretStr:
        return f"{where} takes a text"
    if kind is float or kind is int:
        what = "a number from 0 up" if kind is float else "a whole number from 0 up"
        try:
            float(values[name])
        except (TypeError, ValueError):
            what = "a number"
    else:
        what = " or ".join(get_args(kind)) if get_origin(kind) is Literal else "a text"
    return f"{where} takes {what}, not {values[name]!r}"


def _version() -> str:
    try:
        return version("palimpsest")
    except PackageNotFoundError:
        return "0"
