#!/usr/bin/env bash
# Builds Ironsage, installs it as a Jupyter kernel and shows that it works by running the quickstart notebook.
# What it writes lies under the prefix, in the user's cache folder, and (what Rust cells are compiled against, shared by
# all installs) in the user's data folder. Running it again is safe and quick.
set -euo pipefail

usage() {
  cat <<'USAGE'
Usage: ./install.sh [OPTIONS]

Builds the Ironsage kernel, installs it into Jupyter and runs the quickstart notebook.

Options:
  --prefix DIR      install under DIR (default: ~/.local): bin/ironsage, share/jupyter/kernels/ironsage
  --no-quickstart   do not run the quickstart notebook at the end
  --uninstall       take away what this script installed; your data, models and the build cache stay
  -h, --help        show this text

Environment:
  CARGO_TARGET_DIR  where cargo builds (default: ironsage/target in the user's cache folder)

An active virtual environment, or the Jupyter on PATH, is used when it has JupyterLab and nbconvert. Otherwise an
environment of its own is made under the prefix, in share/ironsage-jupyter.
USAGE
}

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
step() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '    %s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$1" >&2
  shift
  for line in "$@"; do printf '    %s\n' "$line" >&2; done
  exit 1
}

# ---- the command line -------------------------------------------------------------------------------------------

prefix='' quickstart=yes uninstall=no
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) [ $# -ge 2 ] || fail "--prefix wants a folder" "./install.sh --prefix ~/.local"; prefix=$2; shift ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    --no-quickstart) quickstart=no ;;
    --uninstall) uninstall=yes ;;
    -h | --help) usage; exit 0 ;;
    *) fail "unknown option: $1" "./install.sh --help lists the options" ;;
  esac
  shift
done

[ -n "${HOME:-}" ] || fail "HOME is not set, so there is no place to install to" "export HOME=/path/to/your/home"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ironsage
# The user's own place is found by every Jupyter; another prefix has to be told to it, by JUPYTER_PATH.
if [ -n "$prefix" ]; then
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
  prefix=${prefix%/}
  where=(--prefix "$prefix")
  export JUPYTER_PATH=$prefix/share/jupyter${JUPYTER_PATH:+:$JUPYTER_PATH}
else
  prefix=$HOME/.local
  where=(--user)
