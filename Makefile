# Two commands matter: `make serve` and `make test`. Each sets up all it needs.
# The system's own Python if it is new enough: distributions build theirs with every optimisation, and version managers
# mostly do not. `make PYTHON=...` uses another one.
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV   := .venv
PY     := $(VENV)/bin/python
PIP    := $(PY) -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes

.PHONY: serve setup test deployment check bench conformance messages lock secrets clean

serve: $(VENV)/.run $(VENV)/bin/loci  ## set up and run the server
	@exec $(PY) -m server serve --pull

setup: $(VENV)/.run $(VENV)/bin/loci  ## set up, and fetch the model, for a service
	@$(PY) -m server model pull

test: $(VENV)/.dev $(VENV)/bin/loci  ## set up and run the tests
	@$(PY) -m server model pull
	@$(PY) -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

deployment: $(VENV)/.dev  ## test the ways to run it (needs Debian's caddy and nginx, and npm)
	@$(PY) -m server model pull
	@$(PY) -m pytest tests/deployment --ignore tests/deployment/test_three_servers.py --numprocesses auto --maxprocesses 2 --dist loadgroup
	@# Alone, because it counts by the clock what three servers do.
	@$(PY) -m pytest tests/deployment/test_three_servers.py

check: $(VENV)/.dev  ## lint, types, layers
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/pyright
	@$(VENV)/bin/lint-imports

bench: $(VENV)/.dev  ## measure speed and recall beside their references
	@$(PY) -m server model pull
	@$(PY) benchmarks/run.py

conformance: $(VENV)/.dev  ## the official MCP conformance suite (needs npm)
	@$(PY) -m server model pull
	@$(PY) tests/conformance/suite.py

messages: $(VENV)/.dev  ## bring the texts of pages into the catalogues, and name those that lack a translation
	@PYTHONPATH=. $(PY) tests/helpers/messages.py

lock: $(VENV)/.dev  ## recompute the pins
	$(VENV)/bin/uv pip compile pyproject.toml --universal --generate-hashes --no-annotate --no-emit-index-url \
	  --custom-compile-command "make lock" --quiet -o requirements/run.txt
	$(VENV)/bin/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-annotate --no-emit-index-url \
	  --custom-compile-command "make lock" --constraint requirements/run.txt --quiet -o requirements/dev.txt

# For docker compose, and without Python. The files can be read by the containers' users; the folder keeps others out.
# A file that is there stays as it is.
secrets:  ## make the secrets for docker compose, and print the lines for .env
	@set -eu; umask 077; mkdir -p secrets; chmod 700 secrets; \
	make_random() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }; \
	keep() { \
	  if [ ! -s "secrets/$$1" ]; then printf '%s\n' "$$2" >"secrets/$$1.new"; mv "secrets/$$1.new" "secrets/$$1"; fi; \
	  chmod 644 "secrets/$$1"; \
	}; \
	keep secret_key "$$(make_random)"; \
	keep postgres_password "$$(make_random)"; \
	keep database_url "postgresql://loci:$$(cat secrets/postgres_password)@postgres:5432/loci"; \
	keep qdrant_api_key "$$(make_random)"; \
	keep qdrant_config "service: {api_key: $$(cat secrets/qdrant_api_key)}"; \
	echo "The secrets are in secrets/. Lines for .env, those of the parts that you use:"; echo; \
	echo "# Postgres"; \
	echo "POSTGRES_PASSWORD_SECRET=./secrets/postgres_password"; \
	echo "DATABASE_URL_SECRET=./secrets/database_url"; \
	echo "SECRET_KEY_SECRET=./secrets/secret_key"; \
	echo "# a Qdrant server"; \
	echo "LOCI_QDRANT_URL=http://qdrant:6333"; \
	echo "QDRANT_API_KEY_SECRET=./secrets/qdrant_api_key"; \
	echo "QDRANT_CONFIG_SECRET=./secrets/qdrant_config"

clean:  ## forget the virtual environment
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Loci needs Python 3.11 or newer; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "This Python lacks venv. Install it: apt-get install python3-venv (Debian, Ubuntu)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The command works from any folder and on any link to it. `server` in another folder is another program.
$(VENV)/bin/loci: Makefile | $(VENV)/bin/python
	@printf '#!/bin/sh\nPYTHONPATH="%s" PYTHONSAFEPATH=1 exec "%s" -m server "$$@"\n' \
	  '$(CURDIR)' '$(abspath $(PY))' > $@.new
	@chmod +x $@.new
	@mv $@.new $@

$(VENV)/.run: requirements/run.txt | $(VENV)/bin/python
	@echo "Installing what the server needs; this takes about a minute ..."
	@$(PIP) -r requirements/run.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "Installing what the server and its tests need; this takes about a minute ..."
	@$(PIP) -r requirements/dev.txt
	@touch $@ $(VENV)/.run
