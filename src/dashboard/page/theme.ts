const KEY = 'strata-theme';
const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export const theme = (): Theme => {
  try {
    const stored = localStorage.getItem(KEY);
    return THEMES.find((one) => one === stored) ?? 'system';
  } catch {
    return 'system';
  }
};

const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

/** Light or dark as the page was told; else as the system says. */
const applyTheme = (): void => {
  const current = theme();
  const ofSystem = systemIsDark.matches ? 'dark' : 'light';
  document.documentElement.dataset.theme = current === 'system' ? ofSystem : current;
};

/** Applies the theme, and again whenever the system's changes. */
export const followTheme = (): void => {
  applyTheme();
  systemIsDark.addEventListener('change', applyTheme);
};

export const nextTheme = (): Theme => {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? 'system';
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // A browser that keeps nothing follows the system.
  }
  applyTheme();
  return next;
};
