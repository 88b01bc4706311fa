// The console's entry: wires the small modules to the page that was drawn by the server.
import htmx from "htmx.org/dist/htmx.esm.js";
import { Idiomorph } from "idiomorph/dist/idiomorph.esm.js";
import { startActs, toast } from "./acts";
import { startAlarms } from "./alarms";
import { startKeys } from "./keys";
import { startLive } from "./live";
import { startExport } from "./exporting";
import { startReview, track } from "./review";
import { startPeople } from "./people";
import { startRooms } from "./rooms";
import { startTheme } from "./theme";
import { localise, startTimes } from "./times";
import { loadWords, say } from "./words";

loadWords();
startTimes();
startTheme();
startActs();
startReview();
startKeys();
startAlarms();
startPeople();

// A refreshed section is morphed into the one on the page: focus, a playing clip and scroll positions stay.
htmx.defineExtension("morph", {
  isInlineSwap: (style: string) => style === "morph",
  handleSwap: (style: string, target: Node, fragment: Node) => {
    if (style !== "morph") return false;
    const fresh = fragment instanceof DocumentFragment ? fragment.firstElementChild : fragment;
    if (!fresh) return [target];
    return Idiomorph.morph(target as Element, fresh as Element, {
      morphStyle: "outerHTML", ignoreActiveValue: true,
      callbacks: { beforeNodeMorphed: (old: Node) => !(old instanceof Element && old.matches("dialog[open], [aria-busy=true], [data-keep]")) },
    });
  },
});
document.addEventListener("htmx:afterSettle", (event) => {
  const section = event.target as HTMLElement;
  localise(section.parentElement ?? document);
  track(document);
});
let signedOut = false;
document.addEventListener("htmx:sendError", () => document.documentElement.classList.add("is-stale"));
document.addEventListener("htmx:afterRequest", (event) => {
  const { successful, xhr } = (event as CustomEvent<{ successful: boolean; xhr: XMLHttpRequest }>).detail;
  if (successful) document.documentElement.classList.remove("is-stale");
  else if (xhr.status === 401 && !signedOut) {
    signedOut = true;
    toast(say("signed_out"), { tone: "alarm", ms: 600_000 });
  }
});
startLive();

// On a phone the tabs of a room's pages and the navigation are wider than the screen: show what is open.
for (const bar of document.querySelectorAll<HTMLElement>(".tabs, .spine ul")) {
  const here = bar.querySelector<HTMLElement>("[aria-current=page]");
  if (here) bar.scrollLeft += here.getBoundingClientRect().left - bar.getBoundingClientRect().left - (bar.clientWidth - here.offsetWidth) / 2;
}

const course = document.querySelector<HTMLElement>("[data-course]");
if (course) void import("./course/course").then(({ startCourse }) => startCourse(course));
const exporting = document.querySelector<HTMLFormElement>("[data-export]");
if (exporting) startExport(exporting);
const filter = document.querySelector<HTMLElement>("[data-rooms-filter]");
if (filter) startRooms(filter);
if (document.querySelector("[data-plan], [data-plan-new]")) void import("./plan").then(({ startPlan }) => startPlan());
if (document.querySelector("[data-calendar]")) void import("./calendar").then(({ startCalendar }) => startCalendar());
if (document.querySelector("[data-walk], [data-patrol-kept], [data-round], [data-print]")) void import("./patrol").then(({ startPatrol }) => startPatrol());
if (document.querySelector("[data-limits-page]")) void import("./limits").then(({ startLimits }) => startLimits());
const calibrate = document.querySelector<HTMLFormElement>("[data-calibrate]");
if (calibrate) void import("./sensors").then(({ startCalibration }) => startCalibration(calibrate));
if (document.querySelector("[data-steps], [data-import], [data-board], [data-link-batch], [data-limits-steps]")) void import("./process").then(({ startProcess }) => startProcess());
const image = document.querySelector<HTMLElement>("[data-viewer]");
if (image) void import("./viewer").then(({ startViewer }) => startViewer(image));
const sheet = document.querySelector<HTMLElement>("[data-sheet]");
if (sheet) void import("./sheet").then(({ startSheet }) => startSheet(sheet));
const planForm = document.querySelector<HTMLFormElement>("[data-plan-form]");
if (planForm) void import("./sampling").then(({ startSampling, startChoice }) => { startSampling(planForm); startChoice(document.querySelector<HTMLSelectElement>("[data-choice-scope]")!); });
