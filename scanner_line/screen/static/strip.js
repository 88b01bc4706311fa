// The strip of the batch's pages: a window of thumbnails, one of which may be chosen, and the list of pages to be done again.
import { $, ask, fetched, isChinese, make, say, shape } from "./kit.js";

const WINDOW = 40; // thumbnails in the document at a time
const state = { from: 1, total: 0, pages: [], chosen: null, key: "", batch: null, loading: null };

/** The chosen page's facts, or null while the screen follows the last one. */
export const chosen = () => state.chosen;
export const known = (number) => state.pages.find((page) => page.number === number) ?? null;

export function setUp(changed) {
  state.changed = changed;
  $("strip-back").onclick = () => scroll(-1);
  $("strip-on").onclick = () => scroll(1);
}

/** Follow the view: load anew what changed since. */
export function follow(view) {
  state.aimed = Boolean(view.aim);
  const key = JSON.stringify([view.batch?.id, view.batch?.counts, view.stamp, view.sign_in.here]);
  if (key !== state.key) {
    state.key = key;
    if (view.batch?.id !== state.batch) { state.batch = view.batch?.id ?? null; state.chosen = null; }
    load(state.chosen ? state.chosen.number : null);
  }
  showRework(view);
}

async function load(around) {
  const from = around === null ? "" : `&from=${Math.max(1, around - Math.floor(WINDOW / 2))}`;
  const mine = (state.loading = {});
  const found = state.batch ? await fetched(`/api/pages?count=${WINDOW}${from}`) : { total: 0, from: 1, pages: [] };
  if (state.loading !== mine || !found) return;
  Object.assign(state, { total: found.total, from: found.from, pages: found.pages });
  if (state.chosen) {
    state.chosen = state.pages.find((page) => page.id === state.chosen.id) ?? null;
    if (state.chosen) await detail(state.chosen);
  }
  draw(around === null);
  state.changed();
}

async function detail(page) {
  const found = await fetched(`/api/pages/${encodeURIComponent(page.id)}`);
  if (found) Object.assign(page, found);
}

export async function choose(page) {
  state.chosen = page;
  draw(false);
  state.changed();
  if (page) {
    await detail(page);
    state.changed();
  }
}
export async function follows() {
  if (state.aimed) await ask("/api/pages", { do: "aim", page: null });
  return choose(null);
}

/** Arrow keys: the page before or after the chosen one; past the last the screen follows again. */
export async function step(by) {
  if (!state.total) return;
  const number = state.chosen ? state.chosen.number + by : by < 0 ? state.total : state.total + 1;
  if (number > state.total) return follows();
  if (number >= 1) await jump(number);
}
export async function jump(number) {
  for (let tries = 0; tries < 3 && !known(number); tries += 1) await load(number); // another load may have come in between
  const page = known(number);
  if (page) await choose(page);
}
function scroll(by) {
  const width = $("strip-pages").clientWidth;
  const row = $("strip-pages");
  const end = by < 0 ? row.scrollLeft <= 2 : row.scrollLeft + width >= row.scrollWidth - 2;
  if (!end) return row.scrollBy({ left: by * width * 0.8 });
  const middle = by < 0 ? state.from : state.from + state.pages.length - 1;
  return load(Math.min(Math.max(1, middle), state.total)).then(() => known(middle) && reveal(middle));
}

function draw(atEnd) {
  const row = $("strip-pages");
  $("strip").setAttribute("aria-label", say("strip"));
  $("strip-back").setAttribute("aria-label", say("earlier"));
  $("strip-on").setAttribute("aria-label", say("later"));
  $("strip").classList.toggle("none", state.total === 0);
  const kept = row.scrollLeft;
  row.replaceChildren(...state.pages.map((page) => make("li", {}, thumb(page))));
  if (state.chosen) reveal(state.chosen.number);
  else row.scrollLeft = atEnd ? row.scrollWidth : kept;
  $("strip-back").disabled = state.from <= 1 && row.scrollWidth <= row.clientWidth;
  $("strip-on").disabled = $("strip-back").disabled && state.from + state.pages.length > state.total;
}
function reveal(number) {
  const at = state.pages.findIndex((page) => page.number === number);
  const item = $("strip-pages").children[at];
  if (item) $("strip-pages").scrollLeft = item.offsetLeft - ($("strip-pages").clientWidth - item.offsetWidth) / 2;
}

function thumb(page) {
  const name = `${say("page-shown", { n: page.number })}: ${say(`word.${page.placeholder ? "missing" : page.verdict ?? "look"}`)}`;
  const button = make("button", { type: "button", class: "thumb", dataset: { verdict: page.verdict ?? "", page: page.id }, "aria-label": name,
    "aria-pressed": String(state.chosen?.id === page.id), onclick: () => (state.chosen?.id === page.id ? follows() : choose(page)) });
  if (page.placeholder) button.append(shape("idle", "hole"));
  else button.append(make("img", { src: `/api/pages/${encodeURIComponent(page.id)}/thumb`, alt: "", loading: "lazy", decoding: "async" }));
  button.append(shape(page.placeholder ? "idle" : page.verdict ?? "look", "mark"), make("b", {}, String(page.number)));
  return button;
}

// the pages that a reviewer sent back

function showRework(view) {
  const list = view.rework?.pages ?? [];
  const box = $("rework");
  const key = JSON.stringify([view.rework, isChinese(), state.chosen?.id]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.hidden = !view.rework;
  box.replaceChildren();
  if (!view.rework) return;
  const at = list.findIndex((one) => one.id === state.chosen?.id);
  const next = list[(at + 1) % list.length];
  const go = make("button", { type: "button", id: "rework-next", class: "key thin", disabled: !next, onclick: () => next && jumpTo(next) }, say("rework-next"));
  const lines = list.slice(0, 50).map((one) => make("li", {}, make("button", { type: "button", class: "small",
    "aria-pressed": String(state.chosen?.id === one.id), onclick: () => jumpTo(one) }, one.reason)));
  box.append(make("b", {}, list.length ? say("rework-left", { n: list.length }) : say("rework-none")), make("ul", {}, ...lines), go);
}
async function jumpTo(one) {
  const found = await fetched(`/api/pages/${encodeURIComponent(one.id)}`);
  if (!found?.number) return;
  await ask("/api/pages", { do: "aim", page: one.id }); // the pedal's next capture takes this page again
  await jump(found.number);
}
