import 'uplot/dist/uPlot.min.css';
import './styles/base.css';
import './styles/live.css';
import './styles/job.css';
import { render } from 'preact';
import { App } from './app';
import { applyTheme } from './model/theme';

applyTheme();
render(<App />, document.getElementById('app')!);
