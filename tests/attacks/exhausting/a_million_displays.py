# tries: a million displays of next to nothing, each of which the grader would check and write
# place: top
from IPython.display import display


class Little:
    def _repr_html_(self):
        return "."


little = Little()
for _ in range(10**6):
    display(little)
