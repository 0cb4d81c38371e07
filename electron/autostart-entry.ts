/** A freedesktop autostart entry. The path is quoted as the Desktop Entry specification says: a space or a percent sign in it is ordinary. */
export function autostartEntry(executable: string): string {
  const quoted = `"${executable
    .replace(/(["`$\\])/g, '\\$1')
    .replaceAll('\\', '\\\\')
    .replaceAll('%', '%%')}"`;
  return `[Desktop Entry]
Type=Application
Name=Gatehouse
Comment=Governed MCP access for the agents on this machine
Exec=${quoted} --hidden
Terminal=false
NoDisplay=true
X-GNOME-Autostart-enabled=true
`;
}
