#!/usr/bin/env bash
# Input that means harm, or looks as if: a message or a right answer, never a crash, nothing executed, nothing outside the output directory.
. "$(dirname "$0")/testing.sh"
cp tests/data/sleepstudy.csv "$WORK/"
cd "$WORK" || exit 1
formula='Reaction ~ Days + (Days | Subject)'
limited() { timeout -k 5 60 "$BMIXED" "$@"; }
repeat() { printf "%*s" "$2" '' | sed "s/ /$1/g"; }
raw() { LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$@"; }         # control characters but tab and line end

# AddressSanitizer maps 16 TB for itself
space() { [[ ${B:-} == *address* || ${B:-} == *thread* ]] && echo unlimited || echo "$1"; }

# ---- sizes ------------------------------------------------------------------------------------------------------------------------

wide() { echo "y$(seq -s '' -f ',x%.0f' 1 "$1")"; for i in 1 2 3 4 5 6 7; do echo "$((i * i % 5)),$i$(repeat ,1 $(($1 - 1)))"; done; }
wide 100000 >wide.csv
run limited fit 'y ~ x1' wide.csv -q --chains 1 --draws 50 --warmup 50
it '100,000 columns, of which two are used' exits 0
run limited fit 'y ~ .' wide.csv -q
it '100,000 coefficients are refused' refuses 2 ' '
repeat 'a,' 1000001 >wide.csv
run limited fit 'y ~ x' wide.csv
it 'more than a million columns are refused' refuses 2 'more than 1000000 fields'
wide 999999 >wide.csv
run timeout 100 bash -c "ulimit -v $(space 3000000)"'; exec "$@"' _ "$BMIXED" fit 'y ~ x1' wide.csv -q --chains 1 --draws 50 --warmup 50
it 'a million columns, of which two are used, in 3 GB of address space' exits 0
rm wide.csv
# piped COMMAND: what it prints, a thousand million bytes, as data on standard input, in 1 GB of address space
endless() { head -c 1000000000 /dev/zero | tr '\0' "$1"; }
piped() { "$@" 2>/dev/null | timeout 100 bash -c "ulimit -v $(space 1000000)"'; exec "$@"' _ "$BMIXED" fit 'y ~ x' - -q >"$WORK/.out" 2>"$WORK/.err"; code=${PIPESTATUS[1]} out='' err=$(cat "$WORK/.err"); }
cell_of_9() { printf 'y,x\n1,'; endless 9; }
header_of_a() { endless a; }
open_quote() { printf 'y,x\n1,"'; endless '\n'; }
fields() { printf 'y,x\n1'; endless ,; }
piped cell_of_9
it 'a line of 1 GB is refused in bounded memory' refuses 2 'longer than 64 MB'
piped header_of_a
it 'a header of 1 GB, too' refuses 2 'longer than 64 MB'
piped open_quote
it 'a quote that is never closed, too' refuses 2 'standard input:2: this record is longer than 64 MB'
piped fields
it 'a row of a thousand million fields, too' refuses 2 'fields'
{ printf 'y,x\n1,'; head -c 70000000 /dev/zero | tr '\0' 9; } >line.csv
run limited fit 'y ~ x' line.csv
it 'a line of 70 MB is refused' refuses 2 'longer than 64 MB'
rm line.csv
run limited fit "y ~ $(repeat '(' 50000)x$(repeat ')' 50000)" sleepstudy.csv
it 'parentheses 50,000 deep are refused' refuses 2 'formula: '
run limited fit "y ~ x$(repeat '+x' 20000)" sleepstudy.csv
it '20,000 terms in a row are refused' refuses 2 'operators in a row'
run limited fit "$formula" sleepstudy.csv --prior "b ~ $(repeat 'normal(' 10000)0$(repeat ')' 10000)"
it 'priors nested 10,000 deep are refused' refuses 2 'prior'
run limited fit "$formula" sleepstudy.csv --prior "b ~ normal(0, $(repeat 9 100000))"
it 'a number of 100,000 digits in a prior is refused' refuses 2 'prior'
echo "{\"formula\": $(repeat '\[' 100000)$(repeat ']' 100000)}" >deep.json
run limited fit deep.json
it 'JSON 100,000 deep is refused' refuses 2 'nested too deeply'
run limited fit "$formula" sleepstudy.csv --draws 2000000000
it 'two thousand million draws are refused' refuses 2 'from 1 to'
run limited fit "$formula" sleepstudy.csv --draws 10000000 --chains 64 -o much
it 'draws that no memory holds are refused before the run' eval 'exits 1 && says "GB of memory" && says "--draws" && [ ! -e much ]'

# ---- cells ------------------------------------------------------------------------------------------------------------------------

cells() { echo y,x; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "$i,$((i * i % 7))"; done; printf '%b\n' "3,$1"; }
for cell in 1e999 NaN Inf -inf 0x1p3; do
    cells "$cell" >cell.csv
    run limited fit 'y ~ x' cell.csv
    it "a cell '$cell' among numbers is named with its line" refuses 2 "cell.csv:14: column 'x': '$cell' is not a number"
done
for number in 1e999 nan inf 0x10; do
    run limited fit "$formula" sleepstudy.csv --prior "sigma ~ exponential($number)"
    it "a prior with '$number' is refused" refuses 2 "$number"
    run limited simulate "$formula" sleepstudy.csv --set "sigma=$number"
    it "--set sigma=$number is refused" refuses 2 "$number"
    run limited fit "$formula" sleepstudy.csv --target-ess "$number"
    it "--target-ess $number is refused" refuses 2 "$number"
    run limited fit "$formula" sleepstudy.csv --draws "$number"
    it "--draws $number is refused" refuses 2 "$number"
    printf '.chain,.iteration,.draw,a\n1,1,1,%s\n1,2,2,1\n' "$number" >draws.csv
    run limited summary draws.csv
    it "a draw that is $number gives a message or a summary, and no crash" eval '[ $code -le 2 ]'
done
cells '\0' >cell.csv
run limited fit 'y ~ x' cell.csv
it 'a NUL byte is named with its line' refuses 2 'is NUL'
cells '\xff' >cell.csv
run limited fit 'y ~ x' cell.csv
it 'a byte that is not UTF-8 is refused and shown as \xff' refuses 2 '\xff'
cells '\e[31mred\a' >cell.csv
run limited fit 'y ~ x' cell.csv
it 'terminal codes are not sent to the terminal' eval 'refuses 2 "\x1b" && ! raw .err'

# ---- labels and names ---------------------------------------------------------------------------------------------------------------

{
    echo 'y,x,g'
    for i in 1 2 3 4 5 6; do
        for label in 'a""q' $'b\nn' 'c[1,2]' 'd,e' '../../f' $'g\e[31mred' '<script>' '$(touch run)' '`touch run`' '%s%n' -o 'a;b' "it's"; do
            echo "$((RANDOM % 97)).5,$((RANDOM % 89)),\"$label\""
        done
    done
} >labels.csv
mkdir in && cp labels.csv in/ && cd in || exit 1
run limited fit 'y ~ x + (1 | g)' labels.csv -o out
it 'labels with quotes, line ends, brackets, paths, commands and codes are fitted' exits 0
it 'nothing of them reaches the terminal raw' eval '! raw "$WORK/.out" "$WORK/.err"'
it 'nothing is executed, nothing written elsewhere' eval '[ "$(ls)" = "labels.csv
out" ] && [ ! -e ../f ] && [ ! -e ../../f ]'
it 'the JSON files hold them escaped' eval 'jq -e ".ranef" out/summary.json >/dev/null && ! raw out/summary.json out/model.json'
run limited summary out
it 'the draws read back' eval 'exits 0 && ! raw "$WORK/.out"'
quoted() { python3 -c 'import csv, sys; r = list(csv.reader(open("out/draws.csv", newline=""))); sys.exit(not (len(r) == 4001 and all(len(x) == len(r[0]) for x in r) and len(set(r[0])) == len(r[0]) and sum(n.startswith("r_g[") for n in r[0]) == 13))'; }
if command -v python3 >/dev/null; then it 'they are quoted in CSV as Python reads it: 13 effects, every row as long as the header' quoted; else skip 'they are quoted in CSV' 'no python3'; fi
run limited report out -q
it 'the report escapes them' eval 'exits 0 && ! raw out/report.html && ! grep -qi "<script" out/report.html && grep -q "&lt;script&gt;" out/report.html'
if command -v gnuplot >/dev/null; then
    run limited plot out --kind caterpillar,lines,shrinkage,density --vars 'r_g*' -q
    run limited plot out -q --force
    it 'gnuplot draws them as text' eval 'exits 0 && ! raw out/plots/*.svg && ! grep -qi "<script" out/plots/*.svg'
else
    skip 'gnuplot draws them as text' 'no gnuplot'
fi
for c in 'diagnose out' 'model out' 'reml out' 'compare out' 'fit out --json -q' 'model out --json' 'reml out --json'; do
    run limited $c
    it "$c: nothing raw on the terminal" eval '[ $code -eq 0 ] || [ $code -eq 3 ]; [ $? -eq 0 ] && ! raw "$WORK/.out" "$WORK/.err"'
done
it 'JSON on standard output parses' jq -e . "$WORK/.out"
limited simulate out -q >simulated.csv 2>/dev/null
run limited fit 'y ~ x + (1 | g)' simulated.csv -q --json
it 'simulated data carry the labels through' eval 'exits 0 && [ "$(jq ".ranef | length" <<<"$out")" -eq "$(jq ".ranef | length" out/summary.json)" ]'
it 'and nothing has been executed or written elsewhere by any of them' eval '[ "$(ls)" = "labels.csv
out
simulated.csv" ] && [ ! -e ../f ] && [ ! -e ../../f ]'
printf 'y,"a\e[31m`$(touch run)<b>","g,""h"\n' >names.csv
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "$((i * i % 7)),$((i * 5 % 11)),l$((i % 4))"; done >>names.csv
run limited fit 'y ~ . - g + (1 | `g,"h`)' names.csv -q -o named
it 'column names with commands, markup and codes: fitted or refused, nothing raw' eval '[ $code -eq 0 ] || [ $code -eq 2 ]; [ $? -eq 0 ] && ! raw "$WORK/.out" "$WORK/.err" && [ ! -e run ]'
run limited fit 'y ~ x' names.csv
it 'and a message that lists them shows nothing raw' eval 'exits 2 && ! raw "$WORK/.err"'
cd ..

cp sleepstudy.csv -- -o.csv
run limited fit "$formula" -q -o dash -- -o.csv
it 'a file whose name begins with a dash comes after --' exits 0
run limited fit "$formula" ./-o.csv -q -o -x
it 'so does a directory' eval 'exits 0 && [ -s ./-x/draws.csv ]'
for name in '' . .. / sleepstudy.csv /dev/null nowhere/deep; do
    run limited fit "$formula" sleepstudy.csv -q -o "$name"
    it "-o '$name' is refused" refuses 2 ' '
done
run limited fit "$formula" sleepstudy.csv -q -o "$(repeat x 300)"
it 'a name that is too long is refused' refuses 1 'cannot create'
run limited fit "$formula" sleepstudy.csv -q -o $'odd\n\e[31m $(touch run)'
it 'an odd name is a name' eval 'exits 0 && [ -s $'"'odd\n\e[31m \$(touch run)/draws.csv'"' ] && [ ! -e run ]'

# ---- ends ---------------------------------------------------------------------------------------------------------------------------

run bash -c '"$1" fit "$2" sleepstudy.csv -q >&-' _ "$BMIXED" "$formula"
it 'a closed standard output is an error' eval 'exits 1 && says "standard output"'
run bash -c '"$1" fit "$2" sleepstudy.csv -q >/dev/full' _ "$BMIXED" "$formula"
it 'so is a full disk behind it' eval 'exits 1 && says "No space left"'

whole() { [ ! -e "$1" ] || { [ -s "$1/summary.json" ] && [ -s "$1/model.json" ] && [ "$(wc -l <"$1/draws.csv")" -eq 20001 ] && jq -e .timing "$1/summary.json" >/dev/null; }; }
kill_at_random()
{
    for i in 1 2 3 4 5 6 7 8 9 10; do
        "$BMIXED" fit "$formula" sleepstudy.csv -q --draws 5000 -o "killed$i" >/dev/null 2>&1 &
        local pid=$!
        sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
        kill -9 $pid 2>/dev/null
        wait $pid 2>/dev/null
        whole "killed$i" || return 1
    done
    "$BMIXED" fit "$formula" sleepstudy.csv -q --draws 5000 -o killed1 --force >/dev/null && whole killed1
}
it 'kill -9 at random moments leaves the output directory whole or absent' kill_at_random
stop_at()
{
    "$BMIXED" fit "$formula" sleepstudy.csv -q --draws 2000000 --ranef-draws none -o "stopped$2" >/dev/null 2>"$WORK/.stop" &
    local pid=$!
    sleep "$2"
    kill -"$1" $pid
    wait $pid
    local status=$?
    [ $status -gt 128 ] || return 1
    [ ! -e "stopped$2" ] || jq -e '.. | .interrupted? // empty' "stopped$2/summary.json" >/dev/null
}
it 'SIGTERM in the first moment: interrupted, marked or absent' stop_at TERM 0.02
it 'SIGTERM later: interrupted and marked' stop_at TERM 0.4
finish
