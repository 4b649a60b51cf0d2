"""Gradescope: results as its pages show them, and this grader as the autograder of an assignment."""
