#!/usr/bin/env bash
# Every model of models/ can be shown and fitted; every command of the walk-throughs in examples/ runs.
. "$(dirname "$0")/testing.sh"
PATH=$(dirname "$BMIXED"):$PATH
cp -R models examples "$WORK/"
chmod -R u+w "$WORK"
cd "$WORK" || exit 1

for file in models/*.json; do
    it "$file says what it is for and where it comes from" jq -e '.title and .description and .source and .formula and .data' "$file"
    run bmixed model "$file"
    it "bmixed model $file" exits 0
    run bmixed fit "$file" --draws 250 -q
    it "bmixed fit $file" eval 'exits 0 && prints sigma || { exits 0 && jq -e .se '"$file"'; }'
done
for walk in examples/*/README.md; do
    cd "$WORK/${walk%/*}" || exit 1
    while read -r line; do
        run bash -c "$line"
        it "${walk%/README.md}: $line" eval 'exits 0 || { echo "$err"; false; }'
    done < <(sed -n '/^```sh/,/^```$/s/^\(bmixed .*\)/\1/p' README.md)
done
finish
