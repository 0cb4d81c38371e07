/** The only IPC channels there are. */
export const channels = { call: 'gatehouse:call', watch: 'gatehouse:watch', view: 'gatehouse:view' } as const;
