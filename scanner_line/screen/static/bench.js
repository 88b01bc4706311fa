// The bench's screen: one stream of views in, a handful of requests out. Everything shown is set as text, never as markup.
const LANGUAGES = ["en", "zh"];
const SHAPES = { good: "good", look: "look", bad: "bad", failed: "failed", working: "working", rejected: "refused", ignored: "refused" };
const TONES = { good: [[660, 0.09]], look: [[440, 0.14], [440, 0.14]], bad: [[220, 0.28], [196, 0.28], [175, 0.34]], failed: [[165, 0.9]],
  rejected: [[300, 0.06], [300, 0.06], [300, 0.06]], control: [[520, 0.08], [780, 0.1]] };
const $ = (id) => document.getElementById(id);
const words = {};
let language = stored("language", navigator.language.startsWith("zh") ? "zh" : "en");
let sounding = stored("sound", "on") === "on";
let audio = null;
let view = null;
let heard = null;

function stored(key, otherwise) {
  try { return localStorage.getItem(`muniment.${key}`) ?? otherwise; } catch { return otherwise; }
}
function keep(key, value) {
  try { localStorage.setItem(`muniment.${key}`, value); } catch { /* a browser that keeps nothing still works */ }
}
function say(key, values = {}) {
  const text = words[language][key] ?? words.en[key] ?? "";
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
function has(key) { return key in words.en; }

async function ask(path, body) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    return answer.status < 500 ? await answer.json().catch(() => ({})) : {};
  } catch { return {}; }
}

// what to show

function tone() {
  if (!view) return "idle";
  if (view.state !== "idle") return view.state === "judging" && view.last?.verdict && view.last.t_ms > (heard?.pressed ?? 0) ? view.last.verdict : "working";
  const last = view.last;
  if (!last) return "idle";
  if (last.verdict) return last.verdict;
  return last.outcome === "failed" ? "bad" : last.outcome === "rejected" || last.code === "confirm" ? "look" : "idle";
}

function headline(now) {
  if (now === "working") return ["working", view.state === "exposing" ? "exposing" : "checking"];
  const last = view?.last;
  if (!last) return ["idle", view?.batch ? "ready" : "closed-idle"];
  if (last.code === "half") return ["failed", "half"];
  if (last.verdict) return [last.verdict, last.code === "lowered" ? "lowered" : last.verdict];
  return [last.code === "confirm" ? "look" : SHAPES[last.outcome] ?? "idle", last.code];
}

function show() {
  if (!view || !words.en) return;
  const now = tone();
  const [shape, code] = headline(now);
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.body.dataset.tone = now;
  document.title = `${say(`word.${code}`)} · ${view.station}`;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = say(element.dataset.word);
  $("station").textContent = view.station;
  $("shape").setAttribute("href", `#shape-${SHAPES[shape] ?? "idle"}`);
  $("word").textContent = say(`word.${code}`);
  $("do").textContent = say(`do.${code}`, { next: view.next });
  showReasons(now, code);
  showPages();
  showCount();
  showLinks();
  $("sound").textContent = say("sound");
  $("sound").setAttribute("aria-pressed", String(sounding));
  $("language").textContent = language === "zh" ? "English" : "中文";
  $("language").lang = language === "zh" ? "en" : "zh";
  $("toggle-word").textContent = say(view.batch ? "close" : "open");
  $("retake").disabled = !view.batch || view.batch.counts.captured === 0;
  $("undo").disabled = $("retake").disabled;
  showQuestion();
}

