# The one recipe file. `make run` and `make test` are all a newcomer needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DATA ?= data
PORT ?= 8000
# Half of what tests do is waiting for other processes: two at once for every core.
TESTERS ?= $(shell expr $$(nproc) \* 2)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The web UI, built only when something of it changed. Node is the system's or comes from PyPI.
UI := rag/api/static/ui/index.html
UI_FROM := $(shell find ui -type f -not -path '*/node_modules/*' -not -path '*/screenshots/*')
NPM := $(PYTHON) ui/node.py

.PHONY: run test test-consumers ui screenshots demo-loop bench bench-faults lock format clean

$(VENV)/.installed: requirements/lock.txt requirements/bootstrap.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements/bootstrap.txt
	$(BIN)/python requirements/install.py
	touch $@

ui/node_modules/.installed: ui/package.json ui/package-lock.json ui/.npmrc ui/node.py
	$(NPM) ci
	touch $@

$(UI): ui/node_modules/.installed $(UI_FROM)
	$(NPM) run build

ui: $(UI)

run: $(VENV)/.installed $(UI)
	$(BIN)/rag --data $(DATA) start --port $(PORT)

test: $(VENV)/.installed $(UI)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(NPM) run check
	$(NPM) run test
	$(BIN)/python -m pytest -n $(TESTERS) --dist loadfile --no-loadscope-reorder

# What reads exports, each library in an environment of its own under .consumers.
test-consumers: $(VENV)/.installed
	CONSUMERS=$(abspath .consumers) $(BIN)/python -m pytest -n auto tests/consumers

# Every page, light, dark and as wide as a phone, into ui/screenshots.
screenshots: $(VENV)/.installed $(UI)
	mkdir -p ui/screenshots
	SCREENSHOTS=ui/screenshots $(BIN)/python -m pytest tests/ui/test_looks.py tests/ui/test_manage.py

# A month of simulated use of the sample domain, and what its ratings are worth.
demo-loop: $(VENV)/.installed
	$(BIN)/python -m bench.demo_loop data-demo-loop

bench: $(VENV)/.installed .bench/.installed
	$(BIN)/python -m bench

bench-faults: $(VENV)/.installed
	$(BIN)/python -m bench.faults

.bench/.installed: bench/requirements.txt $(VENV)/.installed
	$(BIN)/python -m pip install -q --no-deps --upgrade --target .bench -r bench/requirements.txt
	touch $@

lock: $(VENV)/.installed
	$(BIN)/python requirements/install.py --lock

format: $(VENV)/.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) .bench .consumers .node ui/node_modules rag/api/static/ui
