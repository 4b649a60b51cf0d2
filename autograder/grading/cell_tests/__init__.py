"""Grades assignments of any nbgrader course, whose tests stand in the notebooks' own cells.

Such tests run beside the student's code, in the same process of the sandbox: machine and class are as safe as with
hidden tests outside, but a score can be forged, as it can with nbgrader itself.
"""
