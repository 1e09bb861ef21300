#!/usr/bin/env bash
# Installs a package on a bare Debian (debootstrap's minbase, below build/bare), uses it as a reader of the README would, removes it, and finds nothing
# left of it: bare_debian.sh PACKAGE.deb. Needs root and the network; not part of the suite.
. "$(dirname "$0")/testing.sh"
[ "$(id -u)" -eq 0 ] || { skip 'a bare Debian' 'only root can make one'; finish; }
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
base=build/bare-$release R=$WORK/root
if [ ! -e "$base/etc/debian_version" ]; then
    rm -rf "$base"
    debootstrap --variant=minbase "$release" "$base" "${MIRROR:-http://deb.debian.org/debian}" >"$base.log" 2>&1 || { tail -5 "$base.log"; exit 1; }
fi
cp -a "$base" "$R"
cp /etc/resolv.conf "$R/etc/"
cp "$1" "$R/root/bmixed.deb"
inside() { chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
# All files but those that apt and dpkg keep for themselves.
files() { (cd "$R" && find . -xdev ! -type d ! -path './var/lib/dpkg/*' ! -path './var/lib/apt/*' ! -path './var/cache/*' ! -path './var/log/*' \
    ! -path './root/*' ! -path './tmp/*' ! -path './dev/*' ! -path './etc/ld.so.cache' ! -path './etc/alternatives/*' ! -path './var/lib/systemd/*' | sort); }

run inside apt-get -qq update
it 'a bare Debian with its list of packages' exits 0
files >"$WORK/before"
it 'it knows nothing of bmixed' eval '! inside bmixed --version && ! grep -q bmixed "$WORK/before"'
run inside apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends /root/bmixed.deb
it 'apt installs the package and what it depends on' exits 0
run inside bmixed --version
it 'bmixed --version' eval 'exits 0 && silent'
run inside ldd /usr/bin/bmixed
it 'every library is found' eval 'exits 0 && ! prints "not found"'
run inside sh -c 'cd /root && bmixed fit "Reaction ~ Days + (Days | Subject)" /usr/share/bmixed/examples/sleepstudy/sleepstudy.csv -o sleep -q'
it 'it fits the first example' eval 'exits 0 && silent && prints b_Days && [ -s "$R/root/sleep/draws.csv" ]'
run inside bmixed reml 'Reaction ~ factor(Subject) + factor(Days) + (Days | Subject)' /usr/share/bmixed/examples/sleepstudy/sleepstudy.csv -q
it 'it fits a model that needs OpenBLAS' eval 'exits 0 && prints "factor(Subject)"'
run inside sh -c 'cd /root && bmixed report sleep -q && bmixed diagnose sleep'
it 'it judges and reports it' eval 'exits 0 && prints "Nothing speaks against" && [ -s "$R/root/sleep/report.html" ]'
run inside sh -c 'cd /root && bmixed plot sleep'
it 'without the recommended gnuplot, plot says what to install' refuses 1 'apt-get install gnuplot-nox'
run inside ldconfig -p
it 'the dynamic linker knows the library' prints libbmixed.so.0
run inside apt-get -qq -o Dpkg::Use-Pty=0 purge -y bmixed
it 'apt purges it' exits 0
run inside apt-get -qq -o Dpkg::Use-Pty=0 autoremove --purge -y
it 'and what came with it' exits 0
files >"$WORK/after"
it 'no file is left that was not there before' eval '[ -z "$(comm -13 "$WORK/before" "$WORK/after")" ] || { comm -13 "$WORK/before" "$WORK/after"; false; }'
it 'and none is missing' eval '[ -z "$(comm -23 "$WORK/before" "$WORK/after")" ] || { comm -23 "$WORK/before" "$WORK/after"; false; }'
it 'the dynamic linker has forgotten the library' eval '! inside ldconfig -p | grep libbmixed'
finish
