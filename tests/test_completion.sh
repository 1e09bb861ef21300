#!/usr/bin/env bash
# Completion in bash and zsh: subcommands, options, the words an option can be, the columns of the data on the line.
. "$(dirname "$0")/testing.sh"
export PATH=$(dirname "$BMIXED"):$PATH
cp models/sleepstudy.json examples/sleepstudy/sleepstudy.csv "$WORK/"
cd "$WORK" || exit 1
sed -i 's#"data": *"[^"]*"#"data": "sleepstudy.csv"#' sleepstudy.json
printf 'y,"a, b",g 1,plain\n1,2,3,4\n' >odd.csv
gzip -k sleepstudy.csv
formula="'Reaction ~ Days + (Days | Subject)'"

run bmixed help --columns odd.csv
it 'help --columns prints the names of the columns' eval 'exits 0 && [ "$out" = $'"'y\na, b\ng 1\nplain'"' ]'
run bmixed help --columns sleepstudy.json
it 'of a model file those of its data' eval 'exits 0 && [ "$out" = $'"'Reaction\nDays\nSubject'"' ]'
run bmixed help --columns none.csv
it 'of a file that is not there none' refuses 2 none.csv
printf 'y,"two\nlines",\033[31m,z\n1,2,3,4\n' >control.csv
run bmixed help --columns control.csv
it 'names that are no line of text are left out' eval 'exits 0 && [ "$out" = $'"'y\nz'"' ]'
run bmixed help --completion fish
it 'a shell it does not know' refuses 2 "--completion: 'fish' is none of bash|zsh"

# ---- bash ----

bmixed help --completion bash >completion.bash
# complete_words WORD...: what is offered for the last one
complete_words() { bash -c '. ./completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bmixed; echo "${COMPREPLY[*]}"' _ "$@"; }
offers() { local want=$1 got; shift; got=$(complete_words "$@"); [ "$got" = "$want" ] || { echo "offered: $got"; false; }; }

it 'bash knows subcommands' offers summary bmixed su
it 'and those that help explains' offers summary bmixed help su
it 'it knows options' offers --warmup bmixed fit --warm
it 'the words an option can be' offers gibbs bmixed fit --sampler g
it 'also after an equals sign' offers gibbs bmixed fit --sampler = g
it 'the kinds of plots' offers caterpillar bmixed plot sleep --kind cat
it 'further ones in a list' offers trace,rank bmixed plot sleep --kind trace,ra
it 'the columns of the data, for --factor' offers 'Reaction Days Subject' bmixed fit "$formula" sleepstudy.csv --factor ''
it 'of compressed data' offers Subject bmixed fit "$formula" sleepstudy.csv.gz --factor S
it 'of a model file' offers Days bmixed fit sleepstudy.json --weights D
it 'more of them in a list' offers Days,Subject bmixed fit "$formula" sleepstudy.csv --factor Days,S
it 'with an equals sign for --levels' offers Subject= bmixed fit "$formula" sleepstudy.csv --levels Su
it 'names with blanks and commas are quoted' offers 'a\,\ b' bmixed fit "$formula" odd.csv --se a
it 'without data on the line none' offers '' bmixed fit "$formula" --factor S
it 'file names are left to the shell' offers '' bmixed fit sl
every_option()
{
    local sub o
    for sub in $(bmixed help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
        for o in $(bmixed help "$sub" | grep -o -e '^ .* --[a-z-]*' | grep -o -e '--[a-z-]*' | sort -u); do
            grep -q "^        $sub) options='.*$o[ ']" completion.bash || { echo "bash: $sub $o"; return 1; }
            sed -n "/^        $sub)\$/,/;;\$/p" completion.zsh | grep -q -e "$o[]=[}]" || { echo "zsh: $sub $o"; return 1; }
        done
    done
}
bmixed help --completion zsh >completion.zsh
it 'both shells know every option of every subcommand' every_option

# ---- zsh: in a terminal of its own, where bmixed is a function that writes down its arguments ----

if ! command -v zsh >/dev/null; then
    skip 'completion in zsh' 'no zsh here'
    finish
fi
mkdir functions
cp completion.zsh functions/_bmixed
cat >driver.zsh <<'Z'
zmodload zsh/zpty
zpty terminal zsh -f -i
zpty -w terminal "PS1= PS2= RPS1=; setopt no_beep; fpath=($PWD/functions \$fpath); autoload -Uz compinit; compinit -u -d $PWD/dump; bindkey '^I' complete-word; bmixed() { print -rl -- \"\$@\" >$PWD/got.tmp; mv $PWD/got.tmp $PWD/got }"
zpty -w terminal "print ready >$PWD/got"
integer i
for (( i = 0; i < 200; i++ )); do [[ -e got ]] && break; sleep 0.1; done
while IFS= read -r typed; do
    rm -f got
    zpty -w -n terminal "$typed"$'\t\n'
    for (( i = 0; i < 200; i++ )); do [[ -e got ]] && break; sleep 0.05; done
    zpty -r -t terminal >/dev/null
    print -r -- "$typed => ${(j: :)${(f)"$(<got)"}}"
done
zpty -d terminal
Z
printf '%s\n' 'bmixed summ' 'bmixed help summ' 'bmixed fit --warm' 'bmixed fit --sampler=gi' 'bmixed fit --sampler gi' 'bmixed plot sleep --kind cat' 'bmixed plot sleep --kind trace,ra' \
    "bmixed fit $formula sleepstudy.csv --factor Sub" "bmixed fit $formula sleepstudy.csv --factor Days,Sub" 'bmixed fit sleepstudy.json --weights Da' "bmixed fit $formula sleepstudy.csv --levels Su" \
    "bmixed fit $formula odd.csv --se a" 'bmixed fit odd' >typed
timeout 120 zsh -f driver.zsh <typed >answers 2>errors
gets() { grep -qxF -e "$1 => $2" answers || { grep -F -e "$1 =>" answers || cat answers errors; false; }; }
it 'zsh knows subcommands' gets 'bmixed summ' summary
it 'and those that help explains' gets 'bmixed help summ' 'help summary'
it 'it knows options' gets 'bmixed fit --warm' 'fit --warmup'
it 'the words an option can be' gets 'bmixed fit --sampler gi' 'fit --sampler gibbs'
it 'also after an equals sign' gets 'bmixed fit --sampler=gi' 'fit --sampler=gibbs'
it 'the kinds of plots' gets 'bmixed plot sleep --kind cat' 'plot sleep --kind caterpillar'
it 'further ones in a list' gets 'bmixed plot sleep --kind trace,ra' 'plot sleep --kind trace,rank'
it 'the columns of the data, for --factor' gets "bmixed fit $formula sleepstudy.csv --factor Sub" "fit ${formula//\'/} sleepstudy.csv --factor Subject"
it 'more of them in a list' gets "bmixed fit $formula sleepstudy.csv --factor Days,Sub" "fit ${formula//\'/} sleepstudy.csv --factor Days,Subject"
it 'of a model file' gets 'bmixed fit sleepstudy.json --weights Da' 'fit sleepstudy.json --weights Days'
it 'with an equals sign for --levels' gets "bmixed fit $formula sleepstudy.csv --levels Su" "fit ${formula//\'/} sleepstudy.csv --levels Subject="
it 'names with blanks and commas are quoted' gets "bmixed fit $formula odd.csv --se a" "fit ${formula//\'/} odd.csv --se a, b"
it 'and file names' gets 'bmixed fit odd' 'fit odd.csv'
finish
