import { Failure } from '../../base/errors.ts';
import type { ActivityOutputs } from '../../contract/activity.ts';
import type { AppState } from '../app-state.ts';
import type { Handlers } from './handlers.ts';

type Rooms = Pick<AppState, 'ledger' | 'identity'>;

export const activityHandlers: Handlers<keyof ActivityOutputs, Rooms> = {
  'activity-list': (house, filter) => house.ledger.list(filter),
  'activity-get'(house, { seq }) {
    const record = house.ledger.get(seq);
    if (!record) throw new Failure('not-found', `There is no record ${seq}.`, 'See the records with "gatehouse ledger tail".');
    return record;
  },
  'usage-get': (house, { range, server }) => house.ledger.usage(range, server),
  'ledger-verify': (house) => house.ledger.verify(),
  'ledger-accept-loss': (house) => house.ledger.acceptLoss(house.identity?.state().person?.sub ?? ''),
  'ledger-export': (house, { format, before, limit }) => house.ledger.export(format, before, limit),
};
