/**
 * Which addresses stay on this machine. Plain http, the simulated clock and the sandbox's settings are allowed only
 * there (design sections 7, 9, 11), so config, egress and platform must agree on one answer.
 */

/** True for `localhost`, 127.0.0.0/8 and `::1` (with or without brackets). Names are not looked up. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/** True when the URL can be read and its host is loopback. */
export function isLoopbackUrl(url: string): boolean {
  return URL.canParse(url) && isLoopbackHost(new URL(url).hostname);
}
