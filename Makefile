# demo · test · test-bank · lab · release · grade · bench. Each sets up .venv first, where that is not done.
SHELL := bash
STAGE ?= 03_scaled_dot_product_attention
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# nbgrader and JupyterLab start each other's commands by name.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: demo test test-bank lab release grade bench bench-grading bench-scale bench-tests bench-robustness bench-training bench-gpu setup
.DEFAULT_GOAL := demo

demo: setup ## a class of made-up submissions, graded: gradebook, report, feedback
	@autograder demo

# A process per core, each with a thread: more of them wait for each other.
test test-bank: export OMP_NUM_THREADS := 1

test: setup ## lint, types, tests
	@ruff check && ruff format --check && mypy && pytest --numprocesses auto --maxprocesses 4 --dist loadscope

test-bank: setup ## every wrong and right answer against the hidden tests, with twenty seeds each
	@BANK_SEEDS=20 pytest --numprocesses auto --maxprocesses 4 --dist loadscope tests/hidden_tests/test_bank.py

lab: setup ## the course in JupyterLab, as a student sees it
	@cd course && jupyter lab

release: setup ## build the notebooks of solutions/ and course/
	@autograder release

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
