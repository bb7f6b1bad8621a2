# make report Q="your question"    a report under ./reports, from examples/library unless SOURCES names others
# make test | lint | setup | bench-speed | bench-quality | bench-peers | bench-reports | pictures | man | clean
# Each target does its own set-up; a second call finds it done.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin

Q       ?= How do masked diffusion language models write and revise text?
# One or more of: a folder, a file, a URL, wikipedia, kiwix:URL (separated by spaces).
SOURCES ?= examples/library
# The report's folder. Empty: a new folder under ./reports.
OUT     ?=
# More arguments, for palimpsest (make report) or pytest (make test).
ARGS    ?=
# Processes of make test; each has one thread.
WORKERS ?= 2
# Text for training and for benches.
DATA    ?= ../shared/data
# Where a CPU build of torch is looked for when pip's own settings lead to none. Empty: whatever pip finds.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

# The text as it was typed: make must not expand a dollar sign in it.
QUESTION := $(value Q)
export QUESTION OUT

PIP     := $(BIN)/python -m pip --disable-pip-version-check --no-input
# pip would compile 12,000 modules, one by one; importing the heavy ones compiles the few that run.
COMPILE := torch, onnxruntime, chromadb, bm25s, langgraph.graph, langgraph.checkpoint.sqlite, trafilatura, rich.progress
INSTALL := $(PIP) install -qq --no-compile

.PHONY: setup report test lint bench-speed bench-quality bench-peers bench-reports pictures man clean
.DELETE_ON_ERROR:

setup: $(VENV)/base.stamp

report: setup
	@$(BIN)/palimpsest "$$QUESTION" $(foreach source,$(SOURCES),--sources "$(source)") $${OUT:+--out "$$OUT"} $(ARGS)

test: setup $(VENV)/test.stamp
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: $(VENV)/test.stamp
	@$(BIN)/ruff check .
	@$(BIN)/mypy

# What the engine costs beside other loops: docs/engine.md. ARGS='--only draft' runs a part of it.
bench-speed: setup $(VENV)/test.stamp
	@$(BIN)/python -m bench.speed $(ARGS)

# How good plans, claims, checks and search are, beside their peers: docs/model.md. ARGS='--table README.md' keeps it.
bench-quality: setup $(VENV)/test.stamp
	@$(BIN)/python -m bench.quality --data $(DATA) $(ARGS)

# The left-to-right peer, into build/peers; goes on where it was cut off. A GPU's work: docs/reports-bench.md.
bench-peers: setup $(VENV)/test.stamp
	@$(BIN)/python -m bench.peers --data $(DATA) --resume $(ARGS)

# Whole reports beside their peers: docs/reports-bench.md. KIWIX: a server with the Python documentation.
bench-reports: setup $(VENV)/test.stamp
	@$(BIN)/python -m bench.reports --data $(DATA) --kiwix "$(KIWIX)" $(ARGS)

# Those of README, from a report on the default question. Needs a Chromium.
pictures: setup $(VENV)/test.stamp
	@$(BIN)/palimpsest "$$QUESTION" --sources examples/library --out build/pictures --force --quiet
	@$(BIN)/python -m tests.pictures build/pictures docs/pictures
	@$(BIN)/python -m tests.terminal_pictures docs/pictures

# The manual page, from the parsers of the command line.
man: $(VENV)/test.stamp
	@$(BIN)/python -m workflows.manual > docs/palimpsest.1

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# bin/pip comes last, so a half-made environment is made again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'palimpsest needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo 'no virtual environment could be made: install the venv module (Debian: python3-venv)' >&2; exit 1; }

# torch first and by itself: without a GPU the CPU build, which is a tenth of the size of the other.
$(VENV)/run.stamp: pyproject.toml constraints.txt | $(BIN)/pip
	@echo 'setting up $(VENV) (once, a few minutes)'
	@torch=$$(sed -n 's/^torch==//p' constraints.txt); \
	if nvidia-smi -L 2>/dev/null | grep -q GPU || [ "$$(uname -s)" != Linux ]; then \
		$(INSTALL) -c constraints.txt "torch==$$torch"; \
	else \
		$(INSTALL) -c constraints.txt "torch==$$torch+cpu" 2>/dev/null || \
		{ [ -n '$(TORCH_INDEX)' ] && \
			$(INSTALL) -c constraints.txt --retries 1 --extra-index-url '$(TORCH_INDEX)' "torch==$$torch+cpu" 2>/dev/null; } || \
		$(INSTALL) -c constraints.txt "torch==$$torch"; \
	fi
	@$(INSTALL) -c constraints.txt setuptools
	@$(INSTALL) -c constraints.txt --no-build-isolation --editable .
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import $(COMPILE)'
	@touch $@

$(VENV)/test.stamp: constraints-test.txt $(VENV)/run.stamp
	@echo 'adding what the tests need'
	@$(INSTALL) -c constraints-test.txt --no-build-isolation --editable '.[test]'
	@touch $@

$(VENV)/base.stamp: $(VENV)/run.stamp
	@$(BIN)/python -m dlm_core.fetch_base
	@touch $@
