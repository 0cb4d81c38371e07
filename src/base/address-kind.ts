import { BlockList, isIP } from 'node:net';

/**
 * Who can be reached at an IP address: everybody (`public`), the company's network (`private`), this machine (`loopback`), or something that a URL from
 * outside must never lead to (`never`): link-local addresses, where clouds hand out credentials, multicast, and addresses that stand for others.
 */
export type AddressKind = (typeof kindNames)[number];

/** From the most open to what is never reached. */
export const kindNames = ['public', 'private', 'loopback', 'never'] as const;
const order: readonly AddressKind[] = kindNames;

/** Whether a place that is `kind` may be reached from one that is `most`: the other way round it would be a way in. */
export const within = (kind: AddressKind, most: AddressKind): boolean => kind !== 'never' && order.indexOf(kind) <= order.indexOf(most);

// IANA special-purpose address registries (RFC 6890), IPv4 and IPv6.
const lists: [AddressKind, string[]][] = [
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', '198.18.0.0/15']],
  [
    'never',
    [
      '0.0.0.0/8',
      '169.254.0.0/16',
      '192.0.0.0/24',
      '192.0.2.0/24',
      '192.88.99.0/24',
      '198.51.100.0/24',
      '203.0.113.0/24',
      '224.0.0.0/3',
      '::/128',
      '64:ff9b:1::/48',
      '100::/64',
      '2001::/23',
      '2001:db8::/32',
      '2002::/16',
      '3fff::/20',
      'fe80::/10',
      'fec0::/10',
      'ff00::/8',
    ],
  ],
];

const blocks = lists.map(([kind, ranges]): [AddressKind, BlockList] => {
  const list = new BlockList();
  for (const range of ranges) {
    const [network, bits] = range.split('/') as [string, string];
    list.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4');
  }
  return [kind, list];
});

/** Of IPv6, only this is given out to the internet (RFC 4291 section 2.4): whatever else there comes to be is not public before we know of it. */
const unicast = new BlockList();
unicast.addSubnet('2000::', 3, 'ipv6');

/** Of an address in any spelling that Node's parser takes; what is no address is `never`. */
export function kindOf(address: string): AddressKind {
  const bare = address.startsWith('[') ? address.slice(1, -1) : address;
  const family = isIP(bare);
  if (family === 0) return 'never';
  if (family === 6) {
    const inner = embedded(bare);
    if (inner !== undefined) return kindOf(inner);
  }
  for (const [kind, list] of blocks) if (list.check(bare, family === 6 ? 'ipv6' : 'ipv4')) return kind;
  return family === 4 || unicast.check(bare, 'ipv6') ? 'public' : 'never';
}

/** The IPv4 address that an IPv6 one stands for: mapped (RFC 4291 section 2.5.5), or translated (RFC 2765, RFC 6052). */
function embedded(address: string): string | undefined {
  const host = URL.parse(`http://[${address.split('%')[0]}]/`)?.hostname.slice(1, -1) ?? '';
  const match = /^(?:::ffff:(?:0:)?|64:ff9b::|::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (!match) return /^64:ff9b::[0-9a-f]{0,4}$/.test(host) ? '0.0.0.0' : undefined;
  const [high, low] = [Number.parseInt(match[1]!, 16), Number.parseInt(match[2]!, 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
