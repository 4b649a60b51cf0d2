"""A made-up class, to see what grading looks like, and for tests: `autograder demo`."""

from .classroom import DemoStudent, make_demo_class, write_demo_class

__all__ = ["DemoStudent", "make_demo_class", "write_demo_class"]
