#!/usr/bin/env bash
# What R makes of our files, and the snippets of the README: skipped where R or a package is not installed.
. "$(dirname "$0")/testing.sh"
has_r() { Rscript --vanilla -e "q(status = !requireNamespace('$1', quietly = TRUE))" >/dev/null 2>&1; }

if ! command -v Rscript >/dev/null || ! has_r posterior; then
    skip 'posterior reads draws.csv and gives the same summary' 'no R with the package posterior here'
    finish
fi
run "$BMIXED" fit models/sleepstudy.json -o "$WORK/sleep" -q
it 'a fit to read' exits 0
it 'posterior reads draws.csv and gives the same summary to 1e-6' Rscript --vanilla tests/r/check_draws.R "$WORK/sleep/draws.csv" "$WORK/sleep/summary.csv"
sed '2s/,\([0-9]\)/,9\1/2' "$WORK/sleep/summary.csv" >"$WORK/broken.csv"
it 'the comparison sees a wrong number' eval '! Rscript --vanilla tests/r/check_draws.R "$WORK/sleep/draws.csv" "$WORK/broken.csv"'

# ---- Stan CSV ----

if has_r rstan && has_r jsonlite; then
    run "$BMIXED" fit models/sleepstudy.json -o "$WORK/stan" -q --format cmdstan
    it 'rstan::read_stan_csv finds the draws of draws.csv in the Stan CSV files' Rscript --vanilla tests/r/check_stan.R "$WORK/stan" "$WORK/sleep/draws.csv"
    line=$(grep -vn '^#' "$WORK/stan/draws-2.csv" | sed -n 5p | cut -d: -f1)            # a draw
    awk -F, -v OFS=, -v line=$line 'NR == line { $4 += 1 } { print }' "$WORK/stan/draws-2.csv" >"$WORK/changed.csv" && mv "$WORK/changed.csv" "$WORK/stan/draws-2.csv"
    it 'the comparison sees a wrong number' eval '! Rscript --vanilla tests/r/check_stan.R "$WORK/stan" "$WORK/sleep/draws.csv"'
    awk 'BEGIN { print "y,a.b,g:1,h"; srand(2); for (i = 0; i < 60; i++) printf "%f,%f,it'"'"'s %d,\303\251%d\n", rand(), rand(), i % 5, i % 4 }' >"$WORK/odd.csv"
    for format in cmdstan csv; do "$BMIXED" fit 'y ~ a.b + (1 | `g:1`) + (a.b | h)' "$WORK/odd.csv" -o "$WORK/odd-$format" -q --format $format --chains 2 --draws 60 --thin 2 >/dev/null; done
    it 'with thinning, two factors and odd names, too' Rscript --vanilla tests/r/check_stan.R "$WORK/odd-cmdstan" "$WORK/odd-csv/draws.csv"
else
    skip 'rstan::read_stan_csv reads --format cmdstan' 'no R with the packages rstan and jsonlite here'
fi

# ---- the README: its R blocks, one after the other, in a directory with the fit called sleep ----

snippets()                               # snippets LANGUAGE: README's blocks of that language into $WORK/N.LANGUAGE
{
    awk -v lang="$1" -v dir="$WORK" '$0 == "```" lang { n++; on = 1; next } /^```/ { on = 0 } on { print > (dir "/" n "." lang) }' README.md
    ls "$WORK" | grep -c "^[0-9]*\.$1\$"
}
it 'the README has snippets for R' eval '[ "$(snippets r)" -ge 3 ]'
"$BMIXED" fit models/sleepstudy.json -o "$WORK/sleep-stan" -q --format cmdstan >/dev/null
for snippet in "$WORK"/[0-9]*.r; do
    missing=
    for package in $(grep -o 'library([a-z0-9A-Z]*)\|[a-zA-Z0-9]*::' "$snippet" | sed 's/library(//; s/[):]//g' | sort -u); do has_r "$package" || missing+=" $package"; done
    what="R snippet of the README: $(head -1 "$snippet")"
    if [ -n "$missing" ]; then skip "$what" "no R package$missing here"; continue; fi
    run bash -c 'cd "$1" && Rscript --vanilla -e "options(warn = 2); pdf(NULL); source(\"$2\", echo = TRUE)"' _ "$WORK" "$snippet"
    it "$what" exits 0
done

# ---- and those for Python ----

it 'the README has snippets for Python' eval '[ "$(snippets python)" -ge 2 ]'
"$BMIXED" fit models/sleepstudy.json -o "$WORK/sleep-json" -q --format json >/dev/null
for snippet in "$WORK"/[0-9]*.python; do
    python='' missing=
    for p in python3 /usr/bin/python3; do
        command -v $p >/dev/null || continue
        missing=
        for module in $(sed -n 's/^import \([a-z]*\).*/\1/p' "$snippet"); do $p -c "import $module" 2>/dev/null || missing+=" $module"; done
        [ -z "$missing" ] && python=$p && break
    done
    what="Python snippet of the README: $(tail -1 "$snippet")"
    if [ -z "$python" ]; then skip "$what" "no Python with${missing:- json} here"; continue; fi
    run bash -c 'cd "$1" && exec "$2" "$3"' _ "$WORK" "$python" "$snippet"
    it "$what" exits 0
done
finish
