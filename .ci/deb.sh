#!/usr/bin/env bash
# Builds build/bmixed_VERSION_ARCH.deb from what `make install` installs: deb.sh VERSION. The same source gives the same bytes.
set -euo pipefail
version=$1-1
arch=$(dpkg --print-architecture)
libdir=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root doc=$work/root/usr/share/doc/bmixed
umask 022

${MAKE:-make} -s install DESTDIR="$root" PREFIX=/usr LIBDIR="$libdir" ZSHDIR=/usr/share/zsh/vendor-completions
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/bmixed" "$root$libdir"/libbmixed.so.*.*.*
strip --strip-debug --enable-deterministic-archives "$root$libdir/libbmixed.a"
mv "$doc/CHANGELOG.md" "$doc/changelog"
rm "$doc/LICENSE"                                    # Debian has the text once for all
gzip -9n "$doc/changelog" "$root"/usr/share/man/man1/*.1
cat >"$doc/copyright" <<'TEXT'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: bmixed

Files: *
Copyright: 2026 the bmixed authors
License: GPL-3+

Files: usr/share/bmixed/examples/*
Copyright: see usr/share/bmixed/examples/README.md for the origin of every data set
License: GPL-3+

License: GPL-3+
 This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as
 published by the Free Software Foundation, either version 3 of the License, or (at your option) any later version.
 .
 On Debian systems the full text is in /usr/share/common-licenses/GPL-3.
TEXT

# What the program and the library need, as dpkg sees it; it wants a source package around it. What they load while they run, a stub is linked with.
mkdir "$work/debian"
printf 'Source: bmixed\n\nPackage: bmixed\nArchitecture: any\n' >"$work/debian/control"
cholmod=$(printf '#include <suitesparse/cholmod.h>\nCHOLMOD_MAIN_VERSION\n' | ${CC:-cc} -E -P - | tail -1)
${CC:-cc} -shared -o "$work/loaded.so" -Wl,--no-as-needed -l:libopenblas.so.0 -l:"libcholmod.so.$cholmod"
depends=$(cd "$work" && dpkg-shlibdeps -O -e"$root/usr/bin/bmixed" -e"$(echo "$root$libdir"/libbmixed.so.*.*.*)" -eloaded.so 2>"$work/warnings" \
    | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { cat "$work/warnings" >&2; exit 1; }

mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<TEXT
Package: bmixed
Version: $version
Architecture: $arch
Maintainer: ${DEBFULLNAME:-The bmixed authors} <${DEBEMAIL:-bmixed@localhost}>
Installed-Size: $(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Recommends: gnuplot-nox
Section: math
Priority: optional
Description: Bayesian mixed models from the command line
 Fits Gaussian linear mixed models with any number of nested or crossed grouping
 factors: a CSV file and a formula as in R's lme4 go in, draws from the posterior
 and a summary with honest diagnostics come out, as plain CSV and JSON.
 .
 With pictures and a report in HTML (drawn by gnuplot), the REML fit of the same
 model beside it, and a C library with header and pkg-config file.
TEXT
printf 'activate-noawait ldconfig\n' >"$root/DEBIAN/triggers"
printf 'libbmixed %s bmixed (>= %s)\n' "${1%%.*}" "$1" >"$root/DEBIAN/shlibs"
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
mkdir -p build
dpkg-deb --root-owner-group -Zxz -b "$root" build/ >/dev/null
echo "build/bmixed_${version}_$arch.deb"
