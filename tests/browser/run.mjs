// What the browser tests share: a headless Chromium, users who know nothing of each other, checks of one line.
import { existsSync } from "node:fs";
import puppeteer from "puppeteer-core";

const CHROMIUM = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);

// *.localhost is the loopback for Chromium, whatever the resolver says.
export async function openBrowser() {
  return puppeteer.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"],
  });
}

export const PHONE = { width: 390, height: 760, deviceScaleFactor: 1, hasTouch: true };
export const DESK = { width: 640, height: 440, deviceScaleFactor: 1 };  // two of them fit beside each other

// A user has cookies and tabs of their own. `errors` collects what their pages complain about.
export class User {
  static async arrive(browser, name) {
    return new User(await browser.createBrowserContext(), name);
  }
  constructor(context, name) {
    Object.assign(this, { context, name, errors: [] });
  }
  async tab({ viewport = DESK, scheme = "light" } = {}) {
    const page = await this.context.newPage();
    await page.setViewport(viewport);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    page.on("pageerror", (error) => this.errors.push(`${this.name}: ${error.message}`));
    return page;
  }
  leave() {
    return this.context.close();
  }
}

export async function screenshot(page, path) {
  await page.screenshot({ path });
}

// The value of `look` once it is truthy; throws after `ms` with what it was waiting for.
export async function until(what, look, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms / 1000} s for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

// Runs the checks one after the other, each with a time limit; prints a line for each; the exit status says it all.
export async function runChecks(checks, { limit = 60_000 } = {}) {
  let failed = 0;
  for (const [name, check] of checks) {
    const begun = Date.now();
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${limit / 1000} s`)), limit);
    });
    try {
      await Promise.race([check(), late]);
      console.log(`ok   ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${name}: ${error.message}`);
    } finally {
      clearTimeout(timer);
    }
  }
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  return failed === 0;
}
