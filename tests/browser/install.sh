#!/usr/bin/env bash
# Installs what tests/test_browser.py needs, on Debian or a similar system: Chromium, Node.js and JupyterLab if they are
# missing, and playwright-core, which controls the browser, in a directory of your choice. Also a virtual screen, for
# the windows of tests/plots/test_windows.py.
#
#     browser=$(mktemp -d)
#     tests/browser/install.sh "$browser"
#     NODE_PATH=$browser/node_modules pytest -m slow tests/test_browser.py
set -euo pipefail
directory=${1:?usage: install.sh DIRECTORY}
python=${PYTHON:-python}

packages=()
command -v chromium >/dev/null || packages+=(chromium)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
command -v xvfb-run >/dev/null || packages+=(xvfb xauth)
if [ "${#packages[@]}" -gt 0 ]; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}"
fi

mkdir -p "$directory"
npm install --silent --no-audit --no-fund --prefix "$directory" playwright-core
"$python" -m pip install -q jupyterlab ipywidgets
