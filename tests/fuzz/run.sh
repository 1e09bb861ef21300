#!/usr/bin/env bash
# run.sh SECONDS TARGET...: fuzzes each target that long, one after the other, at the lowest priority, from the repository's root after `make fuzz`.
# New inputs are kept in build/fuzz/corpus, findings in build/fuzz/findings; a target that finds something is started again until its time is over.
# The table at the end: executions, edges covered, inputs kept, CPU minutes, findings. The status is 1 if there are any.
set -u
seconds=$1
shift
found_any=0
table=$(printf '%-10s %14s %8s %8s %12s %9s' target executions edges inputs 'CPU minutes' findings)

for target in "$@"; do
    corpus=build/fuzz/corpus/$target findings=build/fuzz/findings/$target log=build/fuzz/$target.log
    mkdir -p "$corpus" "$findings"
    : >"$log"
    end=$((SECONDS + seconds)) executions=0
    before=$(find "$findings" -type f | wc -l)
    TIMEFORMAT='%U %S'
    cpu=$({ time while [ $SECONDS -lt $end ]; do
        nice -n 19 "build/fuzz/$target" -max_total_time=$((end - SECONDS)) -timeout=300 -report_slow_units=300 -rss_limit_mb=2500 -print_final_stats=1 \
            -artifact_prefix="$findings/" "$corpus" "tests/fuzz/corpus/$target" >>"$log" 2>&1 || sleep 1
    done; } 2>&1)
    executions=$(awk '/stat::number_of_executed_units/ { n += $2 } END { print n + 0 }' "$log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | sort -n | tail -1)
    found=$(($(find "$findings" -type f | wc -l) - before))
    [ $found -gt 0 ] && found_any=1
    minutes=$(awk '{ printf "%.1f", ($1 + $2) / 60 }' <<<"$cpu")
    table+=$'\n'$(printf '%-10s %14d %8d %8d %12s %9d' "$target" "$executions" "${edges:-0}" "$(find "$corpus" -type f | wc -l)" "$minutes" $found)
    tail -1 <<<"$table"
done
echo
echo "$table"
exit $found_any
