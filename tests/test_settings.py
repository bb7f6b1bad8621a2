"""Settings: flags before environment before file before defaults; palimpsest config and palimpsest doctor."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support import ROOT
from tests.test_cli import one_line, palimpsest
from tools.clients import proxies
from tools.language import foreign, language, question_trouble
from tools.settings import Settings, SettingsError, load, parsed, settings_file


def test_flags_go_before_environment_before_file_before_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('contact = "file@example.org"\ndelay = 4\nattempts = 5\ncache_mb = 0\n')
    environ = {"PALIMPSEST_HOME": str(tmp_path), "PALIMPSEST_DELAY": "3", "PALIMPSEST_ATTEMPTS": "4"}
    settings, origin = load({"attempts": "2"}, environ)
    assert (settings.attempts, settings.delay, settings.cache_mb, settings.timeout) == (2, 3.0, 0.0, 10.0)
    assert settings.contact == settings.mail == "file@example.org"
    assert [origin[name] for name in ("attempts", "delay", "contact", "timeout")] == [
        "flag",
        "environment",
        str(file),
        "default",
    ]
    assert settings_file({"PALIMPSEST_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")


def test_blank_values_count_as_none(tmp_path: Path) -> None:
    environ = {"PALIMPSEST_HOME": str(tmp_path), "PALIMPSEST_BRAVE_KEY": "  ", "PALIMPSEST_CONTACT": " a@b.c\n"}
    settings, origin = load({"delay": " "}, environ)
    assert settings.brave_key.get_secret_value() == "" and settings.contact == "a@b.c"
    assert origin["brave_key"] == origin["delay"] == "default"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("delay = 'soon'", "delay in .* takes a number, not 'soon'"),
        ("delay = -1", "takes a number from 0 up"),
        ("attempts = 1.5", "takes a whole number from 0 up"),
        ("robots = 'maybe'", "takes obey or ignore"),
        ("brave_key = 5", "brave_key in .* takes a text$"),
        ("colour = 'red'", "'colour' in .* is no setting"),
        ("delay = ", "is not TOML"),
    ],
)
def test_a_file_that_will_not_do_is_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(SettingsError, match=says) as error:
        load(environ={"PALIMPSEST_HOME": str(tmp_path)})
    assert "\n" not in str(error.value).strip()


def test_flags_are_pairs_of_known_names_and_never_keys() -> None:
    assert parsed(["delay=2", "contact= a=b "]) == {"delay": "2", "contact": "a=b"}
    for pair in ("delay", "=2", "colour=red", "brave_key=x"):
        with pytest.raises(SettingsError):
            parsed([pair])


def test_keys_are_never_shown(tmp_path: Path) -> None:
    secret = "s3cret-k3y"
    assert (
        secret not in repr(Settings(brave_key=SecretStr(secret)))
        and secret not in Settings(brave_key=SecretStr(secret)).model_dump_json()
    )
    for command in (["config"], ["doctor", "--offline"]):
        done = palimpsest(tmp_path, *command, PALIMPSEST_BRAVE_KEY=secret)
        assert done.returncode == 0, done.stderr
        assert secret not in done.stdout + done.stderr
    done = palimpsest(tmp_path, "Why?", "--sources", "brave", PALIMPSEST_BRAVE_KEY="two words")
    assert "copy it again" in one_line(done) and "two words" not in done.stderr


def test_config_names_every_setting_and_where_it_stands(tmp_path: Path) -> None:
    made = palimpsest(tmp_path, "config", "--write")
    file = tmp_path / "home" / "config.toml"
    assert made.stdout.strip() == str(file) and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "is there already" in one_line(palimpsest(tmp_path, "config", "--write"))
    file.write_text(file.read_text() + "delay = 2\n")
    out = palimpsest(tmp_path, "config", PALIMPSEST_CONTACT="a@b.c").stdout
    for name in Settings.model_fields:
        assert f"\n{name} " in out
    assert f"[{file}]" in out and '"a@b.c"' in out and "[PALIMPSEST_CONTACT]" in out
    bad = palimpsest(tmp_path, "config", PALIMPSEST_DELAY="soon")
    assert "PALIMPSEST_DELAY takes a number" in one_line(bad) and bad.returncode == 2


def test_doctor_says_what_works_and_what_leaves(tmp_path: Path) -> None:
    nowhere = {f"PALIMPSEST_{name}": "http://127.0.0.1:9/x" for name in ("WIKIPEDIA", "ARXIV", "OPENALEX", "CROSSREF")}
    done = palimpsest(tmp_path, "doctor", PALIMPSEST_CONTACT="me@example.org", **nowhere)
    assert done.returncode == 0 and done.stderr == ""
    for words in ("GB free", "weights", "GPU", "127.0.0.1:9 cannot be reached", "nothing can be reached", "no key"):
        assert words in done.stdout, words
    assert "User-Agent: Palimpsest/" in done.stdout and "mailto=me@example.org" in done.stdout
    (tmp_path / "home").mkdir(exist_ok=True)
    broken = palimpsest(tmp_path, "doctor", "--offline", PALIMPSEST_BASE="/no/such/base.gguf")
    assert broken.returncode == 1 and "FAIL" in broken.stdout


def test_settings_of_a_run_are_kept_with_it(tmp_path: Path) -> None:
    done = palimpsest(
        tmp_path,
        "Why is it so?",
        "--sources",
        "http://127.0.0.1:9/",
        "--set",
        "attempts=2",
        "--ignore-robots",
        "--quiet",
    )
    assert done.returncode == 1
    (record,) = (tmp_path / "home" / "runs").glob("*/run.json")
    assert json.loads(record.read_text())["settings"] == {"robots": "ignore", "attempts": "2"}
    wrong = palimpsest(tmp_path, "Why is it so?", "--sources", "http://127.0.0.1:9/", "--set", "attempts=x")
    assert "flag attempts takes a number" in one_line(wrong) and wrong.returncode == 2


def test_help_does_not_load_the_settings() -> None:
    import subprocess

    code = "import sys, workflows.cli; print(*{name.split('.')[0] for name in sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"pydantic", "httpx", "hishel", "py3langid"} & set(out.split())


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert proxies() == {}
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "localhost, .corp.example")
    assert proxies() == {
        "https://": "http://proxy.example:3128",
        "all://*localhost": None,
        "all://*corp.example": None,
    }


# ---- language ----

TEXTS = {
    "de": "Die Gezeiten werden durch die Anziehungskraft des Mondes und der Sonne verursacht. Der Tidenhub erreicht an"
    " manchen Küsten mehr als zehn Meter, und an anderen ist er kaum zu bemerken.",
    "fr": "Les marées sont causées par la gravité de la Lune et du Soleil. Le marnage atteint plus de dix mètres sur"
    " certaines côtes, tandis que sur d'autres il est à peine visible.",
    "ru": "Приливы вызываются притяжением Луны и Солнца. Высота прилива достигает на некоторых берегах более десяти"
    " метров, а на других он едва заметен и почти не измеряется.",
    "zh": "潮汐是由月球和太阳的引力引起的。" * 20,
}


@pytest.mark.parametrize("code", TEXTS)
def test_pages_that_are_not_english_are_told(code: str) -> None:
    assert language(TEXTS[code]) == code
    assert foreign(TEXTS[code]).endswith("and only English can be read")


def test_english_short_and_odd_texts_are_read() -> None:
    for text in (
        "Tides are caused by the gravity of the Moon and the Sun. " * 4,
        "Das Café liegt an der Straße.",  # too short to tell
        "def f(x): return x + 1\n" * 20,
        "SmolLM2 135M Q4_1 GGUF 93 MB 12 tok/s " * 20,
        "A German proverb says: Der Apfel fällt nicht weit vom Stamm. It is said of children who take after parents. "
        * 2,
    ):
        assert foreign(text) == "", text


@pytest.mark.parametrize(
    "question",
    [
        "Wie funktionieren Gezeiten?",
        "Comment fonctionnent les marées ?",
        "¿Cómo funcionan las mareas?",
        "Was ist ein Prozess?",
        "潮汐是如何形成的?",
        "Как работают приливы?",
        "Hoe werken getijden?",
    ],
)
def test_questions_that_are_not_english_are_told(question: str) -> None:
    assert "English only" in question_trouble(question)


@pytest.mark.parametrize(
    "question",
    [
        "How do tides work?",
        "asyncio task cancellation timeouts",
        "What is Schadenfreude in Kant's Kritik der reinen Vernunft?",
        "Les Misérables plot",
        "El Niño causes",
        "Los Angeles water supply",
        "Was Kant a racist?",
        "Die casting methods",
        "SmolLM2 vs Llama 3",
        "Photosynthesis",
        "What does the phrase 'que sera sera' mean?",
        "?",
    ],
)
def test_english_questions_with_foreign_names_are_asked(question: str) -> None:
    assert question_trouble(question) == ""


def test_a_question_in_german_is_one_clear_line(tmp_path: Path) -> None:
    done = palimpsest(tmp_path, "Wie funktionieren Gezeiten?", "--sources", ".")
    assert "looks like German" in one_line(done) and done.returncode == 2
