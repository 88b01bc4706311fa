// The bench's screen: one stream of views in, requests out. This module wires the parts; each part shows its own piece of the view.
import { $, LANGUAGES, ask, isChinese, keep, loadWords, make, put, say, setLanguage, stored, toast } from "./kit.js";
import * as actions from "./actions.js";
import { showCounts, showLinks } from "./counts.js";
import * as feeder from "./feeder.js";
import { forget, showPages } from "./pages.js";
import * as person from "./person.js";
import * as practice from "./practice.js";
import * as sound from "./sound.js";
import * as strip from "./strip.js";
import { caseOf, markOf, showVerdict } from "./verdict.js";

const SILENCE_MS = 5000; // the bench says something every two seconds
const AGAIN_MS = 1500;
const THEMES = ["dark", "light", "contrast"];
const KEYS = [["Space / Enter", "capture"], ["R", "retake"], ["I", "insert"], ["D", "delete"], ["M", "move"], ["P", "place"], ["U", "undo"],
  ["N", "next-volume"], ["← →", "key-arrows"], ["Esc", "key-esc"], ["L", "language"], ["?", "keys"]];
let view = null;
let run = null; // while a press runs: how `last` stood when it began
let stale = true;
let heardMark = null;
let lastSign = 0;

function show() {
  if (!view) return;
  const now = caseOf(view, { run, stale, chosen: strip.chosen(), here: view.sign_in.here });
  put($("station"), view.station);
  showVerdict(view, now);
  showPages(view, { chosen: strip.chosen(), stale });
  showCounts(view);
  showLinks(view, stale);
  person.show(view);
  practice.show(view);
  document.body.dataset.chosen = String(Boolean(strip.chosen()));
  document.body.dataset.passing = now.passing ?? "";
  const any = Boolean(view.batch && view.batch.counts.captured);
  for (const id of ["retake", "delete", "move"]) $(id).disabled = !any;
  $("insert").disabled = $("place").disabled = !view.batch;
  $("undo").disabled = !view.can_undo;
  feeder.showFeeder(view);
  put($("toggle-word"), say(view.batch ? "close" : "open"));
  put($("sound"), say("sound"));
  $("sound").setAttribute("aria-pressed", String(sound.isOn()));
  put($("language"), isChinese() ? "English" : "中文");
  $("language").lang = isChinese() ? "en" : "zh-Hans";
  showQuestion();
}

function take(message) {
  const first = view === null || stale;
  const before = view;
  view = message;
  if (view.state === "idle") run = null;
  else if (!run) {
    run = { mark: markOf(before && !first ? before.last : view.last) };
    closeAsides();
    if (strip.chosen()) strip.follows();
  }
  setStale(false);
  if (first) practice.seen(view);
  strip.follow(view);
  show();
  hear(first);
}

function hear(first) {
  const last = view.last;
  const mark = markOf(last);
  if (!first && last && mark !== heardMark) {
    sound.play(last.verdict ?? last.outcome);
    if (last.code === "busy" && last.outcome === "rejected") toast(`${say("word.busy")}. ${say("do.busy")}`, "look");
    else if (last.code === "nothing-to-retake") toast(say("do.nothing-to-retake"), "look");
    else if (last.code === "sign-in") person.begin();
  }
  heardMark = mark;
}

function setStale(now) {
  if (stale === now && document.body.dataset.stale === String(now)) return;
  if (now && !stale) sound.play("cut");
  stale = now;
  document.body.dataset.stale = String(stale);
  $("cut").hidden = !stale;
  if (stale) put($("cut"), say("cut"));
  if (stale && !view) showVerdict(null, { tone: "cut", shape: "cut", code: "cut" });
  if (stale) show();
}

// the stream: silence for a few seconds is a cut, whatever the browser thinks of the connection

let stream = null;
function listen() {
  stream?.close();
  const mine = (stream = new EventSource("/api/events"));
  mine.onmessage = (event) => { lastSign = performance.now(); take(JSON.parse(event.data)); };
  mine.addEventListener("beat", () => { lastSign = performance.now(); });
  mine.onerror = () => {
    setStale(true);
    if (mine.readyState === EventSource.CLOSED) setTimeout(() => mine === stream && listen(), AGAIN_MS);
  };
}
function watch() {
  if (performance.now() - lastSign > SILENCE_MS) {
    setStale(true);
    lastSign = performance.now();
    listen();
  }
}

// batches

