# tries: outputs of passed checks and of full points already in the notebook
# place: notebook


def damage(notebook, folder):
    for cell in notebook["cells"]:
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade") and cell["cell_type"] == "code":
            data = {"text/plain": str(float(mark["points"]))}
            result = {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}
            cell["outputs"], cell["execution_count"] = [result], 1
