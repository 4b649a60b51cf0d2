"""Public checks: what a student's notebook says of an answer, cell by cell, while it is being written.

    from .checking import check     # in the package of a course
    check.double(double)            # in a notebook: displays a verdict, raises and returns nothing

declared     what an author writes: cases, by exercise
attempts     one call of a student's function: on copies, seeded, with whatever it raises caught
values       copies, random numbers and comparison, for whatever kind of value
cases        what a check tries, read from the golden files of the course
judging      how a case went, as an outcome and in sentences
differences  the sentences: what came back, and what was expected
slips        which known mistake has the same outcomes
verdicts     how the result looks
checks       all of this, by the name of an exercise

**How students get it.** `autograder release` copies this package, and what it imports, file by file into the package of
the course, below `checking/`; `release.json` tracks the copies. So a student installs one package from one address,
nothing of the engine has to stand on an index, two courses may have different versions on one machine, and the grader
need not import what students have. All imports of one another are relative, and nothing here knows a course.
"""

from .cases import Fault as Fault
from .cases import Part as Part
from .declared import PublicCase as PublicCase
from .declared import PublicExercise as PublicExercise