function showQuestion() {
  const dialog = $("close-dialog");
  if (view.question && !dialog.open && !stale) {
    closeAsides();
    dialog.showModal();
  }
  if ((!view.question || stale) && dialog.open) dialog.close();
  if (view.question) {
    const { reasons, ...values } = view.question;
    [values.fronts, values.backs] = view.feeder?.loose ?? [];
    put($("close-words"), reasons.map((reason) => say(`question.${reason}`, values)).filter(Boolean).join(" "));
  }
}
function closeAsides() {
  for (const id of ["open-dialog", "page-dialog", "more-dialog", "keys-dialog"]) if ($(id).open) $(id).close();
}
async function toggle() {
  if (!view) return;
  if (view.batch) {
    const answer = await ask("/api/batch", { do: "close" });
    if (answer.status === 401) person.begin();
    else if (!answer.ok && !view.question) toast(answer.why || say("no-answer"), "look");
    return;
  }
  put($("open-wrong"), "");
  $("open-dialog").showModal();
  $("volume").focus();
}
async function openBatch(event) {
  event.preventDefault();
  const declared = $("declared").value === "" ? null : Number($("declared").value);
  if (declared !== null && !(Number.isInteger(declared) && declared >= 1 && declared <= 100000)) return put($("open-wrong"), say("declared-wrong"));
  const answer = await ask("/api/batch", { do: "open", declared, volume: $("volume").value.trim() });
  if (!answer.done) return put($("open-wrong"), answer.status === 401 ? say("do.sign-in") : answer.why ?? say("no-answer"));
  $("open-dialog").close();
  $("volume").value = $("declared").value = "";
  return undefined;
}

// keys, touch, settings

const DOING = {
  " ": actions.capture, enter: actions.capture, r: actions.retake, i: actions.insert, d: () => actions.begin("delete"), m: () => actions.begin("move"),
  p: () => actions.begin("place"), u: actions.undo, n: toggle, b: toggle, arrowleft: () => strip.step(-1), arrowright: () => strip.step(1),
  s: feeder.stop, t: feeder.turn, c: feeder.collate, escape: () => strip.follows(), "?": showKeys, l: otherLanguage,
};
function onKey(event) {
  sound.wake();
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  if (key === "enter" && document.activeElement?.closest("button, a, input")) return; // Enter works what has the focus, Space always captures
  const doing = DOING[key];
  if (!doing) return;
  event.preventDefault();
  document.body.dataset.dismissed = "";
  if (["cut", "working"].includes(document.body.dataset.tone) && !["?", "l"].includes(key) && stale) return;
  doing();
}
function otherLanguage() {
  setLanguage(LANGUAGES[1 - LANGUAGES.indexOf(isChinese() ? "zh" : "en")]);
  forget();
  words();
  if (view) strip.follow({ ...view, stamp: `${view.stamp} ${isChinese()}` });
  show();
}
function words() {
  $("themes").setAttribute("aria-label", say("theme"));
  $("themes").replaceChildren(...THEMES.map((name) => make("button", { type: "button", class: "key", "aria-pressed": String(theme() === name), onclick: () => setTheme(name) }, say(`theme.${name}`))));
  $("keys-list").replaceChildren(...[...KEYS, ...feeder.keysOf(view)].map(([key, does]) => make("div", {}, make("dt", {}, make("kbd", {}, key)), make("dd", {}, say(does)))));
}
const theme = () => document.documentElement.dataset.theme;
function setTheme(name) {
  document.documentElement.dataset.theme = THEMES.includes(name) ? name : "dark";
  keep("theme", theme());
  words();
}
function showKeys() { words(); $("keys-dialog").showModal(); }

function wire() {
  const clicks = { capture: actions.capture, retake: actions.retake, insert: actions.insert, delete: DOING.d, move: DOING.m, place: DOING.p,
    undo: actions.undo, toggle, language: otherLanguage, "keys-help": () => { $("more-dialog").close(); showKeys(); },
    settings: () => { $("loudness").value = sound.level(); $("more-dialog").showModal(); },
    sound: () => { sound.setOn(!sound.isOn()); show(); }, "try-sound": () => sound.play("good"),
    "open-cancel": () => $("open-dialog").close(), "close-keep": () => ask("/api/batch", { do: "keep" }),
    "close-go": () => ask("/api/batch", { do: "close", confirm: true }) };
  for (const [id, doing] of Object.entries(clicks)) $(id).onclick = doing;
  $("loudness").oninput = () => sound.setLevel(Number($("loudness").value));
  $("loudness").onchange = () => sound.play("good");
  $("open-dialog").querySelector("form").onsubmit = openBatch;
  $("close-dialog").oncancel = (event) => { event.preventDefault(); ask("/api/batch", { do: "keep" }); };
  $("person-dialog").oncancel = () => { document.body.dataset.dismissed = "true"; };
  $("person-cancel").addEventListener("click", () => { document.body.dataset.dismissed = "true"; });
  for (const button of document.querySelectorAll("nav .key")) button.addEventListener("click", () => button.blur());
  addEventListener("keydown", onKey);
  addEventListener("pointerdown", sound.wake);
  actions.setUp(() => view);
  feeder.setUp(() => view);
  person.setUp(() => view, listen);
  practice.setUp();
  strip.setUp(show);
}

const system = matchMedia("(prefers-contrast: more)").matches ? "contrast" : matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
document.documentElement.dataset.theme = stored("theme", system);
await loadWords();
words();
wire();
setStale(true);
listen();
setInterval(watch, 1000);
