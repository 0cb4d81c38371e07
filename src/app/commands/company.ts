import { Failure } from '../../base/errors.ts';
import type { CompanyOutputs } from '../../contract/company.ts';
import type { AppState } from '../app-state.ts';
import type { Handlers } from './handlers.ts';

type Rooms = Pick<AppState, 'identity' | 'company' | 'settings'>;

export const companyHandlers: Handlers<keyof CompanyOutputs, Rooms> = {
  async 'sign-in'(house, { method }) {
    return await identity(house).signIn(method);
  },
  'sign-in-cancel'(house) {
    identity(house).cancel();
    return {};
  },
  'sign-out': (house) => identity(house).signOut(),
  async 'bundle-refresh'(house) {
    const { bundle, error } = await company(house).refresh();
    if (error) throw new Failure(error.code, error.message, error.fix);
    return bundle ? { version: bundle.version } : {};
  },
  'access-request': (house, input) =>
    company(house).postRequest({ server: input.server, reason: input.reason, ...(input.tool === undefined ? {} : { tool: input.tool }) }),
};

const wait = 'Gatehouse has not reached the company yet: see "gatehouse status".';

function identity(house: Rooms) {
  if (!house.identity)
    throw new Failure(
      'unavailable',
      house.settings.central === undefined ? 'No company is set up.' : 'The company cannot be reached.',
      house.settings.central === undefined ? 'Start with --central URL, or have IT set "central".' : wait,
    );
  return house.identity;
}

function company(house: Rooms) {
  if (!house.company) throw new Failure('unavailable', 'The company cannot be reached.', wait);
  return house.company;
}
