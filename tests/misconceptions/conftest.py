from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # Importing the hidden tests applies their mark, which their own configuration declares.
    config.addinivalue_line("markers", "points(grade_id, value): a hidden test's grade cell and its worth")
