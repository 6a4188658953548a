# What a step of the workload runs: writes its start and its end into the ledger, and in between
# takes its time. `sh step.sh SECONDS FAILING`; FAILING is 1 if the first try is to fail. Without
# arguments it only takes note of those that are gone.
#
# The ledger is the order of its lines. Whoever writes holds `mutex`. Each process holds the lock of
# a file in `alive` while it, or anything that it has started, lives; the kernel frees it however
# they end. Before anybody writes `start`, whoever is found dead is written down as `gone`: so what
# stands between a start and its end did live together, whatever was killed, and by no clock.
folder=$(dirname "$0")
ledger=$folder/ledger
self="$POINTSMAN_RUN_ID $POINTSMAN_STEP $POINTSMAN_ATTEMPT $POINTSMAN_TRY $$"
is_started=no

sweep() {
    for file in "$folder"/alive/*; do
        if [ -e "$file" ] && flock --nonblock "$file" true; then
            echo "gone $(basename "$file" | tr , ' ')" >> "$ledger"
            rm "$file"
        fi
    done
}

finish() {
    trap '' TERM
    [ "$is_started" = yes ] || exit "$1"
    exec 9>> "$folder/mutex"
    flock 9
    echo "end $self $1" >> "$ledger"
    rm "$own"
    exit "$1"
}

exec 9>> "$folder/mutex"
flock 9
sweep
[ $# -gt 0 ] || exit 0
own="$folder/alive/$(echo "$self" | tr ' ' ,)"
trap 'finish 143' TERM
# Standard input, because the kernel closes it first: whoever sees any other lock of a dead process
# free sees this one free too.
exec 0> "$own"
flock 0
echo "start $self" >> "$ledger"
is_started=yes
exec 9>&-
sleep "$1"
if [ "$2" = 1 ] && [ "$POINTSMAN_TRY" = 1 ]; then
    finish 1
fi
finish 0
