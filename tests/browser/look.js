// Opens a notebook of a running JupyterLab in Chromium, chooses "Run All Cells" from its menu, and prints as JSON what
// the page shows then.
//
//     node look.js CHROMIUM URL_OF_THE_NOTEBOOK DIRECTORY_FOR_THE_PROFILE_AND_SCREENSHOTS
//
// If it fails, failed.png shows the page at that moment.
"use strict";

const path = require("path");
const { chromium } = require("playwright-core"); // found through NODE_PATH

const FLAGS = [
  "--no-sandbox", // Chromium refuses to run as root, as in a container, without this flag
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
const OPEN_TIMEOUT = 60_000; // milliseconds: JupyterLab is a large page, and a kernel has to start
const EXECUTE_TIMEOUT = 120_000;

async function main(executable, url, directory) {
  const context = await chromium.launchPersistentContext(path.join(directory, "profile"), {
    executablePath: executable,
    headless: true,
    args: FLAGS,
    viewport: { width: 1200, height: 3400 }, // tall: JupyterLab removes cells that are out of sight
  });
  const page = context.pages()[0];
  page.setDefaultTimeout(OPEN_TIMEOUT);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  try {
    await page.goto(url);
    await runAllCells(page);
    await page.screenshot({ path: path.join(directory, "notebook.png") });
    const seen = await page.evaluate(whatIsSeen);
    console.log(JSON.stringify({ ...seen, errors }));
  } catch (error) {
    await page.screenshot({ path: path.join(directory, "failed.png") });
    throw error;
  } finally {
    await context.close();
  }
}

async function runAllCells(page) {
  await page.locator("#jp-main-statusbar", { hasText: "| Idle" }).waitFor(); // before that, it asks for a kernel
  await page.locator(".lm-MenuBar-itemLabel", { hasText: /^Run$/ }).click();
  await page.locator(".lm-Menu-itemLabel", { hasText: /^Run All Cells$/ }).click();
  const failed = () => document.querySelector('[data-mime-type="application/vnd.jupyter.error"]') !== null;
  const executed = () => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map((prompt) => prompt.textContent);
    return prompts.length > 0 && prompts.every((prompt) => /^\[\d+\]:$/.test(prompt));
  };
  const typeset = () => {
    const equations = [...document.querySelectorAll(".nnlite-trace .tex")];
    return equations.length > 0 && equations.every((equation) => equation.querySelector("mjx-container"));
  };
  await until(page, [failed, executed]);
  await until(page, [failed, typeset]); // MathJax needs a moment
}

// Waits until one of the conditions holds in the page.
async function until(page, conditions) {
  const either = `[${conditions.join(", ")}].some((condition) => condition())`;
  await page.waitForFunction(either, null, { timeout: EXECUTE_TIMEOUT });
}

// Runs in the page.
function whatIsSeen() {
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const all = (selector) => [...document.querySelectorAll(`.jp-OutputArea ${selector}`)];
  const texts = (selector) => all(selector).map((element) => element.innerText);
  const share = (bar) => bar.getBoundingClientRect().width / bar.parentElement.getBoundingClientRect().width;
  const table = (element) => ({
    rows: [...element.rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim())), // visible text only
    equations: element.querySelectorAll("mjx-container").length,
  });
  return {
    warnings: texts('[data-mime-type="application/vnd.jupyter.stderr"]'),
    failures: texts('[data-mime-type="application/vnd.jupyter.error"]'),
    bars: all(".jupyter-widgets .progress-bar").filter(isSeen).map((bar) => ({
      share: share(bar),
      text: bar.closest(".jp-OutputArea-output").innerText.replace(/\s+/g, " ").trim(),
    })),
    pictures: all("img").filter(isSeen).map((image) => ({
      kind: image.src.slice(0, image.src.indexOf(";")),
      loaded: image.complete,
      width: image.naturalWidth,
      height: image.naturalHeight,
    })),
    tables: all(".jp-RenderedHTMLCommon table").filter(isSeen).map(table),
  };
}

const [executable, url, directory] = process.argv.slice(2);
main(executable, url, directory).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
