# tries: modules named torch, pytest, sitecustomize and conftest beside the notebook
# place: notebook

EVIL = b"open('{CANARY}', 'a').write('escaped')\nraise SystemExit(0)\n"


def damage(notebook, folder):
    for name in ("sitecustomize.py", "conftest.py", "pytest.py", "json.py", "coursekit.py", "usercustomize.py"):
        (folder / name).write_bytes(EVIL)
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_bytes(EVIL)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p conftest\n")
