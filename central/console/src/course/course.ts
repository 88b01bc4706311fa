// The room's chart: loads what the view asks for, draws it, and follows mouse, fingers, keys and address.
import { toast } from "../acts";
import type { LiveReading } from "../live";
import { say } from "../words";
import { Calendar } from "./calendar";
import { readConfig, type Channel, type Config } from "./config";
import { hoursOf, marksOf, seriesOf, type Marks } from "./data";
import { Plot, unitsOf, type Drawn } from "./plot";
import { fillTable, Readout } from "./readout";
import { grip } from "./touch";
import { DAY, panned, readView, SPANS, windowOf, writeView, yearsBefore, zoomed, type Mode, type View } from "./view";

const CHANNELS_MAX = 6;
const YEARS = 5;
const NONE: Marks = { doors: [], outputs: [], alarms: [], works: [], cut: false };
const REMEMBERED = "muniment-span";

class Course {
  private readonly byId: Map<string, Channel>;
  private readonly plot: Plot;
  private readonly readout: Readout;
  private readonly calendar: Calendar;
  private view: View;
  private window: [number, number] = [0, 1];
  private drawn: Drawn[] = [];
  private marks: Marks = NONE;
  private request = 0;
  private cursor: number | null = null;
  private timer = 0;

  constructor(private readonly root: HTMLElement, private readonly config: Config) {
    this.byId = new Map(config.channels.map((channel) => [channel.id, channel]));
    this.view = readView(config.shown, new Set(this.byId.keys()));
    if (this.view.span === null && this.view.from === null) {
      const kept = localStorage.getItem(REMEMBERED);
      this.view.span = this.view.mode === "calendar" ? "1y" : Date.now() - config.first < 3 * 3600e3 ? "1h" : kept && kept in SPANS ? kept : "24h";
    }
    this.plot = new Plot(this.part("plot"), {
      zoom: (from, to) => this.look([from, to]), reset: () => this.wide(),
      cursor: (ms) => { this.cursor = ms; this.readout.at(ms, this.marks); },
    });
    this.readout = new Readout(this.part("readout"), this.part("moment"), (id) => this.toggle(id));
    this.calendar = new Calendar(this.part("calendar"), (text) => { this.part("moment").textContent = text; }, (from, to) => { this.view.mode = "course"; this.look([from, to]); });
    grip(this.part("plot"), {
      window: () => this.window, preview: (window_) => this.plot.preview(window_), apply: (window_) => this.look(window_),
      cursor: (ms) => this.plot.moveCursor(ms),
    });
    this.wire();
    this.show();
  }

  private part<T extends HTMLElement = HTMLElement>(name: string): T {
    return this.root.querySelector<T>(`[data-part="${name}"]`)!;
  }

