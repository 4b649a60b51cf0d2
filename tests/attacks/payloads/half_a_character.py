# tries: text that no file can hold, in outputs, errors and answers, so that writing the results ends the run
# place: answer

from IPython.display import HTML, display

print("half a character: \ud800")
display(HTML("<b>\udcff</b>"))


def scaled_dot_product(*args, **kwargs):
    print("\udfff")
    raise type("Taken\ud800", (Exception,), {})("\ud800")
