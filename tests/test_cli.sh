#!/usr/bin/env bash
# The command line: usage, help, messages, exit codes, standard output that cannot be written.
. "$(dirname "$0")/testing.sh"
here=$PWD
data=$here/tests/data/sleepstudy.csv
formula='Reaction ~ Days + (Days | Subject)'
cd "$WORK" || exit 1

# ---- asked for: standard output, 0 -----------------------------------------------------------------------------------------

run "$BMIXED" --version
it '--version names program and version' prints "bmixed $(sed -n 's/.*BM_VERSION "\(.*\)".*/\1/p' "$here/include/bmixed.h")"
it '--version exits with 0' exits 0
run "$BMIXED" -V
it '-V is --version' prints 'bmixed '
for ask in --help -h help; do
    run "$BMIXED" $ask
    it "$ask lists the subcommands on standard output" prints 'Subcommands:'
    it "$ask exits with 0 and is silent on standard error" eval 'exits 0 && silent'
done
subcommands=$("$BMIXED" help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
it 'fit, reml, model, summary, simulate and help are among the subcommands' eval \
    'for s in fit reml model summary simulate help; do grep -qx "$s" <<<"$subcommands" || exit 1; done'
for sub in $subcommands; do
    run "$BMIXED" help "$sub"
    it "help $sub prints usage, options and two examples" eval \
        'exits 0 && silent && prints "Usage: bmixed $sub" && prints "--help" && [ "$(grep -c "^  # " <<<"$out")" -ge 2 ]'
    it "help $sub keeps to 80 columns but for examples" eval '! sed "/^Examples:/,\$d" <<<"$out" | grep ".\{81\}"'
    help=$out
    run "$BMIXED" "$sub" --help
    it "$sub --help is help $sub" eval 'exits 0 && [ "$out" = "$help" ]'
done

# The defaults of help are those of the header.
default_of() { sed -n "/define BM_FIT_OPTIONS_INIT/,/NULL }/s/.*\.$1 = \([0-9]*\).*/\1/p" "$here/include/bmixed.h"; }
help_of() { "$BMIXED" help fit | tr -s ' \n' ' ' | grep -o -e "--$1 N .*" | grep -o 'default: [^)]*' | head -1; }
for field in chains warmup draws thin seed; do
    it "help shows the default of --$field that the header has" eval '[ "$(help_of $field)" = "default: $(default_of $field)" ]'
done

without_default()        # without_default SUBCOMMAND: options that take an argument and do not say what holds without them
{
    "$BMIXED" help "$1" | sed '/^Examples:/,$d' | awk '
        function check() { if (option && takes && !has) print option }
        /^  (-[a-zA-Z],|   ) --/ { check(); option = $0; sub(/^.*--/, "--", option); takes = option ~ /^--[a-z-]+ [^ ]/; has = 0 }
        /default:/ { has = 1 }
        END { check() }'
}
for sub in $subcommands; do
    [ "$sub" = help ] || it "help $sub: every option that takes an argument has its default" eval '[ -z "$(without_default $sub)" ] || { without_default $sub; false; }'
done

# ---- manual page -----------------------------------------------------------------------------------------------------------

run "$BMIXED" help --man
it 'help --man prints a manual page' eval 'exits 0 && [[ $out == ".TH BMIXED 1"* ]]'
all_options_in_manual()
{
    local sub o

    for sub in $subcommands; do
        for o in $("$BMIXED" help "$sub" | grep -o -e '^ .* --[a-z-]*' | grep -o -e '--[a-z-]*' | sort -u); do
            grep -qF -e "${o//-/\\-}" <<<"$out" || { echo "$sub $o"; return 1; }
        done
    done
}
it 'the manual page has every option of every subcommand' all_options_in_manual
if command -v groff >/dev/null; then
    it 'the manual page is clean roff' eval '[ -z "$(groff -man -ww -z -K utf8 <<<"$out" 2>&1)" ]'
else
    skip 'the manual page is clean roff' 'no groff'
fi

# ---- wrong usage: standard error, 2 ------------------------------------------------------------------------------------------

run "$BMIXED"
it 'no subcommand: help on standard error, 2' eval 'exits 2 && says "Subcommands:" && [ -z "$out" ]'
run "$BMIXED" fit
it 'fit without arguments: its help on standard error, 2' eval 'exits 2 && says "Usage: bmixed fit" && says "--chains" && [ -z "$out" ]'
run "$BMIXED" summary
it 'summary without arguments: its help on standard error, 2' eval 'exits 2 && says "Usage: bmixed summary" && [ -z "$out" ]'
run "$BMIXED" smmary x
it 'a mistyped subcommand gets the closest one' refuses 2 "unknown subcommand 'smmary'; did you mean 'summary'?"
run "$BMIXED" help fti
it 'so does help' refuses 2 "unknown subcommand 'fti'; did you mean 'fit'?"
run "$BMIXED" regress
it 'a subcommand like no other is refused' refuses 2 "unknown subcommand 'regress'; \`bmixed help' lists the subcommands"
run "$BMIXED" --versoin
it 'a mistyped option before the subcommand gets the closest one' refuses 2 "unknown option '--versoin'; did you mean '--version'?"
run "$BMIXED" "$formula" "$data"
it 'a formula in place of the subcommand: fit was meant' refuses 2 "did you mean 'bmixed fit'?"
run "$BMIXED" help fit model
it 'help takes one subcommand' refuses 2 'one subcommand at a time'
run "$BMIXED" fit --chans 3 "$formula" "$data"
it 'a mistyped option gets the closest one' refuses 2 "unknown option '--chans'; did you mean '--chains'?"
it 'and the usage' says 'Usage: bmixed fit FORMULA DATA'
run "$BMIXED" fit --nonsense "$formula" "$data"
it 'an option like no other is refused' refuses 2 "unknown option '--nonsense'"
run "$BMIXED" fit -z "$formula" "$data"
it 'so is a letter' refuses 2 "unknown option '-z'"
run "$BMIXED" fit --s 3 "$formula" "$data"
it 'an ambiguous abbreviation is refused' refuses 2 "option '--s' could be several"
run "$BMIXED" fit --json=3 "$formula" "$data"
it 'a flag takes no argument' refuses 2 '--json takes no argument'
run "$BMIXED" fit "$formula" "$data" --chains
it 'an option that needs an argument says which' refuses 2 '--chains needs an argument: --chains N'
run "$BMIXED" fit "$formula" "$data" -o
it 'so does its letter' refuses 2 '--out needs an argument: --out DIR'
run "$BMIXED" fit --format xml "$formula" "$data"
it 'a word that an option cannot be lists those it can' refuses 2 "--format: 'xml' is none of csv|cmdstan|json|none"
run "$BMIXED" fit "$formula"
it 'a formula without data' refuses 2 'a formula needs data'
run "$BMIXED" fit Reaction Days data.csv
it 'a formula without quotes' refuses 2 'too many arguments; a formula with blanks needs quotes around it'
run "$BMIXED" fit "$data"
it 'data without a formula' refuses 2 'is neither a formula (no ~ in it) nor a model file'
run "$BMIXED" summary x.csv --probs 0.1,half
it '--probs takes probabilities' refuses 2 "--probs: 'half' is not a probability between 0 and 1"
run "$BMIXED" summary x.csv --probs 0.1,1.5
it '--probs above 1' refuses 2 "--probs: '1.5' is not a probability"
run "$BMIXED" summary x.csv --json --csv
it 'summary in two forms at once' refuses 2 '--json and --csv exclude each other'

# ---- files that are not there ---------------------------------------------------------------------------------------------------

run "$BMIXED" fit "$formula" none.csv
it 'missing data: 2, and the message names the file' refuses 2 none.csv
run "$BMIXED" fit none.json
it 'a missing model file: 2, and the message names the file' refuses 2 none.json
run "$BMIXED" summary none.csv
it 'missing draws: 2, and the message names the file' refuses 2 none.csv
mkdir empty
run "$BMIXED" fit empty
it 'a directory without a model file' refuses 2 empty/model.json
run "$BMIXED" fit "$formula" $'no\e[31m.csv'
it 'control characters of a file name are shown, not sent' eval 'exits 2 && says "\\x1b[31m" && [[ $err != *$'"'\e'"'* ]]'

# ---- libraries that only large models need --------------------------------------------------------------------------------------------

awk 'BEGIN { print "y,g,s,t"; for (i = 0; i < 300; i++) print (i * 7919) % 101 ",l" i % 30 ",s" (i * 13) % 11 ",t" i % 60 }' >many.csv
export BMIXED_BLAS=$PWD/no-such-library.so
run "$BMIXED" fit 'y ~ g + (1 | s)' many.csv -o many
it 'a library that is not there: 1, its name, nothing written' eval 'refuses 1 "BMIXED_BLAS names cannot be loaded" && says no-such-library.so && [ ! -e many ]'
BMIXED_BLAS=libm.so.6
run "$BMIXED" reml 'y ~ g + (1 | s)' many.csv
it 'a library without LAPACK: 1' refuses 1 'has no function dpotrf_'
run "$BMIXED" reml 'y ~ 1 + (1 | s)' many.csv
it 'a small model needs no such library' exits 0
unset BMIXED_BLAS
run "$BMIXED" reml 'y ~ g + (1 | s)' many.csv
it 'the same model with the library' exits 0
run env BMIXED_CHOLMOD=no-such-library.so "$BMIXED" reml 'y ~ 1 + (1 | s) + (1 | t)' many.csv
it 'many crossed levels without CHOLMOD: 1' refuses 1 'BMIXED_CHOLMOD names cannot be loaded'
run "$BMIXED" reml 'y ~ 1 + (1 | s) + (1 | t)' many.csv
it 'and with it' exits 0

# ---- standard output that cannot be written ---------------------------------------------------------------------------------------

run bash -c '"$1" help fit >/dev/full' _ "$BMIXED"
it 'a full disk under standard output: 1' eval 'exits 1 && says "cannot write to standard output"'
run bash -c '"$1" help fit >&-' _ "$BMIXED"
it 'standard output closed: 1' eval 'exits 1 && says "cannot write to standard output"'
run bash -c '"$1" help fit | true; exit ${PIPESTATUS[0]}' _ "$BMIXED"
it 'a closed pipe is no crash: 0 if all was taken, else 1 and a message' eval 'exits 0 || { exits 1 && says "standard output"; }'
run bash -c '(sleep 0.3; exec "$1" help fit) | true; exit ${PIPESTATUS[0]}' _ "$BMIXED"
it 'a pipe closed before: 1 and a message' eval 'exits 1 && says "cannot write to standard output: Broken pipe"'
run bash -c '"$1" help fit 2>&- <&- | head -c 0' _ "$BMIXED"
it 'all three standard files closed or short: no crash' exits 0
finish
