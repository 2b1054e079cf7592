# Cloche's targets. `make` without a target lists them.
# CLUSTER=auto|current|kind|minikube|embedded selects the cluster (see docs/design/cluster.md).
# LANGUAGES=python,bash installs only these, and is remembered; LANGUAGES=all resets it.

CLUSTER ?= auto
PYTHON ?= python3
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

PACKAGES := crds kube gateway operator cluster runtimes/supervisor client
ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
VENV := $(ROOT)/.venv
PY := $(VENV)/bin/python
CLOCHE = PYTHONPATH="$(ROOT)/cluster:$(ROOT)/crds" $(PY) -m cloche_cluster --cluster "$(CLUSTER)"
# Tests inspect and kill processes of the node, so they use the embedded cluster by default.
TEST_CLUSTER := $(if $(filter auto,$(CLUSTER)),embedded,$(CLUSTER))
PROSE := PYTHONPATH="$(ROOT)/tools" $(PY) -m prose
SUITES := $(PY) tests/suites.py --cluster "$(TEST_CLUSTER)"

.PHONY: help up doctor down status languages key images sbom runtime runtimes runtime-remove crds \
        test test-all lint format hooks requirements web screenshots bench bench-quick load etcd-flood fuzz siege chaos attacks programs isolation model \
        files prose settings-docs recording clean-cache venv-up venv-dev

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: venv-up ## start a cluster, install Cloche and run the first example
	@$(CLOCHE) up $(if $(LANGUAGES),--languages "$(LANGUAGES)")

down: venv-up ## remove what `make up` created
	@$(CLOCHE) down

status: venv-up ## show the state of the cluster, its Pods and the release
	@$(CLOCHE) status

languages: venv-up ## list the languages; with REQUIRE=all, fail if one is not available
	@$(CLOCHE) languages $(if $(REQUIRE),--require-all)

key: venv-up ## create an API key and print it once: make key NAME=x [TENANT=y] [RATE=100] [CONCURRENCY=50] [EXPIRES=30d]
	@test -n "$(NAME)" || { echo 'error: NAME is required: make key NAME=x [TENANT=y]' >&2; exit 1; }
	@$(CLOCHE) key "$(NAME)" $(if $(TENANT),--tenant "$(TENANT)") $(if $(RATE),--rate "$(RATE)") \
	    $(if $(CONCURRENCY),--concurrency "$(CONCURRENCY)") $(if $(EXPIRES),--expires "$(EXPIRES)")

doctor: venv-up ## check this machine for problems that would stop `make up`
	@$(CLOCHE) doctor

images: venv-up ## build the images and load them into the cluster
	@$(CLOCHE) images

sbom: venv-up ## write an SBOM of each image (CycloneDX) into .cloche/sbom
	@$(CLOCHE) sbom

runtime: venv-up ## build and install a runtime with own packages: make runtime NAME=x FROM=python [APT="…"] [PIP="…"] [NPM="…"] [GEM="…"] [MAVEN="…"] [UPDATE=yes]
	@test -n "$(NAME)" || { echo 'error: NAME is required: make runtime NAME=x FROM=python PIP="…"' >&2; exit 1; }
	@$(CLOCHE) runtime "$(NAME)" --from="$(FROM)" --apt="$(APT)" --pip="$(PIP)" --npm="$(NPM)" \
	    --gem="$(GEM)" --maven="$(MAVEN)" $(if $(UPDATE),--update)

runtimes: venv-up ## list the runtimes with own packages
	@$(CLOCHE) runtimes

runtime-remove: venv-up ## remove a runtime with own packages: make runtime-remove NAME=x
	@test -n "$(NAME)" || { echo 'error: NAME is required: make runtime-remove NAME=x' >&2; exit 1; }
	@$(CLOCHE) runtime-remove "$(NAME)"

clean-cache: venv-up ## remove the programs and images that `make down` keeps
	@$(CLOCHE) clean-cache

crds: venv-up ## generate crds/*.yaml and the TypedDicts of resources from the models
	@PYTHONPATH="$(ROOT)/crds" $(PY) -m cloche_api.crd "$(ROOT)/crds"

test: venv-dev ## run unit, integration and e2e tests, or one suite: make test [SUITE=languages]
	@cd "$(ROOT)" && $(SUITES) "$(or $(SUITE),core)"

test-all: venv-dev ## run all tests, including languages, programs, clients, attacks, chaos and recovery: make test-all [SUITE=…]
	@cd "$(ROOT)" && $(SUITES) "$(or $(SUITE),all)"

# Without ruff's cache, because an import's classification depends on other files.
lint: venv-dev ## run ruff, mypy, import-linter, the type check of web/ and the prose linter
	@$(VENV)/bin/ruff check --no-cache .
	@$(VENV)/bin/ruff format --no-cache --check .
	@$(VENV)/bin/mypy $(PACKAGES) tests tools
	@$(VENV)/bin/mypy bench  # apart, because two packages have a module __main__
	@$(VENV)/bin/lint-imports
	@$(PY) tools/web.py check
	@$(PROSE) lint

prose: venv-dev ## count idioms in the prose, and show 30 passages of a revision before and after: make prose [BASE=REV] [SEED=1]
	@$(PROSE) draw $(if $(BASE),--base "$(BASE)") $(if $(SEED),--seed "$(SEED)")
	@$(PROSE) count $(if $(BASE),--base "$(BASE)")

