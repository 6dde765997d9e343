# bash completion for warden; made by `warden generate bash`.
_warden()
{
    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
    local first="${COMP_WORDS[1]}" second="${COMP_WORDS[2]}" words="" command
    COMPREPLY=()
    case "$first" in
    config|rules|state|dlq) command="$first $second" ;;
    *) command="$first" ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="run check demo sandbox health config rules state dlq help --help --version"
    elif [[ "$current" == -* ]]; then
    case "$command" in
    "run") words="--config --set --help" ;;
    "check") words="--config --set --offline --help" ;;
    "demo") words="--seconds --rate --serve --shards --http-port --events --config --verbose --help" ;;
    "sandbox") words="--address --port --token-file --api-key-file --faults --latency-ms --latency-max-ms --strict-objects --seed --help" ;;
    "health") words="--config --set --port --path --timeout-ms --print --help" ;;
    "config print") words="--config --set --json --help" ;;
    "config yaml") words="--help" ;;
    "config docs") words="--help" ;;
    "config schema") words="--help" ;;
    "rules lint") words="--rules --config --set --strict --deny-warnings --disable --json --sarif --junit --help" ;;
    "rules test") words="--rules --config --set --verbose --json --coverage --min-coverage --junit --watch --help" ;;
    "rules list") words="--rules --config --set --json --help" ;;
    "rules match") words="--rules --events --spans --config --set --help" ;;
    "rules explain") words="--rules --text --event --after --why-not --json --config --set --help" ;;
    "rules import") words="--from --allow --id --karma --kind --mode --output --view --help" ;;
    "rules bench") words="--rules --events --sample --rounds --top --json --config --set --help" ;;
    "rules replay") words="--rules --against --events --topic --from --to --json --html --samples --threads --quiet --config --set --help" ;;
    "rules fmt") words="--check --help" ;;
    "rules deps") words="--dot --help" ;;
    "rules build") words="--output --id --release --help" ;;
    "rules keygen") words="--secret --public --help" ;;
    "rules sign") words="--secret --password-file --help" ;;
    "rules verify") words="--key --config --set --help" ;;
    "rules install") words="--into --keep --force --key --config --set --help" ;;
    "rules pull") words="--into --keep --force --key --ca-file --config --set --help" ;;
    "rules schema") words="--help" ;;
    "rules fields") words="--help" ;;
    "state show") words="--config --set --rules --key --at --json --help" ;;
    "state reset") words="--config --set --key --help" ;;
    "state top") words="--config --set --rules --score --limit --at --help" ;;
    "state export") words="--config --set --rules --help" ;;
    "state import") words="--config --set --help" ;;
    "dlq list") words="--config --set --reason --topic --partition --key --since --until --limit --help" ;;
    "dlq show") words="--config --set --reason --topic --partition --key --since --until --limit --help" ;;
    "dlq replay") words="--config --set --reason --topic --partition --key --since --until --limit --all --to --dry-run --help" ;;
    esac
    elif [ "$COMP_CWORD" -eq 2 ]; then
    case "$first" in
    config) words="print yaml docs schema" ;;
    rules) words="lint test list match explain import bench replay fmt deps build keygen sign verify install pull schema fields" ;;
    state) words="show reset top export import" ;;
    dlq) words="list show replay" ;;
    esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    # Values of options, and operands, are files; so is what nothing above is about.
    if [ ${#COMPREPLY[@]} -eq 0 ] && [[ "$current" != -* || "$previous" == --* ]]; then
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}
complete -o filenames -F _warden warden
