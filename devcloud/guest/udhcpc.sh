#!/bin/sh
# Called by udhcpc; classless routes (option 121) replace the router option.
case "$1" in
    bound | renew)
        ip addr flush dev "$interface"
        ip addr add "$ip/${mask:-24}" dev "$interface"
        if [ -n "$staticroutes" ]; then
            set -- $staticroutes
            while [ $# -ge 2 ]; do
                case "$1" in 0.0.0.0/0) target=default ;; *) target=$1 ;; esac
                case "$2" in
                    0.0.0.0) ip route add "$target" dev "$interface" ;;
                    *) ip route add "$target" via "$2" dev "$interface" ;;
                esac
                shift 2
            done
        elif [ -n "$router" ]; then
            ip route add default via "${router%% *}" dev "$interface"
        fi
        ;;
esac
exit 0
