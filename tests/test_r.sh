#!/usr/bin/env bash
# What R makes of our files: skipped where R or its package posterior is not installed.
. tests/testing.sh

if ! command -v Rscript >/dev/null || ! Rscript -e 'library(posterior)' >/dev/null 2>&1; then
    skip 'posterior reads draws.csv and gives the same summary' 'no R with the package posterior here'
    finish
fi
run "$BMIXED" fit models/sleepstudy.json -o "$WORK/sleep" -q
it 'a fit to read' exits 0
it 'posterior reads draws.csv and gives the same summary to 1e-6' Rscript --vanilla tests/r/check_draws.R "$WORK/sleep/draws.csv" "$WORK/sleep/summary.csv"
sed '2s/,\([0-9]\)/,9\1/2' "$WORK/sleep/summary.csv" >"$WORK/broken.csv"
it 'the comparison sees a wrong number' eval '! Rscript --vanilla tests/r/check_draws.R "$WORK/sleep/draws.csv" "$WORK/broken.csv"'
finish
