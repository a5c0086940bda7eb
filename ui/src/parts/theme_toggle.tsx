import { useEffect, useState } from 'preact/hooks';
import { applyTheme, chooseTheme, currentTheme, onSystemTheme, type Theme } from '../model/theme';

const CHANGED = 'rideflow-theme';

/** The theme in force; renders again when it changes, for what draws on a canvas. */
export function useTheme(): Theme {
  const [theme, setTheme] = useState(currentTheme);
  useEffect(() => {
    const update = () => {
      applyTheme();
      setTheme(currentTheme());
    };
    window.addEventListener(CHANGED, update);
    const off = onSystemTheme(update);
    return () => {
      window.removeEventListener(CHANGED, update);
      off();
    };
  }, []);
  return theme;
}

export function ThemeToggle() {
  const theme = useTheme();
  const other = theme === 'dark' ? 'light' : 'dark';
  const toggle = () => {
    chooseTheme(other);
    window.dispatchEvent(new Event(CHANGED));
  };
  return (
    <button type="button" class="icon-button" onClick={toggle} aria-label={`Use ${other} colours`}>
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
        <circle cx="10" cy="10" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d="M10 3.5a6.5 6.5 0 0 1 0 13z" fill="currentColor" />
      </svg>
    </button>
  );
}
