"""How often an honest passage is taken for one that gives orders to its reader (tools/injection.py).

    python -m bench.injection --data ../shared/data [--documents 12] [--show]

reads the first documents of every manual and textbook, cuts them into passages as a run does, and prints one JSON line
a figure; --show prints what is flagged, to be read.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

from bench.line import line
from dlm_core.segment import split
from dlm_core.train.documents import Document, documents, shards
from tools.injection import addresses_reader


def page(document: Document) -> str:
    """A document as Markdown."""
    parts = [f"## {s.heading}\n\n" + "\n\n".join(s.paragraphs) for s in document.sections]
    return "\n\n".join([f"# {document.title}", *parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--documents", type=int, default=12, help="of each file, from its beginning (12)")
    parser.add_argument("--show", action="store_true", help="print the flagged passages")
    args = parser.parse_args()
    files = [f for training in (True, False) for f in shards(args.data, training=training)]
    read, flagged = 0, []
    for file in files:
        for document in islice(documents(file), args.documents):
            for passage in split(page(document), document.id)[0]:
                text = f"{passage.heading}\n{passage.text}"
                read += 1
                if addresses_reader(text):
                    flagged.append(f"{document.source}: {text}")
    if args.show:
        print(*flagged, sep="\n\n")
    line("injection", "files", float(len(files)), "count")
    line("injection", "passages", float(read), "count")
    line("injection", "flagged", float(len(flagged)), "count")
    line("injection", "flagged_share", len(flagged) / max(read, 1), "share")


if __name__ == "__main__":
    main()
