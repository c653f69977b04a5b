#!/bin/sh
# Says which system tool is missing and how to install it; silent when all are there.
# With --python it prints the Python interpreter (3.11 or newer, with venv) that the environment is made of.

fail() {
    echo "missing: $1"
    exit 1
}

usable() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if usable "$name"; then
            echo "$name"
            return 0
        fi
    done
    return 1
}

tool() {
    command -v "$1" >/dev/null 2>&1 || fail "$1 ($2)"
}

python=$(find_python) ||
    fail "Python 3.11 or newer (Debian/Ubuntu: apt install python3 python3-venv; macOS: brew install python), or set PYTHON"
"$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
    fail "the venv module of $python (Debian/Ubuntu: apt install python3-venv)"
if [ -z "$CXX" ]; then
    command -v g++ >/dev/null 2>&1 || command -v c++ >/dev/null 2>&1 || command -v clang++ >/dev/null 2>&1 ||
        fail "a C++ compiler (Debian/Ubuntu: apt install g++; macOS: xcode-select --install)"
fi
tool make "Debian/Ubuntu: apt install make; macOS: xcode-select --install"
tool perl "Debian/Ubuntu: apt install perl"

if [ "$1" = "--python" ]; then
    echo "$python"
fi
