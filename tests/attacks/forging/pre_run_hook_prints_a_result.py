# tries: a pre_run_cell hook that prints a forged score before each cell
# place: top

from IPython import get_ipython
from IPython.display import display


def forge(info):
    display(6.0)
    print("6.0")


get_ipython().events.register("pre_run_cell", forge)
