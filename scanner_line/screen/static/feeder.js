// A bench with a feeder: what was declared, fed, imaged and accepted, large; which side the next run brings; turn, put together, stop.
import { $, ask, make, put, say, told, toast } from "./kit.js";

const KEYS = [["S", "feeder-stop"], ["T", "feeder-turn"], ["C", "feeder-collate"]];
let current = () => null;

export function setUp(view) {
  current = view;
  for (const [id, doing] of Object.entries({ "feeder-stop": stop, "feeder-turn": turn, "feeder-collate": collate })) $(id).onclick = doing;
}
export const keysOf = (view) => (view?.feeder ? KEYS.slice(0, view.feeder.apart ? 3 : 1) : []);

const apart = () => Boolean(current()?.feeder?.apart);
const nextSide = (feeder) => (feeder.run[0] === "back" ? "front" : "back");

export async function stop() {
  if (!current()?.feeder?.running) return;
  heard(await ask("/api/feeder", { do: "stop" }), say("feeder-stopping"));
}
export async function turn() {
  if (!apart() || current().feeder.running) return;
  const side = nextSide(current().feeder);
  heard(await ask("/api/feeder", { do: side }), say(`feeder-next.${side}`));
}
export async function collate() {
  if (!apart() || current().feeder.running) return;
  heard(await ask("/api/feeder", { do: "collate" }), say("feeder-collated"));
}
function heard(answer, done) {
  if (answer.status === 401) return toast(say("do.sign-in"), "look");
  return answer.ok ? toast(done, "good") : toast(told({ words: answer.why, words_zh: answer.why_zh ?? answer.why }) || say("no-answer"), "bad");
}

export function showFeeder(view) {
  const feeder = view.feeder;
  document.body.dataset.feeder = String(Boolean(feeder));
  $("feeder").hidden = $("tally-box").hidden = !feeder;
  if (!feeder) return;
  showTally(feeder.count ?? null);
  $("feeder-stop").disabled = !feeder.running;
  for (const id of ["feeder-turn", "feeder-collate", "feeder-side"]) $(id).hidden = !feeder.apart;
  if (!feeder.apart) return;
  const [fronts, backs] = feeder.loose;
  put($("feeder-turn-word"), say(`feeder-turn.${nextSide(feeder)}`));
  put($("feeder-side-next"), say(`feeder-next.${feeder.run[0]}`));
  put($("feeder-side-loose"), fronts || backs ? say("feeder-loose", { fronts, backs }) : "");
  $("feeder-side-loose").dataset.tone = fronts === backs ? "" : "look";
  $("feeder-turn").disabled = feeder.running;
  $("feeder-collate").disabled = feeder.running || !(fronts || backs);
}

/** declared = fed = images = accepted: each sign says whether the two beside it agree, by shape, colour and name. */
function showTally(count) {
  const accepted = count ? count.good + count.look : 0;
  const cells = [
    ["declared", count?.declared ?? "–"],
    [count?.declared == null || count.difference === 0 ? "=" : "≠"],
    ["fed", count?.fed ?? 0, count && count.fed > count.images ? say("tally-out", { n: count.fed - count.images }) : ""],
    [count?.lost ? "≠" : "="],
    ["images", count?.images ?? 0, count?.placeholders ? say("tally-places", { n: count.placeholders }) : ""],
    [count && accepted !== count.images ? "≠" : "="],
    ["accepted", accepted, count?.look ? say("tally-look", { n: count.look }) : ""],
  ];
  $("tally").replaceChildren(...cells.map(([name, value, note]) => (value === undefined
    ? make("li", { class: "sign", dataset: { same: String(name === "=") }, "aria-label": say(name === "=" ? "tally-same" : "tally-differs"), role: "img" }, name)
    : make("li", {}, make("span", {}, say(`tally-${name}`)), make("b", { id: `tally-${name}` }, String(value)), make("small", {}, note ?? "")))));
  put($("tally-words"), count ? told(count) || (count.declared ? say("tally-settled") : "") : "");
  $("tally-words").dataset.tone = count && told(count) ? "look" : "good";
}
