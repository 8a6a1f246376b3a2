#!/usr/bin/env bash
# Judges the newest telemetry of an application: parse_events | analyze_events | eval_runner.
#
#   scripts/run_eval.sh --baseline baselines/librarian_v1.0.0.json
#   scripts/run_eval.sh --save-baseline baselines/new.json --app-name my_app
#   scripts/run_eval.sh --frames recorded.frames -- --baseline baselines/librarian_v1.0.0.json
#
# All options go to eval_runner; where there is a `--`, those before it go to parse_events. Programs are taken from the folder
# QUIPU_BIN if it is set, else from the path, else they are built. The exit code is that of eval_runner: 0 passed, 1 failed,
# 2 wrong usage, 3 could not judge. Where a program before it fails nothing is judged or saved, and the code is 2 or 3.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
programs=(parse_events analyze_events eval_runner)

parse_options=()
for option in "$@"; do
    if [[ $option == -- ]]; then
        while [[ $1 != -- ]]; do
            parse_options+=("$1")
            shift
        done
        shift
        break
    fi
done

# Each one: `command -v a b` is content with any of them.
are_on_path() {
    local program
    for program in "${programs[@]}"; do
        command -v "$program" > /dev/null || return 1
    done
}

if [[ -n ${QUIPU_BIN-} ]]; then
    bin=$QUIPU_BIN/
elif are_on_path; then
    bin=
else
    cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p quipu-repl \
        --bin parse_events --bin analyze_events --bin eval_runner || exit 3
    bin=${CARGO_TARGET_DIR:-$root/target}/release/
fi

folder=$(mktemp -d) || exit 3
trap 'rm -rf "$folder"' EXIT

# Without input eval_runner could not judge, and says so by 3. All else it says of the options alone, such as that one is wrong:
# then Kafka need not be read for it.
"${bin}eval_runner" "$@" < /dev/null > "$folder/out" 2> "$folder/err"
code=$?
if ((code != 3)); then
    cat "$folder/out"
    cat "$folder/err" >&2
    exit "$code"
fi

# Kept until both have ended well: half of the telemetry is neither judged nor saved as a baseline.
"${bin}parse_events" ${parse_options[@]+"${parse_options[@]}"} |
    "${bin}analyze_events" --format json > "$folder/analytics.json"
codes=("${PIPESTATUS[@]}")
if ((codes[0] != 0 || codes[1] != 0)); then
    echo "run_eval: parse_events ended with ${codes[0]} and analyze_events with ${codes[1]}, so nothing was judged" >&2
    exit $((codes[0] == 2 ? 2 : 3))
fi

"${bin}eval_runner" "$@" < "$folder/analytics.json"
