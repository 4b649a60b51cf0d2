# demo · check · test · test-nightly · lab · release · docs · grade · bench. Each sets up .venv first, where that is not done.
SHELL := bash
STAGE ?= 03_scaled_dot_product_attention
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# nbgrader and JupyterLab start each other's commands by name.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo check lint test test-nightly lab release docs grade bench bench-grading bench-scale bench-tests bench-robustness bench-training bench-suite bench-gpu setup
.DEFAULT_GOAL := demo

demo: setup ## a class of made-up submissions, graded: gradebook, report, feedback
	@autograder demo

# Each process has one thread, for threads of several wait for each other. There is one process more than cores: many tests
# wait for a time limit, a browser or a process that ends.
check test test-nightly bench-suite: export OMP_NUM_THREADS := 1
PROCESSES := $(shell n=$$(($$(getconf _NPROCESSORS_ONLN) + 1)); echo $$((n < 5 ? n : 5)))
PYTEST := pytest --numprocesses $(PROCESSES) --dist loadscope

check: lint ## lint, types, and the tests of what changed since main: two minutes
	@python tests/affected.py

lint: setup
	@ruff check && ruff format --check && lint-imports --no-logo && mypy

test: lint ## lint, types, tests
	@$(PYTEST) --timeout 900 -m "not nightly"

test-nightly: lint ## the same with twenty seeds for each wrong and right answer, and what takes minutes
	@BANK_SEEDS=20 $(PYTEST) --timeout 3600

lab: setup ## the course in JupyterLab, as a student sees it
	@cd course && jupyter lab

release: setup ## build the notebooks of solutions/ and course/
	@autograder release

docs: setup ## draw docs/house.svg and write the README of each stage, from the code
	@python docs/house.py && python docs/stages.py

grade: setup ## grade a stage: make grade STAGE=03_scaled_dot_product_attention
	@autograder grade $(STAGE)

bench: bench-grading bench-scale bench-tests bench-robustness bench-training

bench-grading: setup ## seconds per submission, stock nbgrader and otter-grader against ours
	@python benchmarks/grading.py

bench-scale: setup ## a class of 2,000 in one run: seconds per submission, and memory
	@python benchmarks/scale.py

bench-tests: setup ## CPU seconds of each stage's hidden tests
	@python benchmarks/hidden_tests.py

bench-robustness: setup ## 5,000 damaged notebooks; graders killed at random moments
	@python benchmarks/repair.py && python benchmarks/faults.py

bench-training: setup ## what the models of stages 02, 06 and 07 reach on a CPU
	@python benchmarks/recurrent.py && python benchmarks/pretraining.py && python benchmarks/fine_tuning.py

bench-suite: setup ## where the time of the tests goes
	@python benchmarks/test_suite.py

# A machine without a network cannot set up .venv: BENCH_PYTHON names a Python that has torch for its GPU and the rest.
bench-gpu: export PYTHONPATH := $(if $(BENCH_PYTHON),$(CURDIR):$(CURDIR)/course:)$(PYTHONPATH)
bench-gpu: $(if $(BENCH_PYTHON),,setup) ## the same at full size on a GPU, the published tables and all notebooks included
	@for run in "recurrent.py --jobs 8" pretraining.py fine_tuning.py notebooks.py; do \
		$(or $(BENCH_PYTHON),python) benchmarks/$$run --profile gpu || exit; done

setup: .venv/.installed

# torch comes first: it is most of the download. The versions of everything stand in constraints.txt.
.venv/.installed: constraints.txt pyproject.toml course/pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later was not found. Install it, or name it: make PYTHON=/path/to/python"; exit 1; }
	@echo "Setting up .venv with $(PYTHON); the first time this takes two or three minutes."
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv || { echo "Could not create .venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@pip install -qq --disable-pip-version-check --constraint constraints.txt torch
	@pip install -qq --disable-pip-version-check --constraint constraints.txt -e './course[offline,lab]' -e '.[dev]'
	@command -v bwrap >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "Installing bubblewrap." \
		&& { apt-get update -qq || apt-get update -qq; } && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bubblewrap >/dev/null; } \
		|| echo "bubblewrap is missing, and without it the grader refuses. Install it: sudo apt-get install bubblewrap (Fedora: dnf install bubblewrap)"
	@touch $@
