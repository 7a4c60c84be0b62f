/** What the disk and the database do wrong at the moment, whichever process asks. */

/** Errors of SQLite as `node:sqlite` throws them. */
export function sqliteError(errcode: number, message: string): Error {
  return Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode, errstr: message });
}

export type DiskTrouble = 'busy' | 'full' | 'write-error' | 'fsync-error' | 'readonly' | 'lost-connection';

export class Disk {
  readonly #active = new Map<DiskTrouble, number>();
  /** Counts every trouble that met a statement. */
  readonly onTrouble: (trouble: DiskTrouble) => void;

  constructor(onTrouble: (trouble: DiskTrouble) => void) {
    this.onTrouble = onTrouble;
  }

  begin(trouble: DiskTrouble): void {
    this.#active.set(trouble, (this.#active.get(trouble) ?? 0) + 1);
  }

  end(trouble: DiskTrouble): void {
    const left = (this.#active.get(trouble) ?? 1) - 1;
    if (left <= 0) this.#active.delete(trouble);
    else this.#active.set(trouble, left);
  }

  clear(): void {
    this.#active.clear();
  }

  /** Whether the trouble is there; counts it. */
  meets(trouble: DiskTrouble): boolean {
    if (!this.#active.has(trouble)) return false;
    this.onTrouble(trouble);
    return true;
  }
}
