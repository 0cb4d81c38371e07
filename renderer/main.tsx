import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { openCarrier } from './carrier.ts';
import { useWindow } from './store.ts';
import './theme.css';

const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);

const gatehouse = await openCarrier((link) => useWindow.setState({ link }));
useWindow.setState({ call: gatehouse.call });
gatehouse.watch((view) => useWindow.setState({ view, link: 'live' }));
