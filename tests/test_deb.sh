#!/usr/bin/env bash
# The Debian package: its fields, its files, and dpkg installing and purging it in a directory of its own. On a bare Debian: make check-deb.
. "$(dirname "$0")/testing.sh"
if [[ ${B:-build/plain} == *address* || ${B:-} == *undefined* || ${B:-} == *thread* || ${B:-} == *clang* ]]; then
    skip 'a Debian package' 'only of the plain build'
    finish
elif ! command -v dpkg-shlibdeps >/dev/null; then
    skip 'a Debian package' 'no dpkg-dev'
    finish
fi
unset MAKEFLAGS MAKELEVEL
version=$(sed -n 's/.*BM_VERSION "\(.*\)".*/\1/p' include/bmixed.h)
deb=build/bmixed_$version-1_$(dpkg --print-architecture).deb
run make -s deb
it 'make deb builds it' eval 'exits 0 && silent && [ "$out" = "$deb" ] && [ -s "$deb" ]'
field() { dpkg-deb -f "$deb" "$1"; }
it 'it is for this architecture and of the version of the header' eval '[ "$(field Version)" = "$version-1" ] && [ "$(field Architecture)" = "$(dpkg --print-architecture)" ]'
# What ldd finds the program to load, and what the library loads, must belong to packages that it depends on, directly or by way of those.
depends_on_all()
{
    local file needed package
    mkdir -p "$WORK/x" && dpkg-deb -x "$deb" "$WORK/x" || return 1
    for file in "$WORK"/x/usr/bin/bmixed "$WORK"/x/usr/lib/*/libbmixed.so."$version"; do
        for needed in $(objdump -p "$file" | awk '$1 == "NEEDED" { print $2 }'); do
            package=$(dpkg -S "$(ldd "$file" | awk -v n="$needed" '$1 == n { print $3 }' | xargs readlink -f)" 2>/dev/null | head -1 | cut -d: -f1)
            case $package in libopenblas*) package=libopenblas0 ;; esac      # one of several that provide it
            field Depends | grep -qw -e "$package" || { echo "$needed of $package"; return 1; }
        done
    done
}
it 'it depends on the packages of all libraries that are loaded' depends_on_all
it 'everything belongs to root and is below /usr' eval '! dpkg-deb -c "$deb" | grep -v " root/root " && [ "$(ls "$WORK/x")" = usr ]'
it 'nobody else may write to it' eval '[ -z "$(find "$WORK/x" ! -type l -perm /go+w)" ]'
for f in bin/bmixed include/bmixed.h share/man/man1/bmixed.1.gz share/bash-completion/completions/bmixed share/zsh/vendor-completions/_bmixed \
    share/doc/bmixed/copyright share/doc/bmixed/changelog.gz share/bmixed/models/sleepstudy.json; do
    it "it has $f" test -s "$WORK/x/usr/$f"
done
run "$WORK/x/usr/bin/bmixed" fit "$WORK/x/usr/share/bmixed/models/sleepstudy.json" -q --draws 100
it 'its program, stripped, fits its first model' eval 'exits 0 && prints b_Days'
it 'the pkg-config file names the directory of the library' eval 'grep -q "^libdir=/usr/lib/.*linux" "$WORK"/x/usr/lib/*/pkgconfig/bmixed.pc'
cp "$deb" "$WORK/first.deb"
make -s deb >/dev/null
it 'the same source gives the same bytes' cmp "$WORK/first.deb" "$deb"
if [ "$(id -u)" -ne 0 ]; then
    skip 'dpkg installs and purges it' 'only root can'
    finish
fi
R=$WORK/root
mkdir -p "$R/var/lib/dpkg/info" "$R/var/lib/dpkg/updates" "$R/var/lib/dpkg/triggers"
touch "$R/var/lib/dpkg/status" "$R/var/lib/dpkg/available"
files() { find "$R" ! -type d ! -path "$R/var/*"; }
run dpkg --root="$R" --log=/dev/null --force-depends -i "$deb"
it 'dpkg installs it' eval 'exits 0 && [ -x "$R/usr/bin/bmixed" ]'
it 'it passes the checksums' eval '[ -z "$(dpkg --root="$R" --verify bmixed)" ]'
run dpkg --root="$R" --log=/dev/null -P bmixed
it 'and purges it: no file is left' eval 'exits 0 && [ -z "$(files)" ]'
finish
