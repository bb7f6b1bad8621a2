"""Instructions are claims where the question asks what to do, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import evidence
from agent.brief import Brief
from dlm_core.advice import asks_what_to_do, instructs, narrower, tells, warns
from dlm_core.embed import Embedder
from dlm_core.segment import instruction, split, tidy, usable
from dlm_core.support import problems
from tests.reports import wrong
from tests.revise_cases import claims, read
from tests.test_workflow import models
from tools.library import Library
from tools.source import Source, source_id
from workflows import cli


@pytest.mark.parametrize(
    "question",
    [
        "How should passwords be stored?",
        "How can SQL injection be prevented?",
        "How do I cancel a task in asyncio?",
        "How do teams review code?",
        "What are best practices for logging?",
        "What is the best way to back up a database?",
        "Which hash is recommended for passwords?",
        "How to deploy Django",
        "How does one test a parser?",
        "When to use threads and when to use processes in Python?",
    ],
)
def test_a_question_asks_what_to_do(question: str) -> None:
    assert asks_what_to_do(question)


@pytest.mark.parametrize(
    "question",
    [
        "How do stars form?",
        "How does asyncio run tasks, and how does it cancel them?",
        "What is unemployment and how is it measured?",
        "How do masked diffusion language models write and revise text?",
        "Why did the Roman Republic fall?",
    ],
)
def test_a_question_asks_what_is(question: str) -> None:
    assert not asks_what_to_do(question)


@pytest.mark.parametrize(
    "sentence",
    [
        "Use Argon2id with a minimum configuration of 19 MiB of memory and an iteration count of 2.",
        "If FIPS-140 compliance is required, use PBKDF2 with a work factor of 600,000 or more.",
        "Do not store secrets in source-controlled config files.",
        "Never allow automatic download of schemas from third party locations.",
        "Consider using a pepper to provide additional defense in depth.",
        "Ensure that builds are signed before they are released.",
        "You should regularly rotate secrets so that stolen credentials work for a short time only.",
        "To minimize the damage of an attack, you should minimize the privileges of every database account.",
        "Make sure your configuration is checked at every start of the service.",
    ],
)
def test_what_says_what_to_do(sentence: str) -> None:
    assert instructs(sentence)
    assert tells(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Passwords should never be stored in plain text.",  # a statement: it stands alone as it is
        "Use this to add local options of the compiler.",
        "Send it in all HTTP responses, not just the index page.",
        "See the reporting guidelines for details of what reports contain.",
        "Click the Save button to keep the changes of the page.",
        "Calculate the average inflation of the last ten years.",
        "Use the demand curve to explain how a higher price changes the quantity.",
        "Review the guidelines highlighted above and make sure the change follows them.",
        "We recommend adopting all of these additional defenses.",
        "Once you know why an error comes, it becomes much easier to fix.",
        "Release builds are what a customer receives at the end.",
        "Never again during his presidency would the court strike down a law.",
        "CREATE DATABASE will fail if any other connection exists when it starts.",
        "Keep in mind that generic functions can lead to data loss.",
        "You should already know how to perform a rolling update on a DaemonSet.",
        "You should now see a list of all pods.",
        "One of the philosophies of Kubernetes is that you should not be exposed to failures.",
        "Close to the end of the process is a good time for an assessment.",
        "Use outside of physical security systems is not widely tested.",
        "For scenarios requiring confidentiality of its contents, use authenticated encryption instead.",
        "If you use it, set specific origins for every request.",
        "If you type the name you see a list of options, reopen the folder, specify a version and more.",
        "Never for payments or for systems of somebody else.",
        "Build errors can occur when the output files are set up incorrectly.",
        "Check the documentation of the platform for what is provided there.",
        "Run as privileged: This setting determines what the processes of a container may do.",
        "Check out the repository of the project for more on its installation.",
        "Be sure to check them out for a deeper understanding of drones.",
    ],
)
def test_what_does_not_say_it_or_not_alone(sentence: str) -> None:
    assert not instructs(sentence)


def test_a_heading_narrows_what_stands_under_it() -> None:
    order, heading = "Encode all characters with the percent format.", "Output encoding for URL contexts"
    assert narrower(order, heading, "How is cross-site scripting prevented? Cross-site scripting")
    assert not narrower(order, heading, "How should URL contexts be encoded? Cross-site scripting")
    assert not narrower("Encode the characters of URL contexts.", heading, "How is cross-site scripting prevented?")
    assert not narrower(order, "Output encoding", "How is cross-site scripting prevented?")


def test_an_instruction_for_some_case_tells_less() -> None:
    general, special = (
        "Use a work factor of 10 or more.",
        "For legacy systems using bcrypt, use a work factor of 10 or more.",
    )
    assert (tells(general), tells(special)) == (2, 1)
    assert tells("Hashing is a one-way function and takes no key.") == 0


PAGE = """# Password storage

Passwords should be protected even if a database is stolen.

Use a slow hash with a salt of its own for every password.

## Common mistakes

Use one salt for all passwords of the application.

## Logging

