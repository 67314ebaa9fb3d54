// Opens pages of the site in Chromium, at the width of a desk and of a phone, and prints as JSON what is wrong with each;
// then searches. Requests that would leave this machine are refused, and reported.
//
//     node look.js CHROMIUM URL DIRECTORY WORD_TO_SEARCH_FOR PAGE...
//
// DIRECTORY gets the profile and, for each page that is not as it should be, a screenshot.
"use strict";

const path = require("path");
const { chromium } = require("playwright-core"); // found through NODE_PATH

const FLAGS = [
  "--no-sandbox", // Chromium has none for root, who runs the tests in a container
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
const WIDTHS = [1400, 390];
const PATIENCE = 30_000; // milliseconds

async function main(executable, base, directory, word, ...pages) {
  const context = await chromium.launchPersistentContext(path.join(directory, "profile"), {
    executablePath: executable,
    headless: true,
    args: FLAGS,
  });
  const page = context.pages()[0];
  page.setDefaultTimeout(PATIENCE);
  let wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && wrong.push(message.text()));
  page.on("response", (response) => response.status() >= 400 && wrong.push(`${response.status()} ${response.url()}`));
  await context.route("**/*", (route) => {
    const url = route.request().url();
    if (url.startsWith(base) || url.startsWith("data:")) return route.continue();
    wrong.push(`outside: ${url}`);
    return route.abort();
  });
  const seen = {};
  try {
    for (const name of pages) {
      for (const width of WIDTHS) {
        wrong = [];
        await page.setViewportSize({ width, height: 900 });
        await page.goto(base + name);
        await page.evaluate(typeset);
        wrong.push(...(await page.evaluate(whatIsWrong)));
        seen[`${name} at ${width} px`] = wrong;
        if (wrong.length > 0) await page.screenshot({ path: path.join(directory, `${Object.keys(seen).length}.png`) });
      }
    }
    wrong = [];
    await page.goto(`${base}search.html?q=${word}`);
    await page.locator("#search-results li a").first().waitFor();
    const results = await page.locator("#search-results li a").evaluateAll((links) => links.map((link) => link.href));
    console.log(JSON.stringify({ pages: seen, results, search: wrong }));
  } finally {
    await context.close();
  }
}

// Runs in the page: waits for MathJax, where the page has equations.
function typeset() {
  return window.MathJax?.startup?.promise;
}

// Runs in the page.
function whatIsWrong() {
  const wrong = [];
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) wrong.push(`${scrollWidth} px wide`);
  const article = document.querySelector("article") ?? document.body;
  const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  const isWide = (element) => element.getBoundingClientRect().right > innerWidth + 1;
  const wide = [...article.querySelectorAll("*")].filter(isWide); // the page would scroll, or they are cut off
  for (const element of wide) {
    let outer = element.parentElement;
    while (outer !== article && !scrolls(outer)) outer = outer.parentElement;
    if (outer === article && !scrolls(element)) wrong.push(`too wide: ${element.outerHTML.slice(0, 100)}`);
  }
  for (const equation of document.querySelectorAll(".math, .tex")) {
    if (!equation.querySelector("mjx-container")) wrong.push(`not typeset: ${equation.textContent}`);
  }
  for (const error of document.querySelectorAll("mjx-merror, [data-mjx-error]")) wrong.push(error.textContent);
  for (const image of document.images) {
    if (image.complete && image.naturalWidth === 0) wrong.push(`no picture: ${image.src}`);
  }
  return wrong;
}

const [executable, base, directory, word, ...pages] = process.argv.slice(2);
main(executable, base, directory, word, ...pages).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
