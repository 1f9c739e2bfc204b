#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Which room may include what (docs/architecture.md), and which library each dependency stays in.
# CMake targets hold this for builds; this holds it for the sources, also where nothing is built.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0

# includes FOLDER: `file:header` of every #include in its sources, subrooms left out.
includes() {
  find "$1" -maxdepth 1 \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) -exec \
    grep -HoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][^">]+' {} + 2>/dev/null |
    sed -E 's/:[^:]*["<]/:/'
}

# room FOLDER ALLOWED...: quoted headers of other rooms that it may include.
room() {
  folder=$1
  shift
  allowed="$folder"
  for other; do allowed="$allowed|$other"; done
  hits=$(includes "$folder" | grep -E ':(base|crypto|store|text|segment|index|indexer|query|tools|bench|tests)/' |
    grep -vE ":($allowed)/[^/]+\$")
  if [ -n "$hits" ]; then
    echo "FAILED: $folder/ includes what it may not:"
    echo "$hits" | sed 's/^/  /'
    bad=1
  fi
}

room base
room crypto base
room store base
room text base
room segment base text
room index base crypto store text segment
room indexer base crypto store text segment index
room indexer/extract base
room indexer/rebuild base crypto store text segment index indexer indexer/extract
room query base text segment index
room tools
room examples

# only HEADER-PATTERN FOLDER...: an outside header that only these folders include.
only() {
  pattern=$1
  shift
  for folder in base crypto store text segment index indexer indexer/extract indexer/rebuild query tools examples; do
    case " $* " in *" $folder "*) continue ;; esac
    hits=$(includes "$folder" | grep -E ":$pattern")
    if [ -n "$hits" ]; then
      echo "FAILED: only $* may include $pattern:"
      echo "$hits" | sed 's/^/  /'
      bad=1
    fi
  done
}

only 'sodium' crypto
only 'lmdb\.h$' store
only 'xapian' text
only 'unicode/' text
only 'cld2' text
only 'gmime/' indexer/extract
only 'glib' indexer/extract
only 'libical/' indexer/extract
only 'libxml/' indexer/extract
only 'archive' indexer/extract
only 'poppler' indexer/extract
only 'gsf/' indexer/extract
only 'magic\.h$' indexer/extract
only 'json' indexer/extract tools
only 'seccomp' indexer/extract
only 'syslog\.h$'
only 'sys/socket\.h$' indexer/extract
only 'netinet/'
only 'netdb\.h$'
# tools/ has a JSON writer of its own, and no library's.
if includes tools | grep -qE ':json-c/'; then
  echo "FAILED: tools/ includes json-c"
  bad=1
fi

# Tools and the example see the public header alone.
hits=$(grep -hoE '^#include "[^"]+"' tools/*.c tools/*.h | sed 's/.*"\(.*\)"/\1/' | sort -u |
  while read -r header; do
    [ -f "tools/$header" ] || [ "$header" = sealdex.h ] || printf '%s ' "$header"
  done)
[ -z "$hits" ] || { echo "FAILED: tools/ includes $hits"; bad=1; }

# What these rooms work with is plaintext: it lies in memory that no core dump holds (base/plain.h).
hits=$(grep -nE '(^|[^A-Za-z0-9_>.])(malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|free) ?\(' \
  segment/*.[ch] index/*.[ch] query/*.[ch] indexer/*.[ch] indexer/rebuild/*.[ch] text/*.cc text/*.[ch])
[ -z "$hits" ] || { echo "FAILED: plaintext on the common heap:"; echo "$hits"; bad=1; }

# Every source names its licence in its first line (or the second, behind #!).
hits=$(find base crypto store text segment index indexer query tools bench tests examples include script \
  -type f \( -name '*.c' -o -name '*.h' -o -name '*.cc' -o -name '*.sh' \) | while read -r file; do
  head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || echo "  $file"
done)
[ -z "$hits" ] || { echo "FAILED: no SPDX line in:"; echo "$hits"; bad=1; }

[ $bad = 0 ] && echo "passed: all arrows run the right way"
exit $bad
