// What a hand does to pages: retake, insert, delete, move, placeholder, undo. What hurts asks first, with reasons as big buttons.
import { $, ask, make, put, say, toast } from "./kit.js";
import { chosen, follows } from "./strip.js";

const REASONS = {
  delete: ["twice", "wrong-volume", "no-page", "test"],
  move: ["order", "wrong-volume", "found-later"],
  place: ["torn", "lent", "not-found", "too-large"],
  retake: ["unsharp", "light", "crooked", "finger", "cut-off", "reviewer"],
};
const KINDS = ["missing", "oversize", "other"];
let asked = null; // {what, page, kind}
let current = () => null;

export function setUp(view) {
  current = view;
  $("page-dialog").querySelector("form").onsubmit = go;
  $("page-cancel").onclick = () => $("page-dialog").close();
  $("page-dialog").onclose = () => { asked = null; };
}

/** The page meant: the chosen one, else the last of the last press. */
function meant() {
  const one = chosen();
  if (one) return one;
  const last = current()?.last;
  const page = last?.pages.at(-1);
  return page ? { ...page, number: last.number ? last.number + last.pages.length - 1 : null } : null;
}

function told(answer, done) {
  if (answer.status === 401) return toast(say("do.sign-in"), "look");
  if (answer.ok) return done && toast(done);
  return toast(answer.why || say("no-answer"), "bad");
}

export async function capture() {
  if (!current()?.aim) follows();
  told(await ask("/api/press", { wish: "capture" }));
}
export async function retake() {
  const page = chosen();
  if (!page) return told(await ask("/api/press", { wish: "retake" }));
  const answer = await ask("/api/press", { wish: "retake", page: page.id });
  if (answer.outcome && answer.outcome !== "captured") return undefined;
  return told(answer);
}
export async function insert() {
  const page = meant();
  const answer = await ask("/api/press", { wish: "insert", after: page?.id ?? null });
  if (answer.outcome === "captured") return undefined;
  return told(answer);
}
export async function undo() {
  const answer = await ask("/api/pages", { do: "undo" });
  told(answer, answer.did ? say(`undid.${answer.did}`) : "");
}

/** Ask before a page is deleted, moved, or a placeholder is set. */
export function begin(what) {
  const page = meant();
  if (!current()?.batch || (what !== "place" && !page)) return;
  asked = { what, page, kind: KINDS[0] };
  put($("page-title"), say(`${what}-title`, { n: page?.number ?? "" }));
  put($("page-words"), say(`${what}-words`, { n: page?.number ?? 0 }));
  put($("page-go"), say(`${what}-go`));
  put($("page-wrong"), "");
  $("page-reason").value = "";
  $("page-go").classList.toggle("danger", what === "delete");
  $("page-where").hidden = what !== "move";
  $("page-other").hidden = what !== "move";
  $("page-number").value = $("page-volume").value = "";
  $("page-kinds").hidden = what !== "place";
  $("page-kinds").replaceChildren(...(what === "place" ? KINDS.map((kind) => choice(say(`placeholder.${kind}`), kind === asked.kind, () => { asked.kind = kind; })) : []));
  $("page-reasons").setAttribute("aria-label", say("reason"));
  $("page-reasons").replaceChildren(...REASONS[what].map((reason) => choice(say(`why.${reason}`), false, () => { $("page-reason").value = say(`why.${reason}`); })));
  $("page-dialog").showModal();
  (what === "move" ? $("page-number") : $("page-reasons").firstElementChild ?? $("page-go")).focus();
}

function choice(text, pressed, chosenNow) {
  return make("button", { type: "button", class: "key", "aria-pressed": String(pressed), onclick: (event) => {
    for (const other of event.currentTarget.parentElement.children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
    chosenNow();
  } }, text);
}

async function go(event) {
  event.preventDefault();
  const mine = asked;
  if (!mine) return;
  const reason = $("page-reason").value.trim();
  if (mine.what !== "place" && !reason) return put($("page-wrong"), say("reason-needed"));
  const body = { do: mine.what, reason };
  if (mine.what === "place") Object.assign(body, { kind: mine.kind, after: mine.page?.id ?? null });
  else body.page = mine.page.id;
  if (mine.what === "move") {
    const volume = $("page-volume").value.trim();
    const number = $("page-number").value === "" ? NaN : Number($("page-number").value);
    if (volume) body.volume = volume;
    else if (!Number.isInteger(number) || number < 0) return put($("page-wrong"), say("number-wrong"));
    else body.after_number = number;
  }
  const answer = await ask("/api/pages", body);
  if (!answer.ok) return put($("page-wrong"), answer.status === 401 ? say("do.sign-in") : answer.why || say("no-answer"));
  $("page-dialog").close();
  if (mine.what === "delete") follows();
  return toast(say(`did.${mine.what}`, { n: mine.page?.number ?? "" }), "good");
}
