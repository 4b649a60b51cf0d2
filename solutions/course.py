"""Settings of the course. `make release` puts them into the notebooks that students get."""

COURSEKIT_ADDRESS = ""
"""Where a notebook that was opened by itself, in Colab for instance, installs coursekit from.

Either an address, "https://…/coursekit-0.1.0-py3-none-any.whl" or "git+https://…#subdirectory=course", or a wheel that
students put beside the notebook, "coursekit-0.1.0-py3-none-any.whl" (`pip wheel --no-deps ./course` makes it). While it
is empty, such a notebook says that the package is missing, and what to do. A bare name is refused: "coursekit" on the
public index is another project's.
"""
