// Dark or light: what the system says until the reader chooses, then what they chose.

export type Theme = 'light' | 'dark';
const KEY = 'rideflow.theme';
const system = () => window.matchMedia('(prefers-color-scheme: dark)');

function chosen(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : null;
  } catch {
    return null;
  }
}

export function currentTheme(): Theme {
  return chosen() ?? (system().matches ? 'dark' : 'light');
}

export function applyTheme(): void {
  document.documentElement.dataset['theme'] = currentTheme();
}

export function chooseTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage may be refused; the choice then lasts as long as the page.
  }
  document.documentElement.dataset['theme'] = theme;
}

export function onSystemTheme(changed: () => void): () => void {
  const query = system();
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}

/** The colour behind a custom property as canvas understands it (light-dark() is resolved by the browser). */
export function cssColor(name: string): string {
  let probe = document.getElementById('color-probe');
  if (!probe) {
    probe = document.createElement('span');
    probe.id = 'color-probe';
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}
