#!/usr/bin/env bash
# Two steps of a build pipeline: profile a model inside an image, then run it once more in a container of the
# recommended size and see whether that holds. The exit code says it all; see --help.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: profile-in-pipeline.sh --image IMAGE --script-dir DIR --requests PATH [flags] [-- more flags of plimsoll]

  --image IMAGE        a Plimsoll image, or one built on top of it
  --script-dir DIR     folder with score.py; it becomes /var/azureml-app. Not needed if the image holds the script
  --requests PATH      what to send: a file with one body per line, CSV, Parquet, a folder or a zip
  --entry-script NAME  the script in that folder (default: what the image says, else score.py)
  --model-dir DIR      folder with the model (default: what the image says)
  --output DIR         results of step 1; those of step 2 go to DIR/verified (default: plimsoll-profile)
  --budget TIME        quick, default, thorough or seconds (default: default)
  --cpus N             the most that step 1 may use (default: the whole machine)
  --memory SIZE        the same for memory, such as 4g
  --verify FILE        step 2 only, with this profile.json: does an older answer still hold?
  --require GRADE      what step 2 must reach: soft-verified or verified (default: soft-verified)
  --run-flag FLAG      one more flag of docker run, such as --run-flag --gpus=all; may be repeated
  --engine NAME        docker or podman (default: docker where its daemon answers, else podman)

Exit codes are those of plimsoll: 0 the recommended limits hold, 1 command line, 2 requests, 3 the script did not start,
4 rows failed, 5 a gate failed (-- --fail-if 'p99>200ms'), 6 the limits do not hold; 125 to 127 are the engine's.
TEXT
}

die() {
    echo "profile-in-pipeline.sh: error: $1 (see --help)" >&2
    exit 1
}

image= script_dir= requests= entry_script= model_dir= profile= cpus= memory=
output=plimsoll-profile budget=default require=soft-verified engine= run_flags=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --) shift; break ;;
        --image | --script-dir | --requests | --entry-script | --model-dir | --output | --budget | --cpus | --memory | \
            --verify | --require | --run-flag | --engine) [ $# -ge 2 ] || die "$1 needs a value" ;;&
        --image) image=$2 ;;
        --script-dir) script_dir=$2 ;;
        --requests) requests=$2 ;;
        --entry-script) entry_script=$2 ;;
        --model-dir) model_dir=$2 ;;
        --output) output=$2 ;;
        --budget) budget=$2 ;;
        --cpus) cpus=$2 ;;
        --memory) memory=$2 ;;
        --verify) profile=$2 ;;
        --require) require=$2 ;;
        --run-flag) run_flags+=("$2") ;;
        --engine) engine=$2 ;;
        *) die "unknown argument $1" ;;
    esac
    shift 2
done
[ -n "$image" ] || die "--image is missing"
[ -n "$requests" ] || die "--requests is missing"
[ -e "$requests" ] || die "--requests $requests: no such file or folder"
[ -z "$script_dir" ] || [ -d "$script_dir" ] || die "--script-dir $script_dir: no such folder"
[ -z "$model_dir" ] || [ -d "$model_dir" ] || die "--model-dir $model_dir: no such folder"
[ -z "$profile" ] || [ -f "$profile" ] || die "--verify $profile: no such file"
if [ -z "$engine" ]; then
    if docker info >/dev/null 2>&1; then engine=docker; else engine=podman; fi
fi
command -v "$engine" >/dev/null || die "$engine is not installed"

# The results belong to whoever runs this. Where root in the container is that user (rootless Podman), it must be root.
user=$(id -u):0
if [ "$engine" = podman ] && [ "$(id -u)" -ne 0 ]; then user=0:0; fi
mkdir -p "$output/verified"
output=$(realpath "$output") requests=$(realpath "$requests")

# The image's own health check asks for a server on the image's port; here nobody serves.
run=("$engine" run --rm --no-healthcheck --user "$user"
    --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges
    --volume "$requests:/requests/$(basename "$requests"):ro" --volume "$output:/output" "${run_flags[@]}")
flags=(--profile "/requests/$(basename "$requests")" --budget "$budget")
if [ -n "$script_dir" ]; then
    run+=(--volume "$(realpath "$script_dir"):/var/azureml-app:ro")
    entry_script=${entry_script:-score.py}
fi
if [ -n "$entry_script" ]; then flags+=(--entry-script "$entry_script"); fi
if [ -n "$model_dir" ]; then
    run+=(--volume "$(realpath "$model_dir"):/model:ro")
    flags+=(--model-dir /model)
fi

if [ -z "$profile" ]; then
    echo "profile-in-pipeline.sh: step 1: profile $image" >&2
    limits=()
    if [ -n "$cpus" ]; then limits+=(--cpus "$cpus"); fi
    if [ -n "$memory" ]; then limits+=(--memory "$memory" --memory-swap "$memory"); fi
    "${run[@]}" "${limits[@]}" "$image" "${flags[@]}" --output /output "$@"
    profile=$output/profile.json
elif [ ! "$profile" -ef "$output/profile.json" ]; then
    cp "$profile" "$output/profile.json"
fi

# The load driver runs in the same container, and `--verify` allows for it: a quarter of a core and 256 Mi on top.
read -r cpus memory < <("$engine" run --rm --no-healthcheck --interactive --entrypoint python "$image" -c '
import json, sys
recommended = json.load(sys.stdin)["recommendation"]
if not recommended["cpu"] or not recommended["memory"]:
    sys.exit("the profile holds no recommendation")
# A container knows no request, only a quota: the limit is the number that keeps the latency.
cores, size = recommended["cpu"]["limitCores"], recommended["memory"]["limitBytes"]
print(f"{cores + 0.25:.2f}", (size >> 20) + 256)' <"$profile") || die "$profile: no recommendation can be read from it"
# Docker refuses more CPUs than the machine has.
cpus=$(awk -v wanted="$cpus" -v most="$(nproc)" 'BEGIN { print wanted < most ? wanted : most }')
echo "profile-in-pipeline.sh: step 2: run it with --cpus $cpus --memory ${memory}m" >&2
status=0
"${run[@]}" --cpus "$cpus" --memory "${memory}m" --memory-swap "${memory}m" "$image" "${flags[@]}" \
    --verify /output/profile.json --output /output/verified --require "$require" "$@" || status=$?
if [ "$status" -eq 0 ]; then
    echo "profile-in-pipeline.sh: the recommended limits hold" >&2
else
    echo "profile-in-pipeline.sh: the recommended limits do not hold: exit code $status, see $output/verified" >&2
fi
exit "$status"
