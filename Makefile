# Wraps the commands of the README; nothing happens here that cannot be typed.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: setup demo test check-long lint base constraints clean

setup: $(STAMP)

# uv installs in seconds what takes pip minutes; pip only brings uv, at the pinned version and hash. Compiled ahead, a
# process that needs torch starts twice as fast.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	awk '/^[^ ]/ {wanted = /^uv==/} wanted' constraints.txt > $(VENV)/uv.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.txt
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --verify-hashes --constraint constraints.txt --compile-bytecode --editable '.[dev]'
	$(VENV)/bin/fusionlog encoder
	touch $(STAMP)

demo: setup
	$(VENV)/bin/fusionlog demo

test: setup
	$(VENV)/bin/pytest

# What takes longer than a change should wait for: kills by the dozen, and the second of each kind whose first `make test`
# runs.
check-long: setup
	$(VENV)/bin/pytest -m long -rP --timeout 900

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# The base release of the package, for whoever changed what parsing makes of lines: one or two minutes.
base: setup
	$(VENV)/bin/python -m fusionlog.bundled.build

constraints:
	$(VENV)/bin/uv pip compile pyproject.toml --all-extras --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-header --no-annotate --quiet --output-file constraints.txt

clean:
	rm -rf $(VENV)
