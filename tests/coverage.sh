#!/usr/bin/env bash
# coverage.sh BUILD [LEAST]: lines of src that the programs built below BUILD (with make COV=1) have run so far, room by room, and the files least covered;
# status 1 if they are fewer than LEAST in a hundred.
# Needs gcov, which comes with gcc.
set -u
build=$1
found=0
while IFS= read -r notes; do
    found=1
    gcov -n -o "${notes%/*}" "$notes" 2>/dev/null
done < <(find "$build/src" -name '*.gcno' | sort) |
    awk '/^File / { file = $2; gsub(/\x27/, "", file); next }
         /^Lines executed:/ && file ~ /^src\/.*\.c$/ { split($0, part, /[:% ]+/); print file, part[3], part[5]; file = "" }' |
    awk -v least="${2:-0}" '{ split($1, dir, "/"); run = $2 / 100 * $3; lines[dir[2]] += $3; done[dir[2]] += run; all += $3; total += run; share[$1] = $2; size[$1] = $3 }
         END {
             if (!all) { print "coverage: nothing was built with COV=1 here" > "/dev/stderr"; exit 1 }
             printf "%-12s %8s %10s\n", "room", "lines", "run"
             for (room in lines) printf "%-12s %8d %9.1f%%\n", room, lines[room], 100 * done[room] / lines[room] | "sort"
             close("sort")
             print "least covered:"
             for (f in share) printf "  %6.1f%% of %4d  %s\n", share[f], size[f], f | "sort -n | head -10"
             close("sort -n | head -10")
             printf "coverage: %.1f %% of %d lines\n", 100 * total / all, all
             if (100 * total / all < least) { print "coverage: less than the " least " % that are demanded (LEAST_COVERAGE)"; exit 1 }
         }'
