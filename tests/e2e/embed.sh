#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# examples/embed.c, built as a stranger would: against the installed library, through pkg-config; and
# through the CMake package.
. "$(dirname "$0")/lib.sh"
: "${SEALDEX_BUILD:?SEALDEX_BUILD must name the build directory}"
[ -z "${SEALDEX_SANITIZE:-}" ] || skip "a library with sanitizers does not load into other programs"

last="cmake --install"
cmake --install "$SEALDEX_BUILD" --prefix "$work/prefix" >out 2>err || fail "installing"
pc=$(find prefix -name sealdex.pc)
[ -n "$pc" ] || fail "no pkg-config file was installed"
PKG_CONFIG_PATH=$(dirname "$work/$pc")
export PKG_CONFIG_PATH
[ "$(wc -l <"$root/examples/embed.c")" -lt 120 ] || fail "the example is too long"
last="cc embed.c"
# shellcheck disable=SC2046
${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror "$root/examples/embed.c" -o embed \
  $(pkg-config --cflags --libs sealdex) >out 2>err || fail "compiling"
LD_LIBRARY_PATH=$(pkg-config --variable=libdir sealdex)
export LD_LIBRARY_PATH
last="./embed made"
./embed made >out 2>err || fail "running"
out_has '^boathouse key: 1 found$'
out_has 'behind the <b>clock</b>|<b>boathouse</b>'
out_has '^boathouse key: 0 found$'
out_has '^clock: 1 found$'
out_has 'inbox/2'
[ "$(grep -c inbox/1 out)" = 1 ] || fail "a deleted item is in an answer"

# The header by itself, as C and as C++.
printf '#include <sealdex.h>\nint main(void) { return sdx_version() == 0; }\n' >alone.c
cp alone.c alone.cc
# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(pkg-config --cflags sealdex) alone.c &&
  c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only $(pkg-config --cflags sealdex) \
    alone.cc || fail "the header does not compile by itself"

# The CMake package.
mkdir cm
cp "$root/examples/embed.c" cm/
cat >cm/CMakeLists.txt <<'CM'
cmake_minimum_required(VERSION 3.25)
project(embed C)
find_package(sealdex 0.1 REQUIRED)
add_executable(embed embed.c)
target_link_libraries(embed PRIVATE sealdex::sealdex)
CM
last="find_package(sealdex)"
cmake -S cm -B cm/build -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" >out 2>err &&
  cmake --build cm/build >out 2>err || fail "the CMake package does not build"
cm/build/embed made2 >out 2>err || fail "running what CMake built"
# The installed program runs where it was installed.
last="installed sealdex"
unset LD_LIBRARY_PATH
prefix/bin/sealdex --version >out 2>err || fail "the installed program does not run"
passed
