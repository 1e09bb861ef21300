#!/usr/bin/env bash
# Every public reference that the models can express, as a table of agreement; those that they cannot, with the reason. references.sh PROGRAM...
set -u
status=0
for program in "$@"; do
    "$program" --table 2>&1 | grep -v '^\['              # cmocka's own words
    [ "${PIPESTATUS[0]}" -eq 0 ] || status=1
done
echo 'Not compared: models of other kinds'
echo
awk -F, 'NR > 1 { n[$1 ": " $3]++; list[$1 ": " $3] = list[$1 ": " $3] (n[$1 ": " $3] > 1 ? ", " : "") $2 }
         END { for (k in n) print "  " k " (" n[k] "): " list[k] }' tests/data/references_not_expressible.csv | sort | fold -s -w 120 | sed '/^  /!s/^/      /'
exit $status
