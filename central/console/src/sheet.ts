// The review of a batch: a grid of its pages and one page large, worked by keys at a page a second.
import { toast } from "./acts";
import { Grid, icon, TONE, type Failing, type SheetPage } from "./sheet_grid";
import { Sending, type Said } from "./sheet_send";
import { Stage, type Shown } from "./sheet_stage";

type Words = Record<string, string>;
type Mode = "grid" | "page";
interface Answer { dossier: { obstacles: { code: string; words: string; words_zh: string; overridable: boolean }[] } }

const LIST = 500;

export async function startSheet(root: HTMLElement): Promise<void> {
  const words = JSON.parse(document.getElementById("sheet-words")!.textContent!) as Words;
  const pages: SheetPage[] = [];
  let cursor: string | null = "";
  try {
    while (cursor !== null) {
      const answer: Response = await fetch(`${root.dataset.api!}/sheet?limit=${LIST}${cursor ? `&cursor=${cursor}` : ""}`, { credentials: "same-origin" });
      if (!answer.ok) throw new Error();
      const part = (await answer.json()) as { items: SheetPage[]; next: string | null };
      pages.push(...part.items);
      cursor = part.next;
    }
  } catch {
    root.querySelector<HTMLElement>("[data-part=loading]")!.textContent = words.failed!;
    return;
  }
  new Sheet(root, pages, words).start();
}

class Sheet {
  private shown: SheetPage[] = [];
  private at = 0;
  private mode: Mode = "grid";
  private spread = false;
  private compare = false;
  private filter = "all";
  private undos: Said[] = [];
  private byId: Map<string, SheetPage>;
  private grid: Grid;
  private stage: Stage;
  private sending: Sending;
  private mayJudge: boolean;
  private dirty = false;
  private chinese = document.documentElement.lang.startsWith("zh");

  constructor(private root: HTMLElement, private pages: SheetPage[], private words: Words) {
    const purpose = root.dataset.purpose!;
    this.byId = new Map(pages.map((page) => [page.id, page]));
    this.mayJudge = root.dataset.judge !== undefined;
    this.grid = new Grid(this.part("grid"), { purpose, pending: words.pending!, words: (page) => this.tell(page), open: (at) => { this.at = at; this.open(); } });
    this.stage = new Stage(this.part("stage"), purpose, { pending: words.pending!, failed: words.image_failed! });
    this.sending = new Sending(`${root.dataset.api!}/reviews`, {
      taken: (answer) => this.standing((answer as Answer).dossier?.obstacles ?? []),
      refused: (why) => toast(why, { tone: "alarm", ms: 12000 }),
      count: (n) => { this.part("unsaved").textContent = n ? this.say("unsaved", { n }) : ""; },
    });
  }

