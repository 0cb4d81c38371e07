#!/bin/sh
# Runs as root after the package is unpacked. Gives Chromium's sandbox helper its set-user-id bit only where the kernel does not let
# ordinary users make namespaces; elsewhere it stays an ordinary file.
set -e
app=/opt/Gatehouse
ln -sf "$app/gatehouse" /usr/bin/gatehouse-desktop

if [ -f "$app/chrome-sandbox" ]; then
  if unshare --user --map-root-user true 2>/dev/null \
    && [ "$(cat /proc/sys/kernel/unprivileged_userns_clone 2>/dev/null || echo 1)" = 1 ] \
    && [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null || echo 0)" = 0 ]; then
    chmod 0755 "$app/chrome-sandbox"
  else
    chown root:root "$app/chrome-sandbox"
    chmod 4755 "$app/chrome-sandbox"
  fi
fi

command -v update-desktop-database >/dev/null 2>&1 && update-desktop-database -q /usr/share/applications || true
