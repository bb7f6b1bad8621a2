"""Names in code: what a page is about, and what is a parameter of its function."""

from __future__ import annotations

from dlm_core.code_names import plain, things
from dlm_core.segment import instruction, split
from dlm_core.support import problems

DUMP = """# SQL Dump

PostgreSQL provides the utility program pg_dump for backups of one database.

```
pg_dump dbname > dumpfile
```

## Restoring the Dump

Text files created by pg_dump are read by the psql program. Use the pg_dump program of the newer server.

## Using pg_dumpall

pg_dump does not block other operations on the database while it works. The table_name is given by the user.

To support whole clusters, the pg_dumpall program is provided by the server.
"""

GATHER = """# Running tasks

```
gather(*aws, return_exceptions=False)
```

If return_exceptions is true, errors are results like any other of the call.

## More

Errors are collected only where return_exceptions allows the caller to look at them.

## Again

A task that fails while return_exceptions holds is not cancelled by the others.
"""


def standing(page: str) -> list[str]:
    return [e.text for e in split(page, "src_0000000000")[1] if e.standalone]


def test_a_page_is_about_what_it_names_under_several_headings_or_in_one() -> None:
    assert things(DUMP) == {"pg_dump", "pg_dumpall"}
    assert things(GATHER) == frozenset()  # what a call is given
    assert things("A page without such names.") == frozenset()


def test_sentences_on_what_the_page_is_about_are_evidence() -> None:
    found = standing(DUMP)
    assert "PostgreSQL provides the utility program pg_dump for backups of one database." in found
    assert "pg_dump does not block other operations on the database while it works." in found
    assert "To support whole clusters, the pg_dumpall program is provided by the server." in found
    assert not any("table_name" in text for text in found)
    assert all(not problems(text, [text]) for text in found)
    assert standing(GATHER) == []


def test_an_instruction_may_name_it() -> None:
    told = [e.text for e in split(DUMP, "src_0000000000")[1] if instruction(e)]
    assert told == ["Use the pg_dump program of the newer server."]
    page = GATHER.replace("If return_exceptions is true", "Set return_exceptions to true and")
    assert not any(instruction(e) for e in split(page, "src_0000000000")[1])


def test_rules_on_prose_read_it_as_a_name() -> None:
    assert plain("pg_dump writes what sort_key says.", {"pg_dump"}) == "Pgdump writes what sort_key says."
    assert plain("pg_dump calls main_loop() as x_y.") == "Pgdump calls main_loop() as Xy."
