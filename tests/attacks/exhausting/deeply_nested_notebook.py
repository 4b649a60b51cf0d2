# tries: a notebook of JSON nested a hundred thousand deep
# place: notebook
# may: lose everything


def damage(notebook, folder):
    deep = "[" * 100_000 + "]" * 100_000
    return ('{"cells": [{"cell_type": "code", "source": "", "metadata": {"x": ' + deep + "}}]}").encode()