function showReasons(now, code) {
  const lines = [];
  const last = view.last;
  if (now !== "working" && last) {
    const several = last.pages.length > 1;
    for (const check of last.failing) {
      const side = several ? `${say(`side.${check.side}`)}${language === "zh" ? "：" : ": "}` : "";
      lines.push([side + (language === "zh" ? check.words_zh : check.words), has(`advice.${check.name}`) ? say(`advice.${check.name}`) : ""]);
    }
    if (["camera", "spool", "disk", "half"].includes(code) && last.why) lines.push([last.why, say(`advice.${code}`)]);
  }
  if (view.disk && code !== "disk") lines.push([view.disk, say("advice.disk")]);
  for (const [side, why] of Object.entries(view.cameras)) lines.push([`${say(`side.${side}`) || side}: ${why}`, say("advice.camera")]);
  $("reasons").replaceChildren(...lines.slice(0, 3).map(([what, advice]) => {
    const item = document.createElement("li");
    const strong = document.createElement("b");
    strong.textContent = what;
    item.append(strong, advice);
    return item;
  }));
}

function showPages() {
  const pages = view.last?.pages ?? [];
  const key = pages.map((page) => page.id + page.verdict).join() || "none" + language;
  if ($("pages").dataset.key !== key) {
    $("pages").dataset.key = key;
    $("pages").replaceChildren(...(pages.length ? pages.map(figure) : [nothing()]));
  }
  const first = view.last?.number;
  $("sheet-title").textContent = pages.length && first
    ? say(pages.length > 1 ? "pages-shown" : "page-shown", { n: first, m: first + pages.length - 1 }) : say("no-page");
  $("sheet-note").textContent = pages.some((page) => page.retake) ? say("is-retake") : "";
}

function figure(page) {
  const made = document.createElement("figure");
  made.dataset.verdict = page.verdict ?? "";
  const image = document.createElement("img");
  image.src = `/api/pages/${encodeURIComponent(page.id)}/image`;
  image.alt = `${say(`side.${page.side}`)} ${say(`word.${page.verdict ?? "look"}`)}`;
  made.append(image);
  return made;
}

function nothing() {
  const made = document.createElement("div");
  made.className = "empty";
  const text = document.createElement("p");
  text.textContent = say("empty");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#shape-idle");
  shape.append(use);
  made.append(shape, text);
  return made;
}

function showCount() {
  const batch = view.batch ?? null;
  const counts = (batch ?? view.closed)?.counts ?? { captured: 0, replaced: 0, look: 0, bad: 0 };
  $("next-label").textContent = batch ? say("next") : say(view.closed ? "last-batch" : "no-batch");
  $("next").textContent = batch ? view.next : view.closed ? counts.captured : "–";
  const declared = (batch ?? view.closed)?.declared;
  $("of").textContent = declared ? say("of", { n: declared }) : "";
  if (batch && declared && counts.captured >= declared) {
    $("next-label").textContent = say("complete");
    $("next").textContent = counts.captured;
  }
  for (const name of ["captured", "replaced", "look", "bad"]) {
    $(`n-${name}`).textContent = counts[name];
    $(`n-${name}`).parentElement.classList.toggle("some", counts[name] > 0);
  }
  $("pace").textContent = view.pace_per_h ?? "–";
  $("track").classList.toggle("none", !declared);
  $("track").setAttribute("aria-valuemax", declared ?? 1);
  $("track").setAttribute("aria-valuenow", counts.captured);
  $("fill").style.width = declared ? `${Math.min(100, (100 * counts.captured) / declared)}%` : "0";
  const volume = (batch ?? view.closed)?.volume;
  $("batch").replaceChildren();
  const state = document.createElement("b");
  state.textContent = say(batch ? "batch-open" : "batch-closed");
  $("batch").append(state, volume ? ` · ${say("volume", { volume })}` : "");
}

function showLinks() {
  for (const name of ["core", "centre"]) {
    const up = view.links[name];
    $(`link-${name}`).dataset.up = up === null ? "unknown" : String(up);
    $(`link-${name}`).lastElementChild.textContent = say(`link.${name}.${up === null ? "unknown" : up ? "up" : "down"}`);
    $(`link-${name}`).title = say(`link.${name}.hint`);
  }
}

function showQuestion() {
  const dialog = $("close-dialog");
  if (view.question && !dialog.open) {
    $("open-dialog").close();
    dialog.showModal();
  }
  if (!view.question && dialog.open) dialog.close();
  if (view.question) {
    const { reasons, ...values } = view.question;
    $("close-words").textContent = reasons.map((reason) => say(`question.${reason}`, values)).join(" ");
  }
}

