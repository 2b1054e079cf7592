# Cloche's targets. `make` alone lists them.
# CLUSTER=auto|current|kind|minikube|embedded chooses the cluster (see docs/design/cluster.md).
# LANGUAGES=python,bash installs just these, now and later; LANGUAGES=all takes that back.

CLUSTER ?= auto
PYTHON ?= python3
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PACKAGES := crds gateway operator cluster runtimes/supervisor
ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
VENV := $(ROOT)/.venv
PY := $(VENV)/bin/python
CLOCHE = PYTHONPATH="$(ROOT)/cluster:$(ROOT)/crds" $(PY) -m cloche_cluster --cluster "$(CLUSTER)"
# Tests end processes of the node and look into it: they run on the embedded cluster, unless told.
TEST_CLUSTER := $(if $(filter auto,$(CLUSTER)),embedded,$(CLUSTER))
SUITES := $(PY) tests/suites.py --cluster "$(TEST_CLUSTER)"

.PHONY: help up doctor down status languages key images sbom crds test test-all lint format hooks \
        requirements bench bench-quick load etcd-flood fuzz siege chaos attacks isolation model \
        clean-cache venv-up venv-dev

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: venv-up ## bring up a cluster with Cloche in it, and run the first example
	@$(CLOCHE) up $(if $(LANGUAGES),--languages "$(LANGUAGES)")

down: venv-up ## remove what `make up` made
	@$(CLOCHE) down

status: venv-up ## say what runs where
	@$(CLOCHE) status

languages: venv-up ## say which languages are available; with REQUIRE=all fail where one is not
	@$(CLOCHE) languages $(if $(REQUIRE),--require-all)

key: venv-up ## make an API key and print it once: make key NAME=x [TENANT=y] [RATE=100] [CONCURRENCY=50] [EXPIRES=30d]
	@test -n "$(NAME)" || { echo 'error: say NAME=…: make key NAME=x [TENANT=y]' >&2; exit 1; }
	@$(CLOCHE) key "$(NAME)" $(if $(TENANT),--tenant "$(TENANT)") $(if $(RATE),--rate "$(RATE)") \
	    $(if $(CONCURRENCY),--concurrency "$(CONCURRENCY)") $(if $(EXPIRES),--expires "$(EXPIRES)")

doctor: venv-up ## look for what would keep `make up` from its work, and say what to do about it
	@$(CLOCHE) doctor

images: venv-up ## build the images and bring them to the cluster
	@$(CLOCHE) images

sbom: venv-up ## write what is in each image (CycloneDX) into .cloche/sbom
	@$(CLOCHE) sbom

clean-cache: venv-up ## remove the programs and images that `make down` keeps
	@$(CLOCHE) clean-cache

crds: venv-up ## write crds/*.yaml from the models
	@PYTHONPATH="$(ROOT)/crds" $(PY) -m cloche_api "$(ROOT)/crds"

test: venv-dev ## unit, integration and e2e tests, or one suite: make test [SUITE=languages]
	@cd "$(ROOT)" && $(SUITES) "$(or $(SUITE),core)"

test-all: venv-dev ## those, then languages, attacks, chaos and recovery; takes SUITE as well
	@cd "$(ROOT)" && $(SUITES) "$(or $(SUITE),all)"

# Without ruff's cache: whether an import is first-party depends on other files than its own.
lint: venv-dev ## ruff, mypy, import-linter
	@$(VENV)/bin/ruff check --no-cache .
	@$(VENV)/bin/ruff format --no-cache --check .
	@$(VENV)/bin/mypy $(PACKAGES) tests
	@$(VENV)/bin/lint-imports

hooks: venv-dev ## run the same checks before each commit
	@$(VENV)/bin/pre-commit install

format: venv-dev ## format the code
	@$(VENV)/bin/ruff check --fix-only .
	@$(VENV)/bin/ruff format .

bench: venv-dev ## measure, and write bench/results
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@$(PY) bench

bench-quick: venv-dev ## the main rows within 5 minutes; BASE=REV [ROUNDS=6]: their ratios to a revision's
	@$(PY) bench $(if $(BASE),--base "$(BASE)" $(if $(ROUNDS),--rounds "$(ROUNDS)"),--main)

load: venv-dev ## what the gateway costs while hundreds wait, listen and poll: make load [LOAD="--seconds 30"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@$(PY) bench/load.py $(LOAD)

etcd-flood: venv-dev ## three keys that write all they can, and etcd's size: make etcd-flood [MINUTES=15]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@$(PY) bench/etcd.py $(if $(MINUTES),--minutes "$(MINUTES)")

fuzz: venv-dev ## 10,000 hostile requests: make fuzz [FUZZ="--seed 7 --requests 500"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests" $(PY) -m fuzz $(FUZZ)

siege: venv-dev ## hostile clients at once for 10 minutes: make siege [SIEGE="--by inputs --seconds 60"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests:$(ROOT)/bench" $(PY) -m siege $(SIEGE)

attacks: venv-dev ## 1,000 fork bombs, memory hogs and output floods: make attacks [ATTACKS="--times 50 --fresh"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests" $(PY) -m attacks $(ATTACKS)

isolation: venv-dev ## what the filter costs a program, and attacks cost others
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests" $(PY) bench/isolation.py

chaos: venv-dev ## kill and freeze every part while 200 executions run: make chaos [CHAOS="--seed 7"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests" $(PY) -m chaos $(CHAOS)

model: venv-dev ## search all states of claim, takeover and recovery: make model [MODEL=--two] (docs/design/model)
	@PYTHONPATH="$(ROOT)/tests" $(PY) -m support.model $(MODEL)

requirements: venv-dev ## write requirements/*.txt from pyproject.toml, with hashes
	@for extra in gateway operator up dev; do \
	    UV_CUSTOM_COMPILE_COMMAND="make requirements" $(VENV)/bin/uv pip compile --quiet \
	        --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	        --no-emit-find-links --extra "$$extra" --output-file "requirements/$$extra.txt" \
	        pyproject.toml; \
	done

# The environment in two stages, each made again only when its requirements changed: what `up`
# needs, and what tests and lint need besides.
venv-up: ; @$(call install,up)
venv-dev: ; @$(call install,dev)

define install
	want=$$(sha256sum < "$(ROOT)/requirements/$(1).txt"); \
	stamp="$(VENV)/.installed-$(1)"; \
	if [ ! -x "$(PY)" ]; then \
	    "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	        || { echo 'error: Python 3.11 or newer is needed (PYTHON=… names another)' >&2; exit 1; }; \
	    "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null \
	        || { echo "error: $(PYTHON) has no venv module (Debian: apt install python3-venv)" >&2; exit 1; }; \
	    echo "making .venv …"; \
	    "$(PYTHON)" -m venv "$(VENV)"; \
	fi; \
	if [ "$$(cat "$$stamp" 2>/dev/null)" != "$$want" ]; then \
	    echo "installing requirements/$(1).txt into .venv …"; \
	    "$(PY)" -m pip install --quiet --disable-pip-version-check --require-hashes \
	        --requirement "$(ROOT)/requirements/$(1).txt" \
	        || { echo 'error: the Python packages could not be installed: see above; then run the same command' \
	                  'again, which goes on from here' >&2; exit 1; }; \
	    site=$$("$(PY)" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	    printf '%s\n' $(addprefix $(ROOT)/,$(PACKAGES)) > "$$site/_cloche.pth"; \
	    echo "$$want" > "$$stamp"; \
	fi
endef
