#!/usr/bin/env bash
# Installs those of these packages that are not installed, as root on Debian or Ubuntu. An archive that does not answer
# and another apt at work are waited for; what an installation that failed has left half done is finished first, as it
# stands in the way of every other. usage: apt-install.sh PACKAGE…
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
patient=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

missing() {  # `dpkg --status` takes what is unpacked and not configured, or removed but for its settings, for installed
    local package
    for package; do
        [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}
install() {
    if [ -n "$(dpkg --audit)" ]; then
        echo "packages are half installed: finishing that first" >&2
        dpkg --configure -a || true  # what cannot be finished may be mended by what is installed now
    fi
    apt-get update -q "${patient[@]}" && apt-get install -y -q --no-install-recommends "${patient[@]}" "$@"
}

for pause_s in 10 60 0; do
    mapfile -t wanted < <(missing "$@")
    if [ ${#wanted[@]} -eq 0 ]; then exit 0; fi
    if install "${wanted[@]}" >"$log" 2>&1; then exit 0; fi
    echo "apt could not install ${wanted[*]}:" >&2
    grep -E -A1 '^(E|Err[^ ]*|W|dpkg|dpkg-deb):? ' "$log" | tail -12 >&2 || tail -5 "$log" >&2
    sleep "$pause_s"
done
# Whatever could not be installed, the rest is to be usable.
dpkg --configure -a >/dev/null 2>&1 || true
exit 1
