# The one recipe file. `make run` and `make test` are all a newcomer needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DATA ?= data
PORT ?= 8000
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test check bench bench-faults lock format clean

$(VENV)/.installed: requirements/lock.txt requirements/bootstrap.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --require-hashes -r requirements/bootstrap.txt
	$(BIN)/python requirements/install.py
	touch $@

run: $(VENV)/.installed
	$(BIN)/rag --data $(DATA) start --port $(PORT)

test: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist loadfile

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
	rm -rf $(VENV) .bench
