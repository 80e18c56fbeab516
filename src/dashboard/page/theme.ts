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

/** Light or dark as the page was told; else as the system says. */
export const applyTheme = (): void => {
  const current = theme();
  if (current === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = current;
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
