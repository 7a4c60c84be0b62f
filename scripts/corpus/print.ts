/** The summary of a corpus as text: confusion matrices, and how many of each label and family were right. */
import { type Outcome, type Summary } from './run.ts';

export function report(outcomes: readonly Outcome[], summary: Summary): string {
  const byLabel = tally(outcomes, ({ one }) => one.label);
  const byFamily = tally(outcomes, ({ one }) => one.name);
  return [
    'While it is open (label x answer; ? = merely possible)',
    ...matrix(outcomes, ({ verdict }) => verdict.open),
    '',
    'In the end',
    ...matrix(outcomes, ({ verdict }) => verdict.end),
    '',
    'Right, by label',
    ...byLabel.map(line),
    '',
    'Right, by family',
    ...byFamily.map(line),
    '',
    `look-alikes ${summary.lookAlikes}`,
    `unknowable ${summary.unknowable}`,
    `right ${summary.right}/${summary.cases} ${summary.rightPercent} %`,
    `confident wrong ${summary.confidentWrong}`,
    JSON.stringify(summary),
  ].join('\n');
}

function matrix(outcomes: readonly Outcome[], answerOf: (outcome: Outcome) => string): readonly string[] {
  const labels = [...new Set(outcomes.map(({ one }) => one.label))].sort();
  return labels.map((label) => {
    const cells = new Map<string, number>();
    for (const outcome of outcomes) {
      if (outcome.one.label !== label) continue;
      cells.set(answerOf(outcome), (cells.get(answerOf(outcome)) ?? 0) + 1);
    }
    const text = [...cells]
      .sort((left, right) => right[1] - left[1])
      .map(([cell, times]) => `${cell} ${times}`);
    return `  ${label.padEnd(20)} ${text.join(', ')}`;
  });
}

type Tally = readonly [name: string, right: number, all: number];

function tally(outcomes: readonly Outcome[], nameOf: (outcome: Outcome) => string): readonly Tally[] {
  return [...Map.groupBy(outcomes, nameOf)]
    .map(([name, rows]): Tally => [name, rows.filter((row) => row.verdict.isRight).length, rows.length])
    .sort((left, right) => (left[0] < right[0] ? -1 : 1));
}

function line([name, right, all]: Tally): string {
  return `  ${name.padEnd(26)} ${right}/${all}`;
}
