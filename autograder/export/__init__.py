"""Hands the scores of a class to other systems: spreadsheets, Canvas, Moodle, Gradescope, or a program of one's own."""

from autograder.export.formats import FORMATS, Export, Format, export

__all__ = ["FORMATS", "Export", "Format", "export"]