settings-docs: venv-dev ## generate the tables of settings in docs/operate/configure.md
	@$(PY) tools/settings_table.py

web: venv-dev ## build the playground, for a gateway that runs from this checkout
	@$(PY) tools/web.py build

screenshots: venv-dev ## write docs/playground-*.png from the running installation
	@PYTHONPATH="$(ROOT)/tests" $(PY) tools/screenshots.py

recording: venv-dev ## record the terminal session of the README on the running installation
	@$(PY) tools/recording.py

hooks: venv-dev ## install a Git hook that runs the checks of `make lint` before each commit
	@$(VENV)/bin/pre-commit install

format: venv-dev ## format the code
	@$(VENV)/bin/ruff check --fix-only .
	@$(VENV)/bin/ruff format .

bench: venv-dev ## run the benchmarks and write bench/results
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@$(PY) bench

bench-quick: venv-dev ## run the main benchmarks (5 minutes), or compare them with a revision: BASE=REV [ROUNDS=6]
	@$(PY) bench $(if $(BASE),--base "$(BASE)" $(if $(ROUNDS),--rounds "$(ROUNDS)"),--main)

load: venv-dev ## measure the gateway under hundreds of waiting, streaming and polling requests: make load [LOAD="--seconds 30"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@$(PY) bench/load.py $(LOAD)

etcd-flood: venv-dev ## measure etcd's size while three keys write at their limits: make etcd-flood [MINUTES=15]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@$(PY) bench/etcd.py $(if $(MINUTES),--minutes "$(MINUTES)")

fuzz: venv-dev ## send 10,000 hostile requests: make fuzz [FUZZ="--seed 7 --requests 500"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests" $(PY) -m fuzz $(FUZZ)

siege: venv-dev ## run hostile clients concurrently for 10 minutes: make siege [SIEGE="--by inputs --seconds 60"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests:$(ROOT)/bench" $(PY) -m siege $(SIEGE)

attacks: venv-dev ## run 1,000 fork bombs, memory hogs and output floods: make attacks [ATTACKS="--times 50 --fresh"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests" $(PY) -m attacks $(ATTACKS)

programs: venv-dev ## run the corpus of programs and print what failed by kind and language: make programs [PROGRAMS="--language go"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests" $(PY) -m programs $(PROGRAMS)

isolation: venv-dev ## measure the cost of the syscall filter, and of attacks for other programs
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests" $(PY) bench/isolation.py

chaos: venv-dev ## kill and freeze components while 200 executions run: make chaos [CHAOS="--seed 7"]
	@$(MAKE) up CLUSTER=$(TEST_CLUSTER)
	@PYTHONPATH="$(ROOT)/tests" $(PY) -m chaos $(CHAOS)

model: venv-dev ## check all states of claim, takeover and recovery: make model [MODEL=--two] (docs/design/model)
	@PYTHONPATH="$(ROOT)/tests" $(PY) -m support.model $(MODEL)

files: venv-dev ## list the files that one execution passes in the gateway and in the operator, for each package
	@cd "$(ROOT)" && PYTHONPATH="$(ROOT)/tests" $(PY) -m support.passed_files

requirements: venv-dev ## generate requirements/*.txt from pyproject.toml, with hashes
	@for extra in gateway operator up dev; do \
	    UV_CUSTOM_COMPILE_COMMAND="make requirements" $(VENV)/bin/uv pip compile --quiet \
	        --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	        --no-emit-find-links --extra "$$extra" --output-file "requirements/$$extra.txt" \
	        pyproject.toml; \
	done
	@UV_CUSTOM_COMPILE_COMMAND="make requirements" $(VENV)/bin/uv pip compile --quiet \
	    --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --group pyproject.toml:node --output-file requirements/node.txt

# The virtual environment in two stages: the requirements of `up`, and those of tests and lint. Each
# is installed again only if its requirements or the packages of this repository have changed.
venv-up: ; @$(call install,up)
venv-dev: ; @$(call install,dev)

define install
	want=$$({ cat "$(ROOT)/requirements/$(1).txt"; echo '$(PACKAGES)'; } | sha256sum); \
	stamp="$(VENV)/.installed-$(1)"; \
	if [ ! -x "$(PY)" ]; then \
	    "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	        || { echo 'error: Python 3.11 or newer is required: select another one with PYTHON=…' >&2; exit 1; }; \
	    "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null \
	        || { echo "error: $(PYTHON) has no venv module: install it (Debian: apt install python3-venv)" >&2; exit 1; }; \
	    echo "creating .venv …"; \
	    "$(PYTHON)" -m venv "$(VENV)"; \
	fi; \
	if [ "$$(cat "$$stamp" 2>/dev/null)" != "$$want" ]; then \
	    echo "installing requirements/$(1).txt into .venv …"; \
	    "$(PY)" -m pip install --quiet --disable-pip-version-check --require-hashes \
	        --requirement "$(ROOT)/requirements/$(1).txt" \
	        || { echo 'error: pip could not install the Python packages: fix the cause above, then run the same' \
	                  'command again' >&2; exit 1; }; \
	    site=$$("$(PY)" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	    printf '%s\n' $(addprefix $(ROOT)/,$(PACKAGES)) > "$$site/_cloche.pth"; \
	    echo "$$want" > "$$stamp"; \
	fi
endef
