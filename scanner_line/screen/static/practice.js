// Training at the bench, plainly marked: start with drawn or with real pages, end, and the score with what was missed.
import { $, ask, make, put, say, toast } from "./kit.js";

let material = "book";
let shownScore = "";

export function setUp() {
  $("training").onclick = () => { $("more-dialog").close(); begin(); };
  $("training-cancel").onclick = () => $("training-dialog").close();
  $("training-dialog").querySelector("form").onsubmit = start;
  $("practice-end").onclick = end;
}

function begin() {
  put($("training-wrong"), "");
  $("training-material").setAttribute("aria-label", say("training-title"));
  $("training-material").replaceChildren(...["book", "cameras"].map((one) => make("button", { type: "button", class: "key", "aria-pressed": String(one === material),
    onclick: (event) => {
      material = one;
      for (const other of $("training-material").children) other.setAttribute("aria-pressed", String(other === event.currentTarget));
    } }, say(`training.${one}`))));
  $("training-dialog").showModal();
}

async function start(event) {
  event.preventDefault();
  const answer = await ask("/api/training", { do: "start", material });
  if (!answer.ok) return put($("training-wrong"), answer.status === 401 ? say("do.sign-in") : answer.why || say("no-answer"));
  return $("training-dialog").close();
}

async function end() {
  const answer = await ask("/api/training", { do: "stop" });
  if (!answer.ok) toast(answer.why || say("no-answer"), "bad");
}

export function show(view) {
  const training = view.training;
  document.body.dataset.training = String(Boolean(training?.on));
  $("practice").hidden = !training?.on;
  $("training").hidden = training === null || training === undefined;
  $("training").disabled = Boolean(training?.on) || Boolean(view.batch);
  if (training?.on) {
    put($("practice").querySelector("b"), say("training-on"));
    put($("practice").querySelector("span"), training.done ? say("training-last") : say("training-left", { n: training.left }));
  }
  const score = training?.score;
  const key = score ? String(score.id) : "";
  if (score && key !== shownScore && !training.on && shownScore !== "unseen") showScore(score);
  shownScore = key;
}
/** A score that was there when the page was loaded has been seen before. */
export function seen(view) { shownScore = view.training?.score ? String(view.training.score.id) : ""; }

function showScore(score) {
  put($("score-title"), say("score-title", { n: score.mended, total: score.total }));
  put($("score-words"), say(score.mended === score.total ? "score-all" : "score-some"));
  $("score-list").replaceChildren(...score.defects.map((one) => make("li", { dataset: { mended: String(one.mended) } },
    make("b", {}, `${one.mended ? "✓" : "✕"} ${say(`defect.${one.kind}`)}`), ` ${say(one.mended ? "was-mended" : `missed.${one.kind}`, { n: one.page })}`)));
  $("score-dialog").showModal();
}
