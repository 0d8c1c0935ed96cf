#!/bin/sh
# The shell on the serial line. It leaves the line in its usual mode: a program at the
# other end (devcloud guest) needs whole lines and their echo, not line editing.
trap : INT
while printf '# ' && read -r line; do
    eval "$line"
done
