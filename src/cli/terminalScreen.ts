/** A terminal that is redrawn in place, on its second page, so that the first one comes back untouched. */
export interface Screen {
  /** Shows these lines from the top; what was below them is wiped. */
  draw(lines: readonly string[]): void;
  /** Back to the first page with a visible cursor. Does nothing the second time. */
  leave(): void;
}

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[2J';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const WIPE_LINE = '\u001b[K';
const WIPE_BELOW = '\u001b[J';

export function terminalScreen(output: { write(text: string): unknown } = process.stdout): Screen {
  let here = true;
  output.write(ENTER);
  return {
    draw(lines) {
      if (here) output.write(`${HOME}${lines.map((line) => `${line}${WIPE_LINE}`).join('\n')}${WIPE_BELOW}`);
    },
    leave() {
      if (here) output.write(LEAVE);
      here = false;
    },
  };
}
