// Opens a report in Chromium, at the width of a desk and of a phone, light and dark, prints it to PDF, and prints as JSON
// what is wrong and what is seen. Every request that would leave the file is refused, and reported.
//
//     node look.js CHROMIUM FILE DIRECTORY
//
// DIRECTORY gets the profile, the screenshots and report.pdf.
"use strict";

const path = require("path");
const { pathToFileURL } = require("url");
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
const WIDTHS = { desk: 1280, phone: 390, narrow: 320 };
const A4 = { width: 680, height: 1000 }; // CSS pixels between the margins

async function main(executable, file, directory) {
  const context = await chromium.launchPersistentContext(path.join(directory, "profile"), {
    executablePath: executable,
    headless: true,
    args: FLAGS,
  });
  const page = context.pages()[0];
  const url = pathToFileURL(file).href;
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => wrong.push(`console: ${message.text()}`));
  await context.route("**/*", (route) => {
    if (route.request().url().startsWith(url) || route.request().url().startsWith("data:")) return route.continue();
    wrong.push(`outside: ${route.request().url()}`);
    return route.abort();
  });
  const seen = {};
  try {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ media: "screen", colorScheme });
      for (const [name, width] of Object.entries(WIDTHS)) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(url);
        seen[`${name} ${colorScheme}`] = await page.evaluate(look);
        await page.screenshot({ path: path.join(directory, `${name}-${colorScheme}.png`), fullPage: true });
      }
    }
    await page.emulateMedia({ media: "print", colorScheme: "light" });
    await page.setViewportSize(A4);
    seen.print = await page.evaluate(look);
    await page.pdf({ path: path.join(directory, "report.pdf"), preferCSSPageSize: true, printBackground: true });
    console.log(JSON.stringify({ wrong, seen, height: A4.height }));
  } finally {
    await context.close();
  }
}

// Runs in the page.
function look() {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const box = (element) => element.getBoundingClientRect();
  const inText = (element) => !element.closest("svg") || element.tagName === "svg";
  const isWide = (element) => box(element).right > innerWidth + 1 || box(element).left < -1;
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).map((part) => {
      const share = Number(part) / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  const contrast = (element) => {
    const ink = luminance(getComputedStyle(element).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  };
  return {
    width: document.documentElement.scrollWidth - innerWidth, // at most 0: nothing to scroll
    wide: all("body *").filter((element) => inText(element) && isWide(element)).map((e) => e.outerHTML.slice(0, 100)),
    images: all("img").map((image) => image.complete && image.naturalWidth > 0 && box(image).width > 20),
    pictures: all("figure > svg").map((picture) => ({ width: box(picture).width, height: box(picture).height })),
    whole: all("figure, .matrix, .cases > li").map((element) => ({
      height: box(element).height,
      kept: getComputedStyle(element).breakInside === "avoid",
    })),
    contrast: Math.min(...all("h1, h2, p, dt, dd, th, figcaption, .verdict").filter((e) => e.innerText).map(contrast)),
    smallest: Math.min(...all("body *").filter((e) => inText(e) && e.checkVisibility() && e.innerText?.trim()).map((e) => parseFloat(getComputedStyle(e).fontSize))),
    headings: all("h2").map((heading) => heading.innerText),
    values: all("#history td[data-value]").map((cell) => [cell.dataset.key, cell.dataset.value, cell.innerText]),
  };
}

const [executable, file, directory] = process.argv.slice(2);
main(executable, file, directory).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
