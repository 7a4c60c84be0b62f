/** The words of a vector for choices of the wash layer. */
import { type WashPolicy } from '../../src/book/wash.ts';

export const WASH_POLICIES: Readonly<Record<string, Partial<WashPolicy>>> = {
  adlr: { sameMoment: 'as_group', ancestors: 'not_eligible' },
  bb: { sameMoment: 'in_turn', ancestors: 'not_eligible', restOfCut: 'last' },
  regulation: {},
};
export const SPLIT_ROUNDING = { none: 'exact', cent_each_piece: 'cent_each_piece' } as const;
