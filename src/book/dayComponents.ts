/** The lines of the day proof, each worked out from its own source: kinds of activities, closures, lots and marks. */
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Day } from './dayFacts.ts';
import { feesOf, flowsOf, incomeOf, lineOf } from './dayMoney.ts';
import { type DayComponents, type DayFacts, type Doubt } from './dayProof.ts';
import { realizedOf, transfersOf, unknownBasisOf, unrealizedChangeOf } from './daySecurities.ts';

export interface WorkedOutDay {
  readonly components: DayComponents;
  readonly doubts: readonly Doubt[];
  readonly unknownBasis: readonly InstrumentId[];
}

export function dayComponents(facts: DayFacts): WorkedOutDay {
  const doubts: Doubt[] = [];
  const day: Day = {
    facts,
    activities: facts.activities.filter(({ status }) => status === 'ok'),
    closures: facts.closures.filter(({ currency }) => currency === facts.currency),
    doubt: (component, reason, instrument = null) => {
      doubts.push({ component, instrument, reason });
      return null;
    },
  };
  const transfers = transfersOf(day);
  const unsure = new Map((facts.unsure ?? []).map((row) => [lineOf(row), row]));
  const sure = (line: 'flows' | 'income' | 'fees', value: Decimal | null): Decimal | null => {
    const row = unsure.get(line);
    return row === undefined ? value : day.doubt(line, 'which_day', row.instrument?.id ?? null);
  };
  const components: DayComponents = {
    startEquity: startOf(day),
    flows: sure('flows', flowsOf(day)),
    transfers: transfers.value,
    realized: realizedOf(day),
    unrealizedChange: unrealizedChangeOf(day, transfers),
    income: sure('income', incomeOf(day)),
    fees: sure('fees', feesOf(day)),
    fx: facts.fx === undefined ? Decimal.zero : (facts.fx ?? day.doubt('fx', 'no_rate')),
    corrections:
      facts.corrections === undefined
        ? Decimal.zero
        : (facts.corrections ?? day.doubt('corrections', 'corrected_unseen')),
    endEquity: facts.end.equity ?? day.doubt('endEquity', 'not_stated'),
  };
  return { components, doubts, unknownBasis: unknownBasisOf(day) };
}

function startOf({ facts, doubt }: Day): Decimal | null {
  return facts.before === null ? Decimal.zero : (facts.before.equity ?? doubt('startEquity', 'not_stated'));
}
