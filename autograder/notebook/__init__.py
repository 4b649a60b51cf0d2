"""What a student's notebook has besides its checks, in any course; copied to students as `public_checks` is.

earlier_work     what the student wrote in an earlier stage, or a stand-in
waiting          cells that wait until an exercise is done
lines            progress, and what is said once
plots            heat maps, curves and bars
written_answers  the answers to written questions, as a PDF

A course names what it has of these in its own package, with what only it can say: its stages, its stand-ins.
"""