fi
data=${XDG_DATA_HOME:-$HOME/.local/share}
program=$prefix/bin/ironsage
environment=$prefix/share/ironsage-jupyter
results=$cache/quickstart
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
case $CARGO_TARGET_DIR in /*) ;; *) CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR ;; esac

scratch=''
tidy() {
  rm -f "$prefix/bin/.ironsage.new.$$"
  [ -z "$scratch" ] || rm -rf "$scratch"
}
trap tidy EXIT
trap 'printf "\ninstall.sh: stopped. Nothing is half installed; run it again to go on.\n" >&2; exit 130' INT TERM

# ---- taking it away ---------------------------------------------------------------------------------------------

if [ "$uninstall" = yes ]; then
  step "Uninstalling Ironsage from $prefix"
  if [ "${where[0]}" = --prefix ]; then
    spec=$prefix/share/jupyter/kernels/ironsage
  else
    spec=${JUPYTER_DATA_DIR:-$data/jupyter}/kernels/ironsage
  fi
  gone=("$spec" "$program")
  [ ! -f "$environment/.made-by-ironsage" ] || gone+=("$environment")
  # Another install may share these, if there is one under a prefix of its own.
  if [ "${where[0]}" = --user ]; then
    [ ! -x "$program" ] || "$program" local stop || say "the local service could not be stopped; \`ps\` shows it"
    gone+=("$data/ironsage/prelude" "$results")
  fi
  for path in "${gone[@]}"; do
    if [ -e "$path" ]; then
      rm -rf "$path"
      say "removed $path"
    fi
  done
  say "kept: your buckets and models (${IRONSAGE_HOME:-$data/ironsage})"
  say "kept: the build cache ($cache)"
  say "to remove these too, delete the two folders"
  exit 0
fi

# ---- what must be there -----------------------------------------------------------------------------------------

# Names the command that installs a system package: $1 on Debian, $2 on Fedora, $3 on Arch, $4 on Alpine.
package() {
  if command -v apt-get >/dev/null; then echo "sudo apt-get install $1"
  elif command -v dnf >/dev/null; then echo "sudo dnf install $2"
  elif command -v pacman >/dev/null; then echo "sudo pacman -S $3"
  elif command -v apk >/dev/null; then echo "sudo apk add $4"
  else echo "install $1 with your system's package manager"; fi
}

step "Looking for what the build needs"
[ "$(uname -s)" = Linux ] || fail "Ironsage runs on Linux; this is $(uname -s)" "use a Linux machine, a container or WSL 2"
missing=()
need() { missing+=("$1" "    $2"); }

# $1 is a version such as 1.95.0, $2 the least that will do, such as 1.95.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
least_rust=1.95
rust_version=''
if (cd "$root" && cargo --version && rustc --version) >/dev/null 2>&1; then
  rust_version=$(cd "$root" && rustc --version | cut -d' ' -f2)
fi
if [ -z "$rust_version" ]; then
  need "Rust $least_rust or newer (rustc and cargo)" "install rustup from https://rustup.rs, then: rustup default stable"
else
  if ! at_least "$rust_version" "$least_rust"; then
    need "Rust $least_rust or newer; here is $rust_version" "rustup update stable"
  fi
  libraries=$(cd "$root" && rustc --print target-libdir)
  if ! compgen -G "$libraries/libstd-*.so" >/dev/null; then
    need "a toolchain with a shared standard library (Rust cells link it); there is none in $libraries" \
      "rustup toolchain install stable && rustup default stable"
  fi
fi
command -v cc >/dev/null ||
  need "a C compiler and linker (cc)" "$(package build-essential gcc base-devel build-base)"
python_version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true)
if [ -z "$python_version" ]; then
  need "Python 3.10 or newer" "$(package 'python3 python3-venv' python3 python python3)"
else
  at_least "$python_version" 3.10 ||
    need "Python 3.10 or newer; here is $python_version" "$(package 'python3 python3-venv' python3 python python3)"
fi

# A Python whose Jupyter can do what is needed; only where there is none, one of our own.
jupyter_of() { "$1" -c 'import jupyterlab, nbclient, nbconvert' >/dev/null 2>&1; }
python=''
for candidate in "${VIRTUAL_ENV:+$VIRTUAL_ENV/bin/python}" "${CONDA_PREFIX:+$CONDA_PREFIX/bin/python}" \
  "$(command -v jupyter >/dev/null && sed -n '1s/^#! *\(\/[^ ]*python[^ ]*\).*/\1/p' "$(command -v jupyter)" | tr -d '\0')" \
  "$(command -v python3 || true)"; do
  if [ -n "$candidate" ] && [ -x "$candidate" ] && jupyter_of "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ] && [ -n "$python_version" ] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  need "Python's venv module" "$(package python3-venv python3 python python3)"
fi

