#!/usr/bin/env bash
# Every error message is expected by a test: messages.py lists those that are not. Here are the ones that have no other place.
. "$(dirname "$0")/testing.sh"
top=$PWD
cd "$WORK" || exit 1
awk 'BEGIN { srand(1); print "y,x,g"; for (i = 0; i < 48; i++) printf "%.4f,%.3f,g%d\n", i % 6 + rand(), rand(), i % 6 }' >d.csv

every_message_is_expected() { (cd "$top" && python3 tests/messages.py); }
# A message that no test knows is listed.
a_new_message_is_seen()
{
    mkdir -p probe/src/base probe/tests
    cp "$top/tests/messages.py" probe/tests/
    : >probe/tests/messages_untested.txt
    printf 'int f(void)\n{\n    return bm_fail(err, BM_EINVAL, "the quick brown fox of %%s is lazy", name);\n}\n' >probe/src/base/fox.c
    ! (cd probe && python3 tests/messages.py)
}

if command -v python3 >/dev/null; then
    it 'every message is expected by a test, or has a reason why not' every_message_is_expected
    it 'a message without a test is seen' a_new_message_is_seen
else
    skip 'every message is expected by a test' 'no python3'
fi

refused() { local text=$1; shift; run "$BMIXED" "$@"; refuses 2 "$text"; }

it 'a formula has one ~' refused "formula: a formula has one '~'" model 'y ~ x ~ g' d.csv
it 'a column that is not there' refused "formula: the data have no column 'gg'; did you mean 'g'?" model 'y ~ x + (1 | gg)' d.csv
it 'a sum as a group' refused 'a grouping factor cannot be a + b; write (1 | a) + (1 | b)' model 'y ~ (1 | g + x)' d.csv
it 'a text beside a number' refused 'formula: a text can only be compared with a factor' model 'y ~ I(x == "a")' d.csv
it 'a text alone' refused 'a text can only be compared with a factor: f == "a"' model 'y ~ I("a")' d.csv
it 'thousands of terms' refused 'formula: it expands to more than 5000 terms; name those that matter' model \
    'y ~ (x + g + I(x^2) + I(x^3) + I(x^4) + I(x^5) + I(x^6) + I(x^7) + I(x^8) + I(x^9) + log(x) + sqrt(x) + exp(x) + I(x^10))^9' d.csv
it 'too few chains to judge' refused 'the number of chains (--reps) must be between' geweke 'y ~ x' d.csv --reps 5
echo '{"formula": "y"}' >m.json
it 'a model file with a formula without ~' refused "formula: no '~'; write response ~ terms" fit m.json d.csv
echo '{"formula": " "}' >m.json
it 'a model file with a blank formula' refused 'formula: it is empty; write response ~ terms' fit m.json d.csv
it 'a value to simulate with that is none' refused '--set sigma: write NAME=NUMBER, such as sigma=2.5' simulate 'y ~ x' d.csv --set sigma
it 'a report of a file' refused 'd.csv is not an output directory of bmixed fit: make one with' report d.csv
run "$BMIXED" fit 'y ~ x' d.csv -o ''
it 'an output directory without a name' says 'the output directory has no name'

run "$BMIXED" fit 'y ~ x + (1 | g)' d.csv -o fit --warmup 100 --draws 50 -q
cp -r fit short
head -3 fit/ranef.csv >short/ranef.csv
run "$BMIXED" report short
it 'a file of group effects cut short' says 'ranef.csv ends after 2 of 6 group effects; fit again'

if command -v gnuplot >/dev/null; then
    awk 'BEGIN { print ".chain,.iteration,.draw,lp__,a"; for (i = 1; i <= 40; i++) printf "1,%d,%d,-%d,%s\n", i, i, i, i % 2 ? "1" : "1.0000000000000004" }' >still.csv
    run "$BMIXED" plot still.csv --kind density --vars a -o p
    it 'a density of draws that stand still' says "density cannot be drawn: the draws of 'a' hardly differ"
    run "$BMIXED" plot still.csv --kind pairs --vars a -o p
    it 'pairs of one parameter' says 'pairs cannot be drawn: there are fewer than two parameters that vary'
else
    skip 'pictures of draws that stand still' 'no gnuplot'
fi
finish
