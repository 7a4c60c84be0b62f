export const WANTED_STATES: readonly string[] = [];
