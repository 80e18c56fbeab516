import { type Browser, chromium as playwright } from 'playwright-core';

/** A headless Chromium from npm alone: nothing of the system is needed. */
export const openBrowser = async (): Promise<Browser> => {
  const { default: chromium } = await import('@sparticuz/chromium');
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    // In containers and as root there is no sandbox; the pages are the project's own.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-gl=angle', '--use-angle=swiftshader'],
    headless: true,
  });
};
