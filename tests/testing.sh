# testing.sh: what every shell test sources. A test is a name (a sentence) and a command that must succeed; results are TAP.
#   it NAME COMMAND...     run COMMAND; it passes if the status is 0
#   skip NAME WHY
#   run COMMAND...         sets $code, $out (standard output) and $err (standard error)
#   finish                 last line of the script
set -u
BMIXED=${BMIXED:-$PWD/build/bmixed}
TESTS=0 BAD=0
WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
out='' err='' code=0

it()
{
    local name=$1
    shift
    TESTS=$((TESTS + 1))
    if "$@" >"$WORK/.it" 2>&1; then
        echo "ok $TESTS - $name"
    else
        BAD=$((BAD + 1))
        echo "not ok $TESTS - $name"
        {
            echo "failed: $*"
            cat "$WORK/.it"
            printf 'last run: status %s\nstdout: %.2000s\nstderr: %.2000s\n' "$code" "$out" "$err"
        } | sed 's/^/#   /'
    fi
}

skip()
{
    TESTS=$((TESTS + 1))
    echo "ok $TESTS - $1 # SKIP $2"
}

run()
{
    "$@" >"$WORK/.out" 2>"$WORK/.err" </dev/null
    code=$?
    out=$(tr -d '\0' <"$WORK/.out") err=$(tr -d '\0' <"$WORK/.err")
}

exits() { [ "$code" -eq "$1" ]; }
says() { [[ $err == *"$1"* ]]; }                 # standard error contains
prints() { [[ $out == *"$1"* ]]; }               # standard output contains
silent() { [ -z "$err" ]; }
# refuses CODE TEXT: that exit code, that message, on standard error only.
refuses() { exits "$1" && says "bmixed: " && says "$2" && [ -z "$out" ]; }

finish()
{
    echo "1..$TESTS"
    [ $BAD -eq 0 ]
    exit
}