  start(): void {
    this.part("loading").hidden = true;
    window.addEventListener("keydown", (event) => this.key(event), { capture: true });
    this.root.addEventListener("click", (event) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-do]");
      if (button) this.act(button.dataset.do!, button);
    });
    document.addEventListener("click", (event) => {
      const opener = (event.target as Element).closest<HTMLElement>('[data-opens="accept"], [data-opens="reject"]');
      if (!opener || !this.dirty) return;
      event.stopPropagation();
      void this.decide(opener.dataset.opens!);
    }, { capture: true });
    this.dialog.addEventListener("submit", (event) => { event.preventDefault(); this.reject(); });
    const wish = this.root.dataset.page;
    this.choose(this.pages.some((page) => page.why) && !wish ? "sample" : "all");
    const wished = wish ? this.shown.findIndex((page) => page.id === wish) : -1;
    if (wished >= 0) { this.at = wished; this.open(); }
    else this.part("grid").focus({ preventScroll: true });
  }

  /** A decision's dialog says what was reviewed: it is fetched anew when something was said since. */
  private async decide(name: string): Promise<void> {
    await this.sending.idle();
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("decision");
    if (answer.ok && fresh) { document.getElementById("decision")!.replaceChildren(...fresh.children); this.dirty = false; }
    (document.getElementById(name) as HTMLDialogElement | null)?.showModal();
  }

  private part(name: string): HTMLElement { return this.root.querySelector<HTMLElement>(`[data-part="${name}"]`)!; }
  private get dialog(): HTMLDialogElement { return document.getElementById("reject-page") as HTMLDialogElement; }
  private get page(): SheetPage | undefined { return this.shown[this.at]; }
  private say(key: string, values: Record<string, string | number> = {}): string {
    return (this.words[key] ?? key).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
  }
  private counts(page: SheetPage): boolean { return !page.replaced_by && !page.deleted; }

  private fits(page: SheetPage): boolean {
    switch (this.filter) {
      case "sample": return page.why !== null;
      case "failing": return this.counts(page) && page.failing.length > 0;
      case "retakes": return page.replaces !== null || page.replaced_by !== null;
      case "rejected": return page.review?.ok === false;
      case "places": return page.placeholder !== null;
      default: return true;
    }
  }

  private choose(filter: string): void {
    const stays = this.page;
    this.filter = filter;
    this.shown = this.pages.filter((page) => this.fits(page));
    const kept = stays ? this.shown.indexOf(stays) : -1;
    this.at = kept >= 0 ? kept : Math.max(0, this.shown.findIndex((page) => !page.review));
    for (const button of this.root.querySelectorAll<HTMLElement>("[data-filter]")) button.setAttribute("aria-pressed", String(button.dataset.filter === filter));
    this.part("empty").hidden = this.shown.length > 0;
    if (this.mode === "page" && !this.shown.length) this.mode = "grid";
    this.draw();
  }

  private draw(): void {
    this.part("grid").hidden = this.mode !== "grid" || this.shown.length === 0;
    this.part("page").hidden = this.mode !== "page";
    this.root.dataset.mode = this.mode;
    if (this.mode === "grid") this.grid.show(this.shown, this.at);
    else this.show();
    this.progress();
  }

  private progress(): void {
    const wanted = this.pages.filter((page) => page.why), of = wanted.length ? wanted : this.pages.filter((page) => this.counts(page));
    const done = of.filter((page) => page.review).length, bad = this.pages.filter((page) => page.review && !page.review.ok).length;
    this.part("progress").textContent = this.say(wanted.length ? "progress_sample" : "progress_all", { done, all: of.length, bad });
    const bar = this.root.querySelector("progress")!;
    bar.max = Math.max(1, of.length);
    bar.value = done;
    (this.root.querySelector('[data-do="undo"]') as HTMLButtonElement | null)?.toggleAttribute("disabled", this.undos.length === 0);
  }

  private standing(obstacles: Answer["dossier"]["obstacles"]): void {
    const list = this.part("obstacles");
    list.replaceChildren(...obstacles.map((one) => Object.assign(document.createElement("li"), { textContent: this.chinese ? one.words_zh : one.words })));
    list.closest("details")!.hidden = obstacles.length === 0;
  }

  private tell(page: SheetPage): string {
    const parts = [this.say("page", { n: page.seq ?? "–" }), this.say(`verdict_${page.verdict}`)];
    if (page.why) parts.push(this.say(`why_${page.why}`));
    if (page.replaced_by) parts.push(this.words.replaced!);
    if (page.review) parts.push(page.review.ok ? this.words.passed! : this.words.rejected!);
    return parts.join(", ");
  }

  private open(): void {
    if (!this.page) return;
    this.mode = "page";
    this.draw();
    this.part("title").focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "start" });
  }

  private beside(page: SheetPage): SheetPage | undefined {
    const near = this.pages.filter((one) => one !== page && this.counts(one) && one.seq !== null);
    return near.find((one) => one.press === page.press) ?? near.find((one) => one.seq === (page.seq ?? 0) + (page.seq && page.seq % 2 ? 1 : -1));
  }

  private pair(page: SheetPage): Shown[] {
    const shown = (one: SheetPage, caption: string): Shown => ({ page: one, caption, alt: this.say("page", { n: one.seq ?? "–" }) });
    const other = this.byId.get(page.replaces ?? page.replaced_by ?? "");
    if (this.compare && other) {
      const [old, now] = page.replaces ? [other, page] : [page, other];
      return [shown(old, this.words.before!), shown(now, this.words.after!)];
    }
    const mate = this.spread ? this.beside(page) : undefined;
    if (mate) return [page, mate].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0)).map((one) => shown(one, this.say("page", { n: one.seq ?? "–" })));
    return [shown(page, "")];
  }

  private show(): void {
    const page = this.page!;
    const coming = [...this.shown.slice(this.at + 1), ...this.shown.slice(0, this.at)];
    this.stage.show(this.pair(page), coming.filter((one) => !one.review).slice(0, 3));
    this.part("title").textContent = this.say("page", { n: page.seq ?? "–" });
    this.part("place").textContent = this.say("place", { at: this.at + 1, all: this.shown.length });
    this.part("why").textContent = page.why ? this.say(`why_${page.why}`) : "";
    const verdict = this.part("verdict");
    verdict.className = `sign sign-${TONE[page.verdict] ?? "grey"}`;
    verdict.replaceChildren(icon(TONE[page.verdict] ?? "grey"), this.say(`verdict_${page.verdict}`));
    this.part("failing").replaceChildren(...page.failing.map((check) => {
      const item = document.createElement("li");
      item.textContent = [this.words[`check_${check.name}`] ?? check.name, this.said(check)].filter(Boolean).join(": ");
      return item;
    }));
    const review = this.part("review"), said = page.review;
    review.className = `said-of ${said ? (said.ok ? "said-ok" : "said-no") : ""}`;
    review.textContent = !said ? this.words.unreviewed! : said.ok ? this.words.passed! : `${this.words.rejected!}: ${[this.words[`code_${said.code ?? ""}`], said.reason].filter(Boolean).join(" – ")}`;
    for (const [name, on] of [["spread", this.spread], ["compare", this.compare]] as const) this.root.querySelector(`[data-do="${name}"]`)?.setAttribute("aria-pressed", String(on));
    (this.root.querySelector('[data-do="compare"]') as HTMLButtonElement).hidden = !page.replaces && !page.replaced_by;
    for (const button of this.root.querySelectorAll<HTMLButtonElement>('[data-do="pass"], [data-do="reject"]')) button.disabled = !this.counts(page);
  }

  private said(check: Failing): string {
    const pick = (value: unknown): string => typeof value === "string" ? value : value && typeof value === "object" ? String((value as Record<string, unknown>)[this.chinese ? "zh" : "en"] ?? "") : "";
    return (this.chinese && pick(check.words_zh)) || pick(check.words);
  }

  private judge(ok: boolean, code?: string, reason?: string): void {
    const page = this.page;
    if (!page || !this.mayJudge || !this.counts(page)) return;
    const old = page.review;
    this.undos.push(old ? { page: page.id, ok: old.ok, ...(old.code ? { code: old.code } : {}), ...(old.reason ? { reason: old.reason } : {}) } : { page: page.id, ok: null });
    this.note({ page: page.id, ok, ...(code ? { code } : {}), ...(reason ? { reason } : {}) });
    this.onward();
  }

  private note(said: Said): void {
    const page = this.byId.get(said.page)!;
    page.review = said.ok === null ? null : { ok: said.ok, code: said.code ?? null, reason: said.reason ?? null, by: "" };
    this.part("said").textContent = said.ok === null ? this.words.taken_back! : this.tell(page);
    this.dirty = true;
    this.sending.add(said);
  }

  /** The next page that nobody has looked at, after this one; back to the grid when there is none. */
  private onward(): void {
    const order = [...this.shown.keys()].map((i) => (this.at + 1 + i) % this.shown.length);
    const next = order.find((i) => !this.shown[i]!.review && this.counts(this.shown[i]!));
    if (next !== undefined) this.at = next;
    else if (this.mode === "page") { this.mode = "grid"; this.draw(); this.part("grid").focus(); toast(this.words.all_done!); return; }
    this.draw();
  }

  private undo(): void {
    const last = this.undos.pop();
    if (!last) return;
    this.note(last);
    const at = this.shown.findIndex((page) => page.id === last.page);
    if (at >= 0) this.at = at;
    this.draw();
  }

  private ask(): void {
    const page = this.page;
    if (!page || !this.mayJudge || !this.counts(page)) return;
    const form = this.dialog.querySelector("form")!;
    form.reset();
    if (page.review?.code) (form.querySelector(`[value="${page.review.code}"]`) as HTMLInputElement).checked = true;
    (form.querySelector("textarea") as HTMLTextAreaElement).value = page.review?.reason ?? "";
    this.dialog.showModal();
    form.querySelector<HTMLInputElement>("input:checked")!.focus();
  }

  private reject(): void {
    const data = new FormData(this.dialog.querySelector("form")!);
    this.dialog.close();
    this.judge(false, String(data.get("code")), String(data.get("reason") ?? "").trim() || undefined);
  }

  private step(by: number): void {
    this.at = Math.max(0, Math.min(this.shown.length - 1, this.at + by));
    this.draw();
  }

  private act(name: string, button?: HTMLElement): void {
    const acts: Record<string, () => void> = {
      pass: () => this.judge(true), reject: () => this.ask(), next: () => this.onward(), undo: () => this.undo(),
      open: () => this.open(), previous: () => this.step(-1), following: () => this.step(1),
      grid: () => { if (this.stage.close()) return; this.mode = "grid"; this.draw(); this.part("grid").focus(); },
      spread: () => { this.spread = !this.spread; if (this.mode === "page") this.show(); },
      compare: () => { this.compare = !this.compare; if (this.mode === "page") this.show(); },
      marks: () => { this.root.querySelector('[data-do="marks"]')?.setAttribute("aria-pressed", String(this.stage.toggleMarks())); },
      in: () => void this.stage.zoom(1.5), out: () => void this.stage.zoom(1 / 1.5), whole: () => this.stage.close(), turn: () => this.stage.turn(),
      filter: () => this.choose(button?.dataset.filter ?? "all"),
    };
    acts[name]?.();
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); this.undo(); }
      return;
    }
    const target = event.target as HTMLElement;
    if (this.dialog.open) {
      const choice = /^[1-9]$/.test(event.key) && !target.closest("textarea") ? this.dialog.querySelectorAll<HTMLInputElement>('[name="code"]')[Number(event.key) - 1] : undefined;
      if (choice) { event.preventDefault(); choice.checked = true; choice.focus(); }
      else if (event.key === "Enter" && !target.closest("textarea, button")) { event.preventDefault(); this.reject(); }
      return;
    }
    if (document.querySelector("dialog[open]") || target.closest("input, textarea, select")) return;
    const onButton = target.closest("button, a, summary") !== null;
    const keys: Record<string, string> = { g: "pass", "1": "pass", r: "reject", "2": "reject", n: "next", "3": "next", u: "undo", s: "spread", b: "compare", o: "marks", "+": "in", "=": "in", "-": "out", "0": "whole", t: "turn", Escape: "grid" };
    if (this.mode === "page") Object.assign(keys, { ArrowLeft: "previous", ArrowRight: "following" });
    else if (!onButton) keys.Enter = "open";
    if (!onButton && this.mode === "grid" && this.shown.length && this.grid.key(event.key)) { this.at = this.grid.at; event.preventDefault(); event.stopPropagation(); return; }
    const filters = [...this.root.querySelectorAll<HTMLElement>("[data-filter]")];
    if (event.key === "f") this.choose(filters[(filters.findIndex((one) => one.dataset.filter === this.filter) + 1) % filters.length]!.dataset.filter!);
    else if (keys[event.key]) this.act(keys[event.key]!);
    else return;
    event.preventDefault();
    event.stopPropagation(); // "g" and "r" mean something else on other pages
  }
}
