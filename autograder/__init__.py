"""The instructor's side of the course: release, repair, sandbox, hidden tests, grading and report."""
