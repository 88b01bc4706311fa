// The large panel: what happened to the last press, in a colour, a shape and words, with what to do. One rule decides which case it is.
import { $, has, isChinese, make, put, say, sideName, told } from "./kit.js";

const SHAPES = { good: "good", look: "look", bad: "bad", failed: "failed", working: "working", rejected: "refused", ignored: "refused", refused: "refused",
  person: "person", card: "card", cut: "cut", missing: "idle" };
const RANK = { bad: 0, look: 1, good: 2 };
const PASSING = ["busy", "nothing-to-retake"]; // refusals that leave the page before them as it is
const SAID = [...PASSING, "sign-in", "training", "question"]; // their large words say it all
const REASONS_MAX = 3;

export const markOf = (last) => (last ? `${last.t_ms} ${last.code} ${last.verdict} ${last.pages.map((page) => page.id).join()}` : "");
export function worst(pages) {
  const known = pages.map((page) => page.verdict).filter((verdict) => verdict in RANK);
  return known.length ? known.reduce((low, one) => (RANK[one] < RANK[low] ? one : low)) : null;
}

/** {tone, shape, code, fresh}: what the screen says now. `run` is {mark} while a press runs: how `last` stood when it began. */
export function caseOf(view, { run, stale, chosen, here }) {
  if (stale || !view) return { tone: "cut", shape: "cut", code: "cut" };
  if (chosen && view.aim?.page === chosen.id) return { tone: "look", shape: "refused", code: "again", chosen };
  if (chosen) {
    const verdict = chosen.placeholder ? "look" : chosen.verdict ?? "look";
    return { tone: verdict, shape: verdict, code: chosen.placeholder ? "chosen-placeholder" : `chosen-${verdict}`, chosen };
  }
  const last = view.last;
  const fresh = !run || (last && markOf(last) !== run.mark && last.code !== "busy");
  if (view.state !== "idle" && !fresh) return { tone: "working", shape: "working", code: view.state === "exposing" ? "exposing" : "checking" };
  if (view.sign_in.required && !view.sign_in.operator) return { tone: "look", shape: "person", code: "sign-in" };
  if (view.sign_in.required && !here) return { tone: "look", shape: "person", code: "elsewhere" };
  if (view.session && !view.session.ready) {
    const wrong = Object.values(view.session.cards).includes("wrong");
    return { tone: wrong ? "bad" : "look", shape: "card", code: `session-${view.session.step}`, session: view.session };
  }
  const passed = last?.code === "sign-in" && view.sign_in.operator; // what it was refused for is over
  if (!last || passed) return { tone: "idle", shape: "idle", code: view.batch ? "ready" : "closed-idle" };
  if (PASSING.includes(last.code) && last.outcome !== "failed" && last.pages.length) {
    const verdict = worst(last.pages);
    if (verdict) return { tone: verdict, shape: verdict, code: verdict, passing: last.code };
  }
  if (last.code === "half") return { tone: "bad", shape: "failed", code: "half" };
  if (last.verdict) return { tone: last.verdict, shape: last.verdict, code: last.code === "lowered" ? "lowered" : last.verdict };
  const tone = last.outcome === "failed" ? "bad" : last.outcome === "rejected" || last.code === "confirm" ? "look" : "idle";
  const named = last.outcome === "failed" && last.code === "busy" ? "scanner-busy" : last.code; // the device is busy, not the bench
  const code = has(`word.${named}`) ? named : last.outcome;
  if (code === "undone" && ["move", "delete", "retake"].includes(last.why)) return { tone, shape: "idle", code: "restored" };
  return { tone, shape: last.code === "confirm" ? "look" : SHAPES[last.outcome] ?? "idle", code };
}

export function showVerdict(view, now) {
  document.body.dataset.tone = now.tone;
  const word = say(`word.${now.code}`);
  document.title = view ? `${word} · ${view.station}` : word;
  $("shape").setAttribute("href", `#shape-${SHAPES[now.shape] ?? "idle"}`);
  put($("word"), word);
  put($("do"), now.session ? told(now.session) || say(`do.${now.code}`) : say(`do.${now.code}`, values(view, now)));
  showReasons(view, now);
}
const values = (view, now) => ({ next: view?.next ?? "", n: now.chosen?.number ?? "" });

function showReasons(view, now) {
  const lines = now.tone === "cut" || now.tone === "working" ? [] : linesOf(view, now);
  $("reasons").replaceChildren(...lines.slice(0, REASONS_MAX).map(([what, advice]) => make("li", {}, make("b", {}, what), advice ?? "")));
}

function linesOf(view, now) {
  if (now.session) return [...troubleLines(view), ...sessionLines(now.session)];
  const lines = [];
  const last = view.last;
  const failing = now.chosen ? now.chosen.failing ?? [] : last?.failing ?? [];
  const several = !now.chosen && (last?.pages.length ?? 0) > 1;
  const sent = now.chosen && view.rework?.pages.find((one) => one.id === now.chosen.id);
  if (sent) lines.push([say("reviewer", { reason: sent.reason }), ""]);
  if (now.chosen?.reason && now.chosen.reason !== "undo") lines.push([say("reason-was", { reason: now.chosen.reason })]);
  for (const check of failing) {
    const side = several ? `${sideName(check.side)}${isChinese() ? "：" : ": "}` : "";
    lines.push([side + told(check), has(`advice.${check.name}`) ? say(`advice.${check.name}`) : ""]);
  }
  if (!now.chosen && last?.why && ["failed", "rejected"].includes(last.outcome) && now.code === last.code && !SAID.includes(last.code)) {
    lines.push([told(last, "why"), has(`advice.${last.code}`) ? say(`advice.${last.code}`) : ""]);
  }
  if (view.disk && last?.code !== "disk") lines.push([view.disk, say("advice.disk")]);
  if (view.feeder?.end && view.feeder.end.code !== last?.code && has(`advice.${view.feeder.end.code}`)) lines.push([told(view.feeder.end), say(`advice.${view.feeder.end.code}`)]);
  for (const [side, why] of Object.entries(view.cameras)) lines.push([`${sideName(side)}: ${why}`, say("advice.camera")]);
  for (const [name, why] of Object.entries(view.pedals ?? {})) lines.push([`${say("pedal")} ${name}: ${why}`, say("advice.pedal")]);
  const drift = isChinese() ? view.session?.drift_zh ?? view.session?.drift ?? [] : view.session?.drift ?? [];
  for (const words of drift) lines.push([words, say("advice.drift")]);
  return lines;
}

/** Why the last press brought no picture at all, where a session is still to begin. */
function troubleLines(view) {
  const { last } = view;
  return last?.outcome === "failed" && last.why ? [[told(last, "why"), has(`advice.${last.code}`) ? say(`advice.${last.code}`) : ""]] : [];
}

function sessionLines(session) {
  const lines = Object.entries(session.cards).map(([side, state]) => [`${sideName(side)}: ${say(`card.${state}`)}`]);
  const target = session.target;
  if (target?.levels) lines.push([say("levels", { iso: target.levels.iso ?? "-", fadgi: target.levels.fadgi ?? "-" }), told(target)]);
  else if (target) lines.push([told(target)]);
  return lines;
}