  private wire(): void {
    this.root.addEventListener("click", (event) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-span], [data-mode], [data-by], [data-do]");
      if (!button) return;
      const { span, mode, by } = button.dataset;
      if (span) { localStorage.setItem(REMEMBERED, span); Object.assign(this.view, { span, from: null, to: null }); this.show(); }
      else if (mode) this.mode(mode as Mode);
      else if (by) { this.view.by = by as View["by"]; this.show(); }
      else this.act(button.dataset.do!);
    });
    const add = this.part<HTMLSelectElement>("add");
    add.addEventListener("change", () => {
      if (add.value && this.view.mode === "course") this.toggle(add.value);
      else if (add.value) this.lead(add.value);
      add.value = "";
    });
    this.part("plot").addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("muniment:reading", (event) => {
      const { sensor, t, v } = (event as CustomEvent<LiveReading>).detail;
      if (v !== null && this.view.mode === "course" && this.view.from === null && this.view.channels.includes(sensor)) {
        this.plot.add(sensor, t as number, v);
        this.readout.at(this.cursor, this.marks);
      }
    });
    document.addEventListener("muniment:theme", () => this.paint());
    document.body.addEventListener("live-alarm", () => void this.load());
    window.addEventListener("popstate", () => { this.view = readView(this.config.shown, new Set(this.byId.keys())); this.show(); });
  }

  private act(what: string): void {
    const middle = this.cursor ?? (this.window[0] + this.window[1]) / 2;
    if (what === "in") this.look(zoomed(this.window, 0.5, middle));
    else if (what === "out") this.look(zoomed(this.window, 2, middle));
    else if (what === "back") this.look(panned(this.window, -0.5));
    else if (what === "on") this.look(panned(this.window, 0.5));
    else if (what === "now") this.wide();
    else if (what === "link") void navigator.clipboard?.writeText(location.href).then(() => toast(say("link_copied")), () => toast(location.href));
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps: Record<string, () => void> = {
      "+": () => this.act("in"), "=": () => this.act("in"), "-": () => this.act("out"),
      ArrowLeft: () => (event.shiftKey ? this.look(panned(this.window, -0.25)) : this.step(-1)),
      ArrowRight: () => (event.shiftKey ? this.look(panned(this.window, 0.25)) : this.step(1)),
      PageUp: () => this.look(panned(this.window, -1)), PageDown: () => this.look(panned(this.window, 1)),
      Home: () => this.step(-Infinity), End: () => this.step(Infinity), "0": () => this.wide(), Escape: () => this.wide(),
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    step();
  }

  /** The cursor goes to the next point, and what it shows is said. */
  private step(by: number): void {
    const times = this.plot.times.filter((t) => t >= this.window[0] && t <= this.window[1]);
    if (times.length === 0) return;
    const at = this.cursor === null ? times.length : times.findIndex((t) => t >= this.cursor! - 1);
    const next = Math.min(times.length - 1, Math.max(0, Number.isFinite(by) ? (at < 0 ? times.length - 1 : at) + by : by < 0 ? 0 : times.length - 1));
    this.plot.moveCursor(times[next]!);
    this.cursor = times[next]!;
    this.part("spoken").textContent = this.readout.at(this.cursor, this.marks);
  }

  private look([from, to]: [number, number]): void {
    const start = Math.max(from, this.config.first - (to - from)), end = start + (to - from);
    const late = end > Date.now() + (to - from) / 2;
    const length = to - from;
    Object.assign(this.view, late ? { from: Date.now() - length, to: Date.now() } : { from: start, to: end });
    this.show();
  }

  private wide(): void {
    Object.assign(this.view, { from: null, to: null, span: this.view.span ?? localStorage.getItem(REMEMBERED) ?? "24h" });
    this.show();
  }

  private mode(mode: Mode): void {
    this.view.mode = mode;
    if (mode === "calendar") Object.assign(this.view, { span: "1y", from: null, to: null });
    if (mode === "years" && this.window[1] - this.window[0] < 7 * DAY) Object.assign(this.view, { span: "30d", from: null, to: null });
    this.show();
  }

  private toggle(id: string): void {
    const shown = this.view.channels;
    if (shown.includes(id)) this.view.channels = shown.filter((one) => one !== id);
    else {
      const channel = this.byId.get(id)!;
      const units = new Set(shown.map((one) => this.byId.get(one)!.unit));
      if (shown.length >= CHANNELS_MAX) { toast(say("course_full", { n: CHANNELS_MAX }), { tone: "alarm" }); return; }
      if (!units.has(channel.unit) && units.size >= 2) { toast(say("course_units"), { tone: "alarm" }); return; }
      this.view.channels = [...shown, id];
    }
    this.show();
  }

  /** Years and calendar show one course: this one, from now on the first. */
  private lead(id: string): void {
    const units = new Set([this.byId.get(id)!.unit]);
    const rest = this.view.channels.filter((one) => one !== id && (units.has(this.byId.get(one)!.unit) || units.size < 2) && units.add(this.byId.get(one)!.unit));
    this.view.channels = [id, ...rest].slice(0, CHANNELS_MAX);
    this.show();
  }

  private show(): void {
    this.window = windowOf(this.view, this.config.first);
    // a calendar of a young room begins with it, and shows a month at least
    if (this.view.mode === "calendar") this.window[0] = Math.max(this.window[0], Math.min(this.config.first, this.window[1] - 30 * DAY));
    writeView(this.view);
    this.root.dataset.mode = this.view.mode;
    const press = (selector: string, on: (element: HTMLElement) => boolean): void => {
      for (const one of this.root.querySelectorAll<HTMLElement>(selector)) one.setAttribute("aria-pressed", String(on(one)));
    };
    press("[data-span]", (one) => this.view.from === null && one.dataset.span === this.view.span);
    press("[data-mode]", (one) => one.dataset.mode === this.view.mode);
    press("[data-by]", (one) => one.dataset.by === this.view.by);
    const add = this.part<HTMLSelectElement>("add"), one = this.view.mode !== "course";
    for (const option of add.options) option.disabled = one ? option.value === this.view.channels[0] || (this.view.mode === "calendar" && option.value.endsWith(".dew_point")) : this.view.channels.includes(option.value);
    add.options[0]!.textContent = say(one ? "course_other" : "course_compare");
    const link = this.root.querySelector<HTMLInputElement>("[name=view-channels]");
    if (link) link.value = this.view.channels.join(",");
    document.dispatchEvent(new CustomEvent("muniment:course", { detail: { channels: this.view.channels, from: this.window[0], to: this.window[1] } }));
    void this.load();
  }

  private async load(): Promise<void> {
    const mine = ++this.request;
    window.clearTimeout(this.timer);
    this.root.setAttribute("aria-busy", "true");
    const points = Math.max(150, Math.min(1500, Math.round(this.part("plot").clientWidth * Math.min(2, devicePixelRatio))));
    try {
      if (this.view.mode === "calendar") {
        const channel = this.byId.get(this.view.channels.find((id) => !id.endsWith(".dew_point")) ?? this.config.channels[0]!.id)!;
        const hours = await hoursOf(channel.id, this.window);
        if (mine !== this.request) return;
        this.readout.show([{ channel, series: { sensor: channel.id, q: channel.q, u: "", points: [], gaps: [], coverage: 0 }, label: channel.label, shift: 0, limits: true }], false);
        this.part("moment").textContent = say("calendar_hint");
        this.part("note").textContent = "";
        this.calendar.draw(hours, channel, this.window, this.view.by, this.part("calendar-key"), this.part<HTMLTableElement>("table"));
        return;
      }
      const [drawn, marks] = await Promise.all([this.view.mode === "years" ? this.years(points) : this.courses(points), this.view.mode === "years" ? NONE : marksOf(this.config.marks, this.window)]);
      if (mine !== this.request) return;
      this.drawn = drawn;
      this.marks = marks;
      this.cursor = null;
      this.paint();
      if (this.view.from === null) this.timer = window.setTimeout(() => { this.window = windowOf(this.view, this.config.first); void this.load(); }, 60_000);
    } catch {
      if (mine === this.request) this.part("note").textContent = say("chart_failed");
    } finally {
      if (mine === this.request) this.root.setAttribute("aria-busy", "false");
    }
  }

  private async courses(points: number): Promise<Drawn[]> {
    const channels = this.view.channels.map((id) => this.byId.get(id)!);
    const all = await Promise.all(channels.map((channel) => seriesOf(channel.id, this.window, points)));
    const places = new Set(channels.map((one) => one.place));
    return channels.map((channel, i) => ({
      channel, series: all[i]!, shift: 0, limits: channel.group === "room",
      label: places.size > 1 || channels.filter((one) => one.label === channel.label).length > 1 ? `${channel.label} · ${channel.place}` : channel.label,
    }));
  }

  /** The same days of earlier years, laid over this one's. */
  private async years(points: number): Promise<Drawn[]> {
    const channel = this.byId.get(this.view.channels[0]!)!;
    const spans = Array.from({ length: YEARS }, (_, n) => [yearsBefore(this.window[0], n), yearsBefore(this.window[1], n)] as [number, number]);
    const all = await Promise.all(spans.map((span) => (span[1] < this.config.first ? null : seriesOf(channel.id, span, points))));
    return all.flatMap((series, n) => (series === null || (n > 0 && series.points.length === 0) ? [] : [{
      channel, series, shift: this.window[1] - spans[n]![1], limits: n === 0, label: `${channel.label} ${new Date(spans[n]![1]).getFullYear()}`,
    }]));
  }

  private paint(): void {
    if (this.view.mode === "calendar") return;
    const empty = this.drawn.every((one) => one.series.points.length === 0);
    this.root.classList.toggle("is-empty", empty);
    if (unitsOf(this.drawn).length > 0) this.plot.draw(this.drawn, this.marks, this.window);
    this.readout.show(this.drawn, this.view.mode === "course");
    this.readout.at(this.cursor, this.marks);
    fillTable(this.part<HTMLTableElement>("table"), this.drawn);
    const raw = this.drawn.every((one) => one.series.points.every((point) => point[4] === 1));
    const note = empty ? say("chart_empty") : this.view.mode === "years" && this.drawn.length < 2 ? say("years_none") : raw ? say("course_raw") : say("course_means");
    this.part("note").textContent = this.marks.cut ? `${note} ${say("course_cut")}` : note;
  }
}

export function startCourse(root: HTMLElement): void {
  const config = readConfig();
  if (config && config.channels.length > 0) new Course(root, config);
}
