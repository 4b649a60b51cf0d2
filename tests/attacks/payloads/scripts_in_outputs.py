# tries: HTML with scripts, handlers and frames in outputs
# place: top

from IPython.display import HTML, Javascript, display

display(HTML('<script>document.title="taken over"</script><img src=x onerror="alert(1)"><iframe src="//example.org">'))
display(Javascript("document.title='taken over'"))
print("\x1b]0;taken over\x07\x1b[2J<script>alert(1)</script>")
