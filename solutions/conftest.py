"""Lets pytest run hidden tests on one notebook: pytest solutions/STAGE/hidden_tests.py --submission X.ipynb."""

pytest_plugins = ["autograder.hidden_tests.plugin", "autograder.grading.pytest_plugin"]
