// The numbers: next page, counts against what was declared, pace and goal, the volume; and what the bench hangs on: links, source, disk.
import { $, put, say, sideName, told } from "./kit.js";

const NAMES = ["captured", "good", "look", "bad", "replaced", "placeholders"];

export function showCounts(view) {
  const batch = view.batch;
  const shown = batch ?? view.closed;
  const counts = shown?.counts ?? {};
  const declared = shown?.declared;
  const complete = batch && declared && counts.captured >= declared;
  put($("next-label"), say(complete ? "complete" : batch ? "next" : view.closed ? "last-batch" : "no-batch"));
  if (view.aim) put($("next-label"), say("aim-retake"));
  put($("next"), complete ? counts.captured : batch ? view.next : view.closed ? counts.captured : "–");
  put($("of"), declared ? say("of", { n: declared }) : "");
  for (const name of NAMES) {
    const count = counts[name] ?? 0;
    put($(`n-${name}`), name === "captured" && declared ? `${count}/${declared}` : count);
    $(`n-${name}`).parentElement.classList.toggle("some", count > 0);
  }
  put($("pace"), view.pace_per_h ?? "–");
  $("pace-box").dataset.pace = !view.goal_per_h || !view.pace_per_h ? "" : view.pace_per_h >= view.goal_per_h ? "on" : "under";
  put($("hour"), view.hour ?? "–");
  put($("goal"), view.goal_per_h ? say("goal", { n: view.goal_per_h }) : "");
  $("track").classList.toggle("none", !declared);
  $("track").setAttribute("aria-label", say("captured"));
  $("track").setAttribute("aria-valuemax", declared || Math.max(1, counts.captured ?? 0));
  $("track").setAttribute("aria-valuenow", Math.min(counts.captured ?? 0, declared || Infinity));
  $("fill").style.width = declared ? `${Math.min(100, (100 * counts.captured) / declared)}%` : "0";
  const state = document.createElement("b");
  state.textContent = say(batch ? (view.rework ? "batch-rework" : "batch-open") : "batch-closed");
  $("batch").replaceChildren(state, shown?.volume ? ` · ${say("volume", { volume: shown.volume })}` : "");
}

export function showLinks(view, stale) {
  for (const name of ["core", "centre"]) link(name, stale ? null : view.links[name] ?? null, say(`link.${name}.hint`));
  const faults = Object.entries(view.cameras);
  const feeder = view.feeder;
  const trouble = faults.length ? `${sideName(faults[0][0])}: ${faults[0][1]}` : feeder?.end && !feeder.end.sound ? told(feeder.end) : "";
  link("source", stale ? null : !trouble && !Object.keys(view.pedals ?? {}).length, trouble, feeder ? "feeder" : "cameras");
  link("disk", stale ? null : !view.disk, view.disk ?? "");
}

function link(name, up, hint, words = name) {
  const item = $(`link-${name}`);
  item.dataset.up = up === null ? "unknown" : String(up);
  put(item.lastElementChild, say(`link.${words}.${up === null ? "unknown" : up ? "up" : "down"}`));
  item.title = hint;
}
