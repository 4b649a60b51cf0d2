"""An autograder for staged notebook courses: releases, repairs, runs in a sandbox, tests, grades and reports."""

DISTRIBUTION = "autograder"
