#!/bin/sh
# Create the root file system of an image with the given programs and without a shell, from the
# Debian packages installed where this script runs.
#
#   bare-root.sh TARGET PROGRAM... -- PACKAGE...
#
# TARGET receives the files of the packages and of their dependencies. Packages are copied whole, with
# dpkg's records of them, so that vulnerability scanners find correct records. The exceptions are
# /usr/bin and /usr/sbin, of which only the named PROGRAMs are copied.
set -eu

target=$1
shift
programs=
while [ "$1" != -- ]; do
    programs="$programs $1 $(readlink -f "$1")" # a name may be a link
    shift
done
shift

# Dependencies that are needed only for installation and setup, and OpenSSL's legacy ciphers. Essential
# packages (shell, coreutils, dpkg, …) are left out too.
left_out='adduser apt debconf mawk openssl-provider-legacy passwd'

closure() {
    dpkg-query --show --showformat \
        '${Package}\t${Essential}\t${Provides}\t${Pre-Depends}, ${Depends}\n' |
    awk -F '\t' -v wanted="base-files $*" -v left_out="$left_out" '
        # Remove versions and architectures from a list of relations.
        function bare(relations) { gsub(/\([^)]*\)|:[a-z0-9]+|[ \t]/, "", relations); return relations }
        function fail(message) { print "bare-root: " message > "/dev/stderr"; failed = 1; exit 1 }
        # Return the installed package for one of the alternatives.
        function installed(group,    i, count, names) {
            count = split(group, names, "|")
            for (i = 1; i <= count; i++) {
                if (names[i] in depends) return names[i]
                if (names[i] in provider) return provider[names[i]]
            }
            fail("no installed package provides " group)
        }
        function add(name) { if (!(name in seen)) { seen[name] = 1; queue[++last] = name } }

        $2 == "yes" { skipped[$1] = 1 }
        {
            depends[$1] = bare($4)
            count = split(bare($3), names, ",")
            for (i = 1; i <= count; i++) provider[names[i]] = $1
        }
        END {
            count = split(left_out, names, " ")
            for (i = 1; i <= count; i++) skipped[names[i]] = 1
            count = split(wanted, names, " ")
            for (i = 1; i <= count; i++) add(installed(names[i]))
            while (!failed && ++first <= last) {
                print queue[first]
                count = split(depends[queue[first]], names, ",")
                for (i = 1; i <= count; i++) {
                    if (names[i] == "") continue
                    name = installed(names[i])
                    if (!(name in skipped)) add(name)
                }
            }
        }'
}

there() { [ -e "$1" ] || [ -L "$1" ]; }

# List the files to copy. dpkg also lists directories, and files that slim images omit.
files() {
    dpkg-query --listfiles $packages | while read -r path; do
        case $path in
            '' | /. | /usr/bin/* | /usr/sbin/*) ;;
            *) if there "$path"; then echo "$path"; fi ;;
        esac
    done
    # The programs, and files that the packages' scripts have created.
    for path in $programs /etc/nsswitch.conf /etc/ssl/certs/*; do
        if there "$path"; then echo "$path"; fi
    done
}

packages=$(closure "$@")
work=$(mktemp -d)
mkdir -p "$target"
files | sort -u | sed 's|^/||' > "$work/files"
tar --create --file "$work/root.tar" --directory / --no-recursion --files-from "$work/files" \
    --owner 0 --group 0 # packages may have assigned files to other users
tar --extract --file "$work/root.tar" --directory "$target" --preserve-permissions
rm -r "$work"

records=$target/var/lib/dpkg
mkdir -p "$records/info"
dpkg-query --status $packages > "$records/status"
cp /var/lib/dpkg/info/format "$records/info/" # how the lists below are named
for name in $(dpkg-query --show --showformat '${binary:Package}\n' $packages); do
    dpkg-query --listfiles "$name" | while read -r path; do
        if there "$target$path"; then echo "$path"; fi
    done > "$records/info/$name.list"
done

cat > "$target/etc/passwd" <<END
root:x:0:0:root:/root:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
cloche:x:65532:65532:cloche:/nonexistent:/usr/sbin/nologin
END
cat > "$target/etc/group" <<END
root:x:0:
nogroup:x:65534:
cloche:x:65532:
END
