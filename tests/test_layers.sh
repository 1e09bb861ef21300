#!/usr/bin/env bash
# The rooms of src/ include only the main headers of rooms above them, and base/v8.h where loops are vectors; the command line only <bmixed.h>.
. "$(dirname "$0")/testing.sh"
rooms='base data model suffstat posterior fit draws report api cli'

# includes FILE: the quoted includes of a file
includes() { sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1"; }

# Names every include of a room that its place does not allow.
room_is_clean()
{
    local room=$1 above=$2 file inc from bad=0

    for file in src/"$room"/*.[ch]; do
        [ -e "$file" ] || continue
        for inc in $(includes "$file"); do
            from=${inc%%/*}
            case $inc in
                */*) ;;
                *) [ -e "src/$room/$inc" ] && continue ;;
            esac
            [ "$from" = "$room" ] && continue
            if [ "$room" != cli ] && [[ " $above " == *" $from "* ]] && [[ $inc == "$from/$from.h" || $inc == base/v8.h ]]; then continue; fi
            echo "$file includes \"$inc\""
            bad=1
        done
    done
    return $bad
}

no_stray_room()
{
    local dir bad=0

    for dir in src/*/; do
        dir=${dir#src/}
        [[ " $rooms " == *" ${dir%/} "* ]] || { echo "src/$dir has no place in the order of rooms"; bad=1; }
    done
    return $bad
}

it 'every folder of src is a room' no_stray_room
above=''
for room in $rooms; do
    it "$room includes only rooms above it" room_is_clean "$room" "$above"
    above+=" $room"
done
finish