Developers are told to do the following:

- Log every failed attempt with its time and its address.

These lead to stolen passwords, so they are not to be done:

- Store the passwords of administrators in a shared file.
"""


def test_orders_are_evidence_only_where_they_are_wanted_and_meant() -> None:
    statements = ["Passwords should be protected even if a database is stolen."]
    found = split(PAGE, "s")[1]
    assert [e.text for e in found if usable(e)] == statements
    assert [e.text for e in found if instruction(e)] == [
        "Use a slow hash with a salt of its own for every password.",
        "Log every failed attempt with its time and its address.",
    ]


CODE = """# Timeouts

Use one timeout for the whole request.

```
when() → float | None
```

Return the current deadline of the request.

Use a longer deadline for slow networks.

## reschedule(when)

Assign a new deadline to the request.
"""


def test_what_a_function_does_is_no_instruction() -> None:
    found = split(CODE, "s")[1]
    assert [e.text for e in found if instruction(e)] == [
        "Use one timeout for the whole request.",
        "Use a longer deadline for slow networks.",
    ]


@pytest.mark.parametrize(
    "heading",
    [
        "Common mistakes",
        "Don't",
        "What not to do",
        "Exercises",
        "Parameters",
        "Learning objectives",
        "Review Questions",
    ],
)
def test_a_heading_that_warns(heading: str) -> None:
    assert warns(heading)


@pytest.mark.parametrize(
    "heading", ["Do", "Preventing attacks", "How to avoid injection", "Introduction", "Best practices"]
)
def test_a_heading_that_does_not(heading: str) -> None:
    assert not warns(heading)


def test_a_claim_may_be_an_order_where_its_evidence_is_one_and_nothing_else() -> None:
    told = "Use a slow hash with a salt of its own for every password (NIST, 2017)."
    assert problems("Use a slow hash with a salt of its own for every password.", [told]) == []
    assert problems("Use a slow hash for every password of an administrator.", [told])
    statement = "Experts use a slow hash with a salt of its own for every password."
    assert problems("Use a slow hash with a salt of its own for every password.", [statement])


def test_a_condition_stays_with_its_order() -> None:
    told = "If compliance is required, use PBKDF2 with a work factor of 600,000 or more."
    assert problems(told, [told]) == []
    assert problems("Use PBKDF2 with a work factor of 600,000 or more.", [told])


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(threads=1)


def test_the_pool_of_a_question_on_what_to_do_holds_orders(tmp_path: Path, embedder: Embedder) -> None:
    library = Library(tmp_path / "library", embedder)
    text = PAGE.replace(
        "Use a slow hash with a salt of its own for every password.", "Use Argon2id with a memory of 19 MiB."
    )
    url = "file:///passwords.md"
    source = Source(source_id(url), url, "Password storage", tidy(text), "2026-01-02")
    library.add(source)
    order = next(e for e in split(source.text, source.id)[1] if e.text.startswith("Use Argon2id"))
    assert instruction(order)

    def pool(question: str) -> list[str]:
        asked = Brief(question, question, (question,))
        return evidence.gather(asked, [question], library, embedder, sources=[source.id]).ids

    assert order.id in pool("How should passwords be stored?")
    assert order.id not in pool("What are passwords protected from?")
    # What the order is about stands over it, so it is embedded with that.
    near = library.vectors([order.id])[0] @ embedder(["How should passwords be stored?"])[0]
    assert near > 0.4 > embedder([order.text])[0] @ embedder(["How should passwords be stored?"])[0]
    library.close()


HASHES = """# Storing passwords

Passwords should be protected even if an attacker gets hold of the database. Passwords should never be stored in plain
text. A salt is a random string that is added to each password before it is hashed. Fast hashing algorithms such as
SHA-256 are not suitable for the storage of passwords.

Use Argon2id with a minimum of 19 MiB of memory and an iteration count of 2.

For legacy systems using bcrypt, use a work factor of 10 or more.
"""


def test_a_report_on_what_to_do_says_it_and_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALIMPSEST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("dlm_core.models.load_models", lambda **_: models())
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "hashes.md").write_text(HASHES)

    def said(question: str, out: Path) -> list[str]:
        assert cli.main([question, "--sources", str(pages), "--out", str(out), "--quiet", "--rounds", "1"]) == 0
        return [c["text"] for c in claims(read(out)[0])]

    order = "Use Argon2id with a minimum of 19 MiB of memory and an iteration count of 2."
    assert order in said("How should passwords be stored?", tmp_path / "told")
    assert not [t for t in said("What is a salt of a password?", tmp_path / "what") if t.startswith(("Use", "For"))]
    (pages / "hashes.md").write_text(HASHES.replace("19 MiB", "47 MiB"))
    assert cli.main(["refresh", str(tmp_path / "told"), "--quiet"]) == 0
    after, text = read(tmp_path / "told-revised")
    assert wrong(after) == [] and order.replace("19", "47") in [c["text"] for c in claims(after)]
    assert "19 MiB" not in text.split("## What is missing")[0]