if [ ${#missing[@]} -gt 0 ]; then
  fail "this machine lacks:" "${missing[@]}" "then run ./install.sh again"
fi
say "rustc $rust_version, $(cargo --version | cut -d' ' -f1,2), Python $python_version"
sources=$(cd "$root" && rustc --print sysroot)/lib/rustlib/src/rust/library
if [ ! -d "$sources" ] && ! rustup component add rust-src >/dev/null 2>&1; then
  say "rust-src is not installed: cells run, but completion does not know the standard library"
  say "    to add it: rustup component add rust-src"
fi
memory=$(awk '/MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
if [ "$memory" -lt 6 ] && [ -z "${CARGO_BUILD_JOBS:-}" ]; then
  export CARGO_BUILD_JOBS=1
  say "only $memory GiB of memory are free: building one crate at a time"
fi

# ---- building ---------------------------------------------------------------------------------------------------

built=$CARGO_TARGET_DIR/release/ironsage
if [ -x "$built" ]; then
  step "Building (a few seconds when nothing changed)"
else
  step "Building: about 38 minutes the first time on two cores, of which Polars takes the most"
  free=$(mkdir -p "$CARGO_TARGET_DIR" && df -Pk "$CARGO_TARGET_DIR" | awk 'NR == 2 {print int($4 / 1048576)}')
  [ "$free" -ge 8 ] || say "only $free GiB are free in $CARGO_TARGET_DIR; the build needs about 8"
fi
say "in $CARGO_TARGET_DIR; it can be stopped and goes on where it was"
began=$SECONDS
(cd "$root" && cargo build --release --locked --workspace) ||
  fail "the build failed; cargo's own message stands above" \
    "if a download failed, check the network and run ./install.sh again" \
    "if a compiler was killed, memory ran out: CARGO_BUILD_JOBS=1 ./install.sh"
[ -x "$built" ] || fail "cargo built no $built" "unset CARGO_BUILD_TARGET, and take \`target\` out of cargo's config"
say "built in $((SECONDS - began)) s"

# ---- installing -------------------------------------------------------------------------------------------------

step "Installing under $prefix"
mkdir -p "$prefix/bin" || fail "cannot write to $prefix" "choose another place: ./install.sh --prefix ~/ironsage"
if cmp -s "$built" "$program"; then
  say "$program is up to date"
else
  # A running kernel keeps the file that it was started from: the new one takes its place in one step.
  new=$prefix/bin/.ironsage.new.$$
  { cp "$built" "$new" && mv -f "$new" "$program"; } ||
    fail "$program could not be written; the message stands above" "make room there, or choose another place: --prefix DIR"
  say "$program"
fi
say "the libraries that Rust cells use (up to half a minute after a build)"
"$program" warm --from "$root"
"$program" install "${where[@]}"

if [ -n "$python" ]; then
  say "Jupyter: the one of $python"
else
  python=$environment/bin/python
  wanted=$(sha256sum "$root/notebooks/requirements.txt" | cut -d' ' -f1)
  if [ "$(cat "$environment/.made-by-ironsage" 2>/dev/null)" = "$wanted" ] && jupyter_of "$python"; then
    say "Jupyter: $environment"
  else
    step "Making a Python environment with JupyterLab (about a minute)"
    # The mark is written last: an environment without it was not finished, and is made anew.
    if [ -e "$environment" ] && [ ! -f "$environment/pyvenv.cfg" ]; then
      fail "$environment is in the way: it is no Python environment" "move it away and run ./install.sh again"
    fi
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$root/notebooks/requirements.txt" ||
      fail "JupyterLab could not be installed; pip's message stands above" "check the network and run ./install.sh again"
    echo "$wanted" >"$environment/.made-by-ironsage"
    say "Jupyter: $environment"
  fi
fi

# ---- the quickstart ---------------------------------------------------------------------------------------------

# What the notebook found, for a person: the lines of text that hold its results.
found() {
  "$python" - "$results/quickstart.ipynb" <<'PYTHON'
import json, re, sys
seen = set()
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    for output in cell.get("outputs", []):
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        for line in "".join(text).splitlines():
            line = line.strip()
            wanted = re.search(r"^\w+: .*\d rows × |\brmse \d|\bauc \d|InService|predictions\b", line)
            if wanted and not re.search(r"epoch |coefficients", line) and line not in seen and len(line) < 160:
                seen.add(line)
                print("    " + line)
PYTHON
}

if [ "$quickstart" = yes ]; then
  notebook=$root/notebooks/quickstart.ipynb
  this=$(cat "$program" "$notebook" "$root"/notebooks/data/*.csv | sha256sum | cut -d' ' -f1)
  if [ "$(cat "$results/.of" 2>/dev/null)" = "$this" ] && [ -f "$results/quickstart.html" ]; then
    step "The quickstart was run with this build before; it found"
  else
    step "Running the quickstart notebook (less than a minute)"
    mkdir -p "$results"
    rm -f "$results/.of"
    # In a home of its own, so that your buckets and models stay as they are; the local service ends with the kernel.
    scratch=$(mktemp -d "$cache/home.XXXXXX")
    IRONSAGE_HOME=$scratch "$python" -m nbconvert --log-level=WARN --to notebook --execute \
      --output-dir "$results" --output quickstart.ipynb "$notebook" ||
      fail "the quickstart did not run; the failing cell's message stands above" "$program doctor says what may be wrong"
    "$python" -m nbconvert --log-level=ERROR --to html --output-dir "$results" --output quickstart.html "$results/quickstart.ipynb"
    echo "$this" >"$results/.of"
    say "it found:"
  fi
  found
  say "the executed notebook: $results/quickstart.html"
fi

# ---- what now ---------------------------------------------------------------------------------------------------

step "Ironsage is installed"
open="$(printf %q "$python") -m jupyterlab"
[ "$(id -u)" != 0 ] || open="$open --allow-root"
open="$open $(printf %q "$root/notebooks/quickstart.ipynb")"
if [ "${where[0]}" = --prefix ] && ! "$python" - "$prefix" <<'PYTHON'; then
import os, sys
sys.exit(os.path.realpath(sys.prefix) != os.path.realpath(sys.argv[1]))
PYTHON
  open="JUPYTER_PATH=$(printf %q "$prefix/share/jupyter") $open"
fi
say "open it in JupyterLab:  $open"
case :$PATH: in
  *":$prefix/bin:"*) ;;
  *) say "for \`ironsage\` on the command line, add $prefix/bin to PATH" ;;
esac