// sound

function play(notes) {
  if (!sounding || !audio) return;
  let at = audio.currentTime + 0.01;
  for (const [hertz, seconds] of notes) {
    const tone = audio.createOscillator();
    const level = audio.createGain();
    tone.frequency.value = hertz;
    tone.type = hertz < 250 ? "square" : "sine";
    level.gain.setValueAtTime(0.18, at);
    level.gain.exponentialRampToValueAtTime(0.001, at + seconds);
    tone.connect(level).connect(audio.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds + 0.07;
  }
}
function hear() {
  const last = view.last;
  const mark = last ? `${last.t_ms} ${last.code} ${last.verdict}` : "";
  if (heard && last && heard.mark !== mark) play(TONES[last.verdict ?? last.outcome] ?? []);
  const pressed = view.state === "exposing" ? last?.t_ms ?? 0 : heard?.pressed ?? last?.t_ms ?? 0;
  heard = { mark, pressed };
}

// what hands do

const capture = () => ask("/api/press", { wish: "capture" });
const retake = () => ask("/api/press", { wish: "retake" });
const undo = () => ask("/api/undo", {});
function toggle() {
  if (view?.batch) return ask("/api/batch", { do: "close" });
  $("open-wrong").textContent = "";
  $("open-dialog").showModal();
  return $("volume").focus();
}
async function openBatch(event) {
  event.preventDefault();
  const declared = $("declared").value === "" ? null : Number($("declared").value);
  if (declared !== null && !(Number.isInteger(declared) && declared >= 1 && declared <= 100000)) {
    $("open-wrong").textContent = say("declared-wrong");
    return;
  }
  const answer = await ask("/api/batch", { do: "open", declared, volume: $("volume").value.trim() });
  if (answer.done) {
    $("open-dialog").close();
    $("volume").value = $("declared").value = "";
  } else {
    $("open-wrong").textContent = answer.why ?? say("no-answer");
  }
}

function wire() {
  $("capture").onclick = capture;
  $("retake").onclick = retake;
  $("undo").onclick = undo;
  $("toggle").onclick = toggle;
  $("open-cancel").onclick = () => $("open-dialog").close();
  $("open-dialog").querySelector("form").onsubmit = openBatch;
  $("close-keep").onclick = () => ask("/api/batch", { do: "keep" });
  $("close-go").onclick = () => ask("/api/batch", { do: "close", confirm: true });
  $("close-dialog").oncancel = (event) => { event.preventDefault(); ask("/api/batch", { do: "keep" }); };
  $("language").onclick = () => { language = LANGUAGES[1 - LANGUAGES.indexOf(language)] ?? "en"; keep("language", language); $("pages").dataset.key = ""; show(); };
  $("sound").onclick = () => { sounding = !sounding; keep("sound", sounding ? "on" : "off"); show(); };
  for (const button of document.querySelectorAll("nav .key")) button.addEventListener("click", () => button.blur());
  addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const doing = { " ": capture, r: retake, u: undo, b: toggle }[event.key.toLowerCase()];
    if (doing) { event.preventDefault(); doing(); }
  });
  addEventListener("pointerdown", wake);
  addEventListener("keydown", wake);
}
function wake() {
  audio ??= typeof AudioContext === "undefined" ? null : new AudioContext();
  if (audio?.state === "suspended") audio.resume();
}

function listen() {
  const stream = new EventSource("/api/events");
  stream.onmessage = (event) => {
    view = JSON.parse(event.data);
    $("cut").hidden = true;
    show();
    hear();
  };
  stream.onerror = () => {
    $("cut").textContent = say("cut");
    $("cut").hidden = false;
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

for (const code of LANGUAGES) words[code] = await (await fetch(`/static/words.${code}.json`)).json();
if (!LANGUAGES.includes(language)) language = "en";
wire();
listen();
