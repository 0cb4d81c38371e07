// The bench's figures as Markdown.
const ratio = (mine, floor) => `${(mine / floor).toFixed(2)}x`;

function callTable(calls) {
  const rows = [];
  for (const [sessions, byName] of Object.entries(calls)) {
    const floor = byName['bare proxy'];
    for (const [name, m] of Object.entries(byName)) {
      const of = (key) => `${m[key]} (${ratio(m[key], floor[key])})`;
      rows.push(`| ${sessions} | ${name} | ${of('p50_ms')} | ${of('p99_ms')} | ${of('cpu_us_per_call')} | ${of('per_s')} |`);
    }
  }
  return `| sessions | path | p50 ms | p99 ms | CPU us per call | calls per s |\n|---|---|---|---|---|---|\n${rows.join('\n')}`;
}

function targets({ calls, large, streams, list, slow, idle, memory, wide, startUp, firstList, restart, policy, results, exchange }) {
  const [proxy, mine, sdk] = ['bare proxy', 'Gatehouse', 'SDK gateway'].map((name) => ({ one: calls[1][name], many: calls[32][name] }));
  const rows = [];
  const row = (label, value, unit, bound, least = false) =>
    rows.push(
      `| ${label} | ${value}${unit} | ${least ? 'at least' : 'at most'} ${bound}${unit} | ${(least ? value >= bound : value <= bound) ? 'yes' : '**no**'} |`,
    );
  const against = (a, b) => Number((a / b).toFixed(2));
  row('`tools/call` p50, 1 session, to the bare proxy', against(mine.one.p50_ms, proxy.one.p50_ms), 'x', 1.6);
  row('`tools/call` p99, 1 session', against(mine.one.p99_ms, proxy.one.p99_ms), 'x', 2);
  row('CPU per call, 1 session', against(mine.one.cpu_us_per_call, proxy.one.cpu_us_per_call), 'x', 2);
  row('CPU per call, 32 sessions', against(mine.many.cpu_us_per_call, proxy.many.cpu_us_per_call), 'x', 2);
  row('calls per second, 32 sessions', against(mine.many.per_s, proxy.many.per_s), 'x', 0.6, true);
  row(
    "CPU per call of the SDK's gateway, to ours, 32 sessions",
    against(sdk.many.cpu_us_per_call, mine.many.cpu_us_per_call),
    'x',
    4,
    true,
  );
  row("p50 of the SDK's gateway, to ours, 1 session", against(sdk.one.p50_ms, mine.one.p50_ms), 'x', 4, true);
  row('CPU per call with a cached exchanged token, to the same without', against(exchange.exchanged, exchange.none), 'x', 1.05);
  row('results of 1 MB, throughput to the bare proxy', against(large.Gatehouse.per_s, large['bare proxy'].per_s), 'x', 0.7, true);
  row('a result of 1 MB read and sent on as it came, to written anew', against(results.asItCame, results.anew), 'x', 0.7);
  // Few long calls: their median time says more than the rounded rate.
  row('streams of 10,000 events, throughput', against(streams['bare proxy'].p50_ms, streams.Gatehouse.p50_ms), 'x', 0.7, true);
  row('growth while an agent does not read 80 MB', slow.most - slow.before, ' MB', 32);
  row('`tools/list` of 1,000 tools, p50', list.p50_ms, ' ms', 30);
  row('`tools/list` of 2,000 tools, 50 servers, 5,000 rules: slowest of three first ones', Math.max(...wide.cold), ' ms', 100);
  row('the same, repeated, p50', wide.next.p50_ms, ' ms', 5);
  row('a search over them, repeated, p50', wide.search.p50, ' ms', 10);
  row('a decision at 5,000 rules, p50', policy.sizes[5000].oneToolUs.p50, ' us', 60);
  row('the arguments of a typical tool checked against its schema, p50', policy.checkUs.p50, ' us', 15);
  row('an idle session', idle.kbEach, ' KB', 100);
  row(`${idle.count} idle sessions`, idle.percentOfCore, ' % of a core', 1);
  row('resident memory after 100,000 calls', memory.at(-1), ' MB', 200);
  row('`gatehouse serve` to ready', startUp, ' ms', 1500);
  row('from start to the first `tools/list` of 2,000 tools, 50 servers, none contacted', firstList, ' ms', 600);
  row('a restart: from SIGTERM, with a stream open, to the end of the process', restart.leave, ' ms', 500);
  row('from there to the first `tools/list` in the session of before, 50 servers', restart.answer, ' ms', 1500);
  row('the same while identity provider and central API answer nothing', restart.silent, ' ms', 1500);
  return `| what | measured | target | met |\n|---|---|---|---|\n${rows.join('\n')}`;
}

const head = ({ machine, rules, scale, loadAverage }) =>
  `Measured on ${machine}; load average of the machine ${loadAverage.join(' before, ')} after. Bearer, ${rules} rules and ledger on; medians of three rounds in turn; in brackets the ratio to the bare proxy of the same run.${scale === 1 ? '' : ' A quick run: a tenth of the work.'}`;

export const short = (figures) => `${head(figures)}\n\n${callTable(figures.calls)}\n`;

export function full(figures) {
  const { large, streams, memory, afterAll, verified, policy, wide } = figures;
  const decisions = Object.entries(policy.sizes)
    .map(
      ([size, m]) =>
        `| ${size} | ${m.oneToolUs.p50} / ${m.oneToolUs.p99} | ${m.decideUs.p50} / ${m.decideUs.p99} | ${m.ownUs.p50} / ${m.ownUs.p99} | ${m.list2000.coldMs} | ${m.list2000.warmMs} |`,
    )
    .join('\n');
  return `${head(figures)}

${callTable(figures.calls)}

Results of 1 MB (4 sessions), then streams of 10,000 progress events (2 sessions):

${callTable({ '4, 1 MB': large, '2, events': streams })}

${targets(figures)}

Resident memory at the start, after 50,000 and after 100,000 calls: ${memory.join(' / ')} MB; of the host that also carried the large results, the streams and the slow agent: ${afterAll} MB. From start to the first list under 5,000 rules: ${figures.firstListWide} ms. First lists of three agents over 50 servers: ${wide.cold.join(' / ')} ms. The first search over their tools, which makes the index: ${wide.search.first} ms; the slowest later one: ${wide.search.worst} ms. Records in the ledger afterwards: ${verified.records}, verified: ${verified.ok}.

Each decision is about other arguments. In the fourth column no two rules have the same conditions.

| rules | one decision us, p50 / p99 | over 1,000 tools us | the same, own conditions us | first list of 2,000 ms | kept list ms |
|---|---|---|---|---|---|
${decisions}
`;
}

const [begin, end] = ['<!-- bench -->', '<!-- /bench -->'];

/** Only what stands between the two marks is the bench's; the rest of the file was written by people. */
export function between(file, text, name) {
  const [from, to] = [file.indexOf(begin), file.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${name} lacks ${begin} and ${end}`);
  return `${file.slice(0, from + begin.length)}\n${text}${file.slice(to)}`;
}
