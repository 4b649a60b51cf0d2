#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the assignment's image.
set -euo pipefail
cd "${AUTOGRADER_SOURCE:-/autograder/source}"
export DEBIAN_FRONTEND=noninteractive HF_HOME="$PWD/.huggingface"

# As this user a submission runs where there is no sandbox.
id submission >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin submission

apt-get update -qq
apt-get install -y -qq --no-install-recommends bubblewrap ca-certificates
for python in python3.11 python3.12 python3.13; do
    apt-get install -y -qq --no-install-recommends "$python" "$python-venv" && break
done
"$python" -m venv .venv

# pip may take torch's build for GPUs, several gigabytes large. A pip.conf put into the zip can name where to find the
# build for CPUs: see pytorch.org.
[ -f pip.conf ] && export PIP_CONFIG_FILE="$PWD/pip.conf"
.venv/bin/pip install --no-cache-dir --constraint constraints.txt torch
.venv/bin/pip install --no-cache-dir --constraint constraints.txt -e './course[offline]' -e .
[ -f packages.txt ] && .venv/bin/pip install --no-cache-dir --constraint constraints.txt -r packages.txt

# What the hidden tests measure on is fetched now.
if [ -f solutions/fetch.py ]; then
    .venv/bin/python solutions/fetch.py "$(ls -d solutions/*/hidden_tests.py | cut -d/ -f2)"
fi
