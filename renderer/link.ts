/** How the window stands to the program behind it. `locked`: this browser has no right to it (no or an old launch token). */
export type Link = 'connecting' | 'live' | 'lost' | 'locked';
