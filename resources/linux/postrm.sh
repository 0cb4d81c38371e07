#!/bin/sh
# Takes back what postinst.sh made. People's data folders are theirs and stay.
set -e
case "${1:-}" in
  # dpkg calls this for an upgrade too, and rpm with the number of versions that stay: the new version has just made it.
  upgrade | 1) exit 0 ;;
esac
rm -f /usr/bin/gatehouse-desktop
