# Everything that a fresh machine needs: `make demo` and `make test`. Each installs into .venv first, if need be.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# Enough to train and serve; everything that was installed before is enough, too.
TRAINS := $(if $(wildcard .venv/.installed),.venv/.installed,.venv/.trains)
CLIENTS := .venv-clients/.installed

.PHONY: demo test test-together test-alone coverage fuzz check-estimators lint install lock bench-first bench-fit bench-readers bench-convnet bench-domains bench-coverage bench-linear bench-tune-fit bench-tuning bench-tuning-table bench-nasbench201 bench-proxies bench-oneshot bench-tuning-overhead bench-serving bench-serving-rivals bench-serving-endurance bench-tuning-memory

demo: $(TRAINS)
	@$(BIN)/suite demo

# Both halves run, whatever the first one says, one after the other; either one's failure is the whole's.
test: $(INSTALLED)
	@$(MAKE) --no-print-directory --keep-going --jobs=1 test-together test-alone

# Most tests run side by side, the longest files first. Those that measure how long things take are marked `alone`, and
# have the machine for themselves.
# A process that dies fails its test and is not replaced, since the one in its place may wait for ever.
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder

# In every locale, Python reads and writes UTF-8.
test-together test-alone: export PYTHONUTF8 := 1

test-together: $(INSTALLED) $(CLIENTS)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m 'not alone'

test-alone: $(INSTALLED)
	$(BIN)/python -m pytest -m alone tests/serving tests/tuning

# The lines that tests run, which takes longer than the tests alone.
coverage: $(INSTALLED)
	@rm -f .coverage
	@PYTEST_ADDOPTS="--cov --cov-append --cov-report=term:skip-covered" $(MAKE) --no-print-directory test

# Looks for bytes on which the service fails; what it finds it writes to crash-*. Linux on x86-64. And for orders of
# events on which the scheduler fails.
SECONDS ?= 60
SCHEDULES ?= 100000
fuzz: $(INSTALLED)
	$(BIN)/python tests/serving/fuzz_decoders.py $(SECONDS)
	SUITE_TEST_SCHEDULES=$(SCHEDULES) $(BIN)/python -m pytest tests/serving/scheduling/test_serving_scheduler.py

# All of scikit-learn's checks of its estimators, of which `make test` runs those that are quick; about ten minutes.
check-estimators: $(INSTALLED)
	SUITE_TEST_ALL_CHECKS=1 $(BIN)/python -m pytest tests/suite/sklearn/test_checks.py

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(INSTALLED)

.venv/.trains $(INSTALLED): pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: $(PYTHON) is older than 3.11: say make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "error: no virtual environment could be made: on Debian, apt-get install python3-venv"; exit 1; }
	@echo "installing into .venv (TensorFlow is large: this takes a minute or more)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[$(if $(findstring trains,$@),train,dev)]'
	@touch $@

$(CLIENTS): .ci/clients.txt
	@$(PYTHON) -m venv .venv-clients
	@.venv-clients/bin/python -m pip install -qq --disable-pip-version-check --no-deps --requirement .ci/clients.txt
	@touch $@

# The versions that `install` takes, from those in .venv now.
lock:
	$(BIN)/python -m pip freeze --exclude-editable | grep -vE '^(neural-)?suite @' > .ci/constraints.txt

# Each prints what it measured; none is a test.
bench-first: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.first_steps

bench-fit: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.fit_overhead

bench-readers: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.readers

bench-convnet: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.convnet

# More than an hour; TASKS=german measures one (see tests/benchmarks/domains.py). Needs the full data sets.
bench-domains: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.domains $(TASKS)

# Five minutes: how many numbers lie within their intervals.
bench-coverage: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.coverage

# A quarter of an hour: what is fitted by default against logistic regression, on eleven data sets.
bench-linear: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.linear $(TASKS)

# Half an hour: searches of three minutes against what is fitted by default, on six data sets.
bench-tune-fit: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.tune_against_fit $(TASKS)

# Half an hour: ten minutes each against plain KerasTuner and AutoKeras, then what workers gain.
bench-tuning: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.tuning_race
	$(BIN)/python -m tests.benchmarks.tuning_workers

# An hour, most of it Bayesian searches; `python -m tests.benchmarks.cells` makes the table.
bench-tuning-table: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.tuning_table

# A few minutes: scores of untrained networks against what they come to.
bench-proxies: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.proxies_table

# Needs the full data sets; an hour, most of it Bayesian searches.
bench-nasbench201: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.nasbench201

# Half an hour: methods that rank networks before training, on the table of cells. METHODS=darts measures one.
bench-oneshot: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.shared_weights $(METHODS)
	$(BIN)/python -m tests.benchmarks.supernet_step

bench-tuning-overhead: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.tuning_overhead

# Half an hour: 200 networks in one process, then in two workers.
TRIALS ?= 200
bench-tuning-memory: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.tuning_memory --trials $(TRIALS)

# Needs wrk, from Debian's packages.
bench-serving: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.serving_ceiling

# Needs wrk; installs each rival into an environment of its own, 2 GB each.
bench-serving-rivals: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.serving_rivals

# Needs wrk, nginx-light and haproxy; an hour. PARTS="overload reloads" leaves out the soak (30 minutes) and mixed
# traffic (10); MINUTES=5 makes these as long as that.
bench-serving-endurance: $(INSTALLED)
	$(BIN)/python -m tests.benchmarks.serving_endurance $(PARTS) $(if $(MINUTES),--minutes $(MINUTES))
