import { toErrorValue } from '../base/errors.ts';
import type { View } from '../contract/view.ts';
import type { AppState } from './app-state.ts';
import { serverRow } from './rows.ts';

const iso = (at: number): string => new Date(at).toISOString();

/** All that a window shows without asking. Built anew each time it is sent, so that it cannot be out of date. */
export function buildView(house: AppState): View {
  const { host, ledger, rules } = house;
  const today = ledger.today();
  const last = ledger.list({ limit: 1 }).items[0];
  const { records, uploaded } = ledger.counts();
  const ledgerError = ledger.error();
  return {
    app: { name: 'Gatehouse', version: host.appVersion, shell: host.shell, vault: host.vault.kind, dataDir: host.dataDir },
    identity: identityOf(house),
    company: companyOf(house),
    bundle: bundleOf(house),
    gateway: gatewayOf(house),
    servers: rules ? rules.bundle.servers.map((entry) => serverRow(house, entry, today.byServer[entry.id] ?? 0)) : [],
    agents: house.agents.list().map((agent) => {
      const config = agent.revokedAt === undefined ? house.connections.configOf(agent.name) : undefined;
      const sessions = house.gateway?.openOf(agent.name) ?? 0;
      return { ...agent, sessions, callsToday: today.byAgent[agent.name] ?? 0, ...(config ? { config } : {}) };
    }),
    consents: house.authorization.pending(),
    today: { calls: today.calls, denied: today.denied, errors: today.errors },
    ...(last ? { lastCall: last } : {}),
    ledger: { records, uploaded, ...(ledgerError ? { error: ledgerError } : {}) },
  };
}

export function gatewayOf({ gateway, gatewayError, port }: AppState): View['gateway'] {
  if (gateway && port) {
    const { on, ...told } = port.state();
    return on ? { state: 'on', url: gateway.url, ...told } : { state: 'failed', ...told };
  }
  return { state: gatewayError ? 'failed' : 'off', ...(gatewayError ? { error: gatewayError } : {}) };
}

/** The groups shown are those of the signed bundle, by which calls are decided. Until there is one, they are those from the token's claims. */
function identityOf(house: AppState): View['identity'] {
  const identity = house.identity?.state() ?? { state: house.settings.central === undefined ? 'signed-out' : 'starting' };
  const groups = house.rules?.bundle.groups;
  return identity.person && groups ? { ...identity, person: { ...identity.person, groups } } : identity;
}

function companyOf(house: AppState): View['company'] {
  const { central } = house.settings;
  if (central === undefined) return { state: 'unconfigured' };
  const company = house.bootstrap?.company;
  const named = {
    central,
    ...(company ? { name: company.name } : {}),
    ...(company?.supportUrl === undefined ? {} : { supportUrl: company.supportUrl }),
  };
  if (!house.company)
    return house.bootstrapError ? { state: 'offline', error: house.bootstrapError, ...named } : { state: 'connecting', ...named };
  const { state, error, lastContactAt } = house.company.contact();
  return { state, ...named, ...(error ? { error } : {}), ...(lastContactAt === undefined ? {} : { lastContactAt: iso(lastContactAt) }) };
}

function bundleOf(house: AppState): View['bundle'] {
  const { state, bundle, error } = house.company?.bundle() ?? { state: 'none' as const };
  if (house.lock) return { state: 'refused', ...(bundle ? { version: bundle.version } : {}), error: house.lock };
  const shown = error === undefined ? {} : { error: 'code' in error ? error : toErrorValue(error) };
  if (!bundle) return { state, ...shown };
  const { version, issuedAt, staleAfter, notAfter } = bundle;
  return { state, version, issuedAt, staleAfter, notAfter, ...shown };
}
