import { render } from 'preact';
import { App } from './app';
import { goLive } from './live';
import { followTheme } from './theme';
import { takeTokenFromAddress } from './token';

followTheme();
takeTokenFromAddress();
goLive();
const root = document.getElementById('app');
if (root) render(<App />, root);
