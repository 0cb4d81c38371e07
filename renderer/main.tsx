import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { openCarrier } from './carrier.ts';
import { tick } from './parts/time.tsx';
import { useWindow } from './store.ts';
import './theme.css';

const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);

const gatehouse = await openCarrier((link) => useWindow.setState({ link }));
useWindow.setState({ call: gatehouse.call });
gatehouse.watch((view) => {
  tick();
  useWindow.setState({ view, link: 'live' });
});
