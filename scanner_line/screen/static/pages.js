// The last page or pair, large, with the place of each failing check drawn on it. Sizes are known before the image is there: nothing jumps.
import { $, isChinese, make, put, say, shape, sideName, told } from "./kit.js";

let shownKey = "";
export function forget() { shownKey = ""; }

/** Show `pages`; `failing` are checks with `side` and perhaps `where` [x, y, w, h] as shares of the page. */
export function showPages(view, { chosen, stale }) {
  const last = view.last;
  const pages = chosen ? [chosen] : last?.pages ?? [];
  const failing = chosen ? chosen.failing ?? [] : last?.failing ?? [];
  const boxes = failing.filter((check) => isPlace(check.where));
  const key = JSON.stringify([pages.map((page) => [page.id, page.verdict]), boxes, isChinese(), Boolean(view.training), stale, view.sign_in.here]);
  if (key !== shownKey) {
    shownKey = key;
    const several = pages.length > 1;
    $("pages").style.setProperty("--count", pages.length || 1);
    $("pages").replaceChildren(...(pages.length ? pages.map((page) => figure(page, boxes, several || !chosen, several)) : [nothing()]));
  }
  captions(view, pages, chosen);
}

const isPlace = (where) => Array.isArray(where) && where.length === 4 && where.every((one) => typeof one === "number" && Number.isFinite(one));
const percent = (share) => `${Math.min(100, Math.max(0, share * 100))}%`;

function figure(page, boxes, bySide, several) {
  const made = make("figure", { dataset: { verdict: page.verdict ?? "", page: page.id } });
  made.style.setProperty("--ratio", page.width > 0 && page.height > 0 ? page.width / page.height : 0.707);
  if (page.placeholder) {
    made.classList.add("placeholder");
    made.append(shape("idle", "shape"), make("p", {}, say(`placeholder.${page.placeholder}`) || say("placeholder.other")));
    return made;
  }
  const image = make("img", { alt: `${sideName(page.side)} ${say(`word.${page.verdict ?? "look"}`)}`, decoding: "async" });
  image.addEventListener("error", () => made.classList.add("away"), { once: true });
  image.src = `/api/pages/${encodeURIComponent(page.id)}/image`;
  made.append(image);
  for (const check of boxes.filter((one) => !several || one.side === page.side || !bySide)) {
    const [x, y, w, h] = check.where;
    const box = make("i", { class: "where", title: told(check) }, make("span", {}, say(`check.${check.name}`) || check.name));
    Object.assign(box.style, { left: percent(x), top: percent(y), width: percent(Math.min(w, 1 - x)), height: percent(Math.min(h, 1 - y)) });
    made.append(box);
  }
  if (several || page.verdict !== "good") made.append(shape(page.verdict ?? "look", "badge"));
  made.append(make("p", { class: "gone" }, say("image-gone")));
  return made;
}

function nothing() {
  return make("div", { class: "empty" }, shape("idle", "shape"), make("p", {}, say("empty")));
}

function captions(view, pages, chosen) {
  const first = chosen ? chosen.number : view.last?.number;
  const total = view.batch?.counts.captured ?? 0;
  if (chosen) put($("sheet-title"), say("chosen-shown", { n: first, total }));
  else put($("sheet-title"), pages.length && first ? say(pages.length > 1 ? "pages-shown" : "page-shown", { n: first, m: first + pages.length - 1 }) : say(pages.length ? "page-out" : total ? "none-shown" : "no-page"));
  put($("sheet-note"), view.aim ? say("aim-note") : chosen ? say("esc-back") : pages.some((page) => page.retake) ? say("is-retake") : "");
}
