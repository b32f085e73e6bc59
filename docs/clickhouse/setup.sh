#!/bin/sh
# Makes a ClickHouse server on this machine one that Awase alone uses, and checks it.
# docs/clickhouse.md says what it does, and what stays for you to do.
#
#   setup.sh install --from ADDRESS --cert FILE --key FILE --disk DIRECTORY --password-file FILE
#   setup.sh check
#
# install puts config.d/awase.xml and users.d/awase.xml in their places, writes what
# is of this server into a file that root alone reads, restarts the server, makes the
# database and checks. The disk's key is made once and never shown: without it the
# tables can't be read, and Awase makes them anew. --root DIRECTORY: below another root,
# and nothing is started.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

die() { echo "setup.sh: $*" >&2; exit 1; }

check() {
	# The server's own words may quote a statement: what is shown is what check.sql names.
	wrong=$(clickhouse-client --secure --host "${AWASE_SERVER_NAME:-localhost}" --user default --query "$(cat "$here/check.sql")") ||
		die "the server can't be asked: clickhouse-client --secure as default, on this machine (AWASE_SERVER_NAME: the name in its certificate)"
	[ -z "$wrong" ] || { echo "$wrong" >&2; die "the server is not as it has to be"; }
	for port in 8123 9000 9004 9005 9009; do
		if command -v ss >/dev/null && ss -Hltn "sport = :$port" | grep -q .; then die "something listens without TLS on port $port"; fi
	done
	echo "all as docs/clickhouse.md says"
}

install_all() {
	root='' from='' cert='' key='' disk='' password=''
	while [ $# -gt 0 ]; do
		[ $# -ge 2 ] || die "$1 takes a value"
		case $1 in
		--root) root=$2 ;;
		--from) from=$2 ;;
		--cert) cert=$2 ;;
		--key) key=$2 ;;
		--disk) disk=$2 ;;
		--password-file) password=$2 ;;
		*) die "what is $1?" ;;
		esac
		shift 2
	done
	for v in "$from" "$cert" "$key" "$disk" "$password"; do
		[ -n "$v" ] || die "install needs --from, --cert, --key, --disk and --password-file"
	done
	case $from in */0) die "--from takes the address of the machine that runs Awase, not everybody's" ;; esac
	case $disk in /*/) ;; *) die "--disk takes a whole path that ends in /" ;; esac
	for f in "$cert" "$key" "$password"; do [ -r "$f" ] || die "$f can't be read"; done
	sum=$(tr -d '\n' <"$password" | sha256sum | cut -c1-64)
	[ "$(tr -d '\n' <"$password" | wc -c)" -ge 20 ] || die "the password has fewer than 20 characters: openssl rand -hex 24 makes one"

	umask 077
	env="$root/etc/awase/clickhouse.env"
	mkdir -p "$root/etc/awase"
	if [ -e "$env" ]; then # another key would make every table unreadable
		diskkey=$(sed -n 's/^AWASE_DISK_KEY=//p' "$env")
	else
		diskkey=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
	fi
	[ "${#diskkey}" = 64 ] || die "$env has no key of the disk"
	cat >"$env.new" <<EOF
AWASE_FROM=$from
AWASE_TLS_CERT=$cert
AWASE_TLS_KEY=$key
AWASE_DISK_PATH=$disk
AWASE_DISK_KEY=$diskkey
AWASE_PASSWORD_SHA256=$sum
EOF
	mv "$env.new" "$env"
	umask 022
	mkdir -p "$root/etc/clickhouse-server/config.d" "$root/etc/clickhouse-server/users.d" "$root/etc/systemd/system/clickhouse-server.service.d"
	cp "$here/config.d/awase.xml" "$root/etc/clickhouse-server/config.d/awase.xml"
	cp "$here/users.d/awase.xml" "$root/etc/clickhouse-server/users.d/awase.xml"
	case $(clickhouse-server --version 2>/dev/null) in # a setting that a server does not know keeps it from starting
	*" 26.3."* | *" 26.4."*) sed -i '/_external_join>/d' "$root/etc/clickhouse-server/users.d/awase.xml" ;;
	esac
	cat >"$root/etc/systemd/system/clickhouse-server.service.d/awase.conf" <<'EOF'
[Service]
EnvironmentFile=/etc/awase/clickhouse.env
LimitCORE=0
MemorySwapMax=0
EOF
	[ -z "$root" ] || return 0
	install -d -o clickhouse -g clickhouse -m 0700 "$disk"
	systemctl daemon-reload
	systemctl restart clickhouse-server
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		clickhouse-client --secure --host "${AWASE_SERVER_NAME:-localhost}" --user default --query 'CREATE DATABASE IF NOT EXISTS awase' && break
		sleep 2
	done
	check
}

case ${1-} in
install) shift; install_all "$@" ;;
check) check ;;
*) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
esac
