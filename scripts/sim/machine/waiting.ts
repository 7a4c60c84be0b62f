/** Answers of a real server that are on their way: time must not move before they are here. */
export const waiting = { answers: 0 };
