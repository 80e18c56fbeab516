import { render } from 'preact';
import { App } from './app';
import { goLive } from './live';
import { applyTheme } from './theme';
import { takeTokenFromAddress } from './token';

applyTheme();
takeTokenFromAddress();
goLive();
const root = document.getElementById('app');
if (root) render(<App />, root);
