// What every part of the bench's screen needs: elements, kept choices, words in both languages, requests. Everything is set as text.
export const LANGUAGES = ["en", "zh"];
const words = {};
let language = "en";

export const $ = (id) => document.getElementById(id);

export function stored(key, otherwise) {
  try { return localStorage.getItem(`muniment.${key}`) ?? otherwise; } catch { return otherwise; }
}
export function keep(key, value) {
  try { localStorage.setItem(`muniment.${key}`, value); } catch { /* a browser that keeps nothing still works */ }
}

export async function loadWords() {
  for (const code of LANGUAGES) words[code] = await (await fetch(`/static/words.${code}.json`)).json();
  setLanguage(stored("language", navigator.language.startsWith("zh") ? "zh" : "en"));
}
export function setLanguage(code) {
  language = LANGUAGES.includes(code) ? code : "en";
  keep("language", language);
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = say(element.dataset.word);
}
export const isChinese = () => language === "zh";
export function say(key, values = {}) {
  const text = words[language]?.[key] ?? words.en?.[key] ?? "";
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
export const has = (key) => Boolean(words.en && key in words.en);
export const told = (one, key = "words") => (isChinese() ? one[`${key}_zh`] ?? one[key] : one[key]) ?? "";
export const sideName = (side) => say(`side.${side}`) || side;

export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "dataset") Object.assign(made.dataset, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}
export function shape(name, className = "glyph") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#shape-${name}`);
  made.setAttribute("class", className);
  made.setAttribute("aria-hidden", "true");
  made.append(use);
  return made;
}
export function put(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

const TIMEOUT_MS = 30_000; // a press may take a whole feeder run: that one is not waited for
export async function ask(path, body, { timeout = TIMEOUT_MS } = {}) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal: AbortSignal.timeout(timeout),
    });
    const told = await answer.json().catch(() => ({}));
    return { ...told, ok: answer.ok, status: answer.status };
  } catch { return { ok: false, status: 0, why: say("no-answer") }; }
}
export async function fetched(path) {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return answer.ok ? await answer.json() : null;
  } catch { return null; }
}

let fading = 0;
export function toast(text, tone = "idle") {
  const shown = $("toast");
  shown.textContent = text;
  shown.dataset.tone = tone;
  shown.hidden = !text;
  clearTimeout(fading);
  fading = setTimeout(() => { shown.hidden = true; }, 6000);
}
