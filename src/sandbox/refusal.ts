/** A call that makes no sense at the broker: its sentence is answered to the caller as 400. */
export class Refusal extends Error {}
