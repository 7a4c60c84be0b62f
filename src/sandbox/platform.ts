/**
 * The only place where the sandbox meets the machine: its time, its timers and its environment. Everything else in
 * this room is handed a `SandboxClock`, so a simulated month runs in a test in milliseconds.
 */

/** The machine's wall clock in milliseconds since 1970. */
export function machineNowMs(): number {
  return Date.now();
}

/** Calls `work` after `ms` of machine time. Never keeps the process alive. */
export function machineTimer(ms: number, work: () => void): void {
  setTimeout(work, ms).unref();
}

/** Calls `work` every `ms` of machine time until the answer is called. Never keeps the process alive. */
export function machineInterval(ms: number, work: () => void): () => void {
  const timer = setInterval(work, ms);
  timer.unref();
  return () => clearInterval(timer);
}

/** A variable of the process's environment; null where it is unset or empty. */
export function environmentValue(name: string): string | null {
  const value = process.env[name];
  return value === undefined || value === '' ? null : value;
}
