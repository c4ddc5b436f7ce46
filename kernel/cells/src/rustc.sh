
# rustc as cargo calls it for cells; the kernel has written three paths above this line.
#
# The user's cell is given the crates of the prelude. A crate that `:dep` asks for, and that the prelude holds already in
# the same version with the wanted features, is not compiled again but re-exported from there: one type, one runtime, one
# thread pool, however many crates of a cell use it. Whatever runs in the compiler (procedural macros, build scripts) is
# compiled as always, but for build scripts whose only use is to build a C library that the prelude contains.

given=" $* "
# Cargo asks for the version first of all. Whatever it has made of the versions of crates before, it finds the wanted ones.
case $given in
  *" -vV "*) [ ! -e "$session/lock" ] || cp "$session/lock" Cargo.lock ;;
esac
# Questions of cargo's, and trials of build scripts, which have NUM_JOBS.
case $NUM_JOBS$given in
  *" --print"* | [0-9]*) exec "$rustc" "$@" ;;
esac
# A copy of the user's own, or from git, is another crate.
case $CARGO_MANIFEST_DIR in
  */registry/src/*) facade=$prelude/facades/$CARGO_PKG_NAME-$CARGO_PKG_VERSION ;;
  *) facade=$prelude/facades/none ;;
esac

if [ "$CARGO_PKG_NAME" = ctx ]; then
  while IFS= read -r extern; do
    case $given in
      *" --extern ${extern%%=*}="*) ;;
      *) set -- "$@" --extern "$extern" ;;
    esac
  done <"$session/externs"
  # So that an error which leaves the cell through `?` knows where.
  sed 's/^ *fn from(error: T) -> Self {$/#[track_caller] &/' src/lib.rs >"$session/lib.rs" && cat "$session/lib.rs" >src/lib.rs
  exec "$rustc" "$@" "@$session/flags" "@$session/level"
fi

# Compiles what stands in another file than the one that cargo names.
source_is() {
  for argument do
    shift
    case $argument in
      *.rs) argument=$source ;;
    esac
    set -- "$@" "$argument"
  done
  exec "$rustc" "$@"
}

missing=
if [ -e "$facade.rs" ]; then
  { read -r _ real; read -r _ features; } <"$facade.rs"
  for argument do
    case $argument in
      'feature="'*)
        feature=${argument#*\"}
        feature=${feature%\"}
        case " $features " in
          *" $feature "*) ;;
          *) missing="$missing $feature" ;;
        esac
        ;;
    esac
  done
fi

case $given in
  *" --target "*)
    if [ -e "$facade.rs" ] && [ -z "$missing" ]; then
      source=$facade.rs
      source_is "$@" --extern "ironsage_real=$prelude/deps/$real" "-Ldependency=$prelude/deps"
    fi
    ;;
  *" --crate-name build_script_"*)
    if [ -e "$facade.build.rs" ] && [ -z "$missing" ]; then
      source=$facade.build.rs
      source_is "$@"
    fi
    exec "$rustc" "$@"
    ;;
  *) exec "$rustc" "$@" ;;
esac

echo "$CARGO_PKG_NAME $CARGO_PKG_VERSION$missing" >>"$session/compiled"
# What evcxr wants for a cell (no optimisation, debug assertions, overflow checks) is not for what it depends on.
exec "$rustc" "$@" -Copt-level=3 -Cdebug-assertions=off -Coverflow-checks=off "-Ldependency=$prelude/deps"
